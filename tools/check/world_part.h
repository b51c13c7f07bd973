// SPDX-License-Identifier: Apache-2.0
//
// WorldParts: of a World the part that the answer about some subjects depends
// on, so that a cure of one file of a hundred thousand is tried on a machine
// with that file, and not on all of them.
//
//   WorldParts parts(world, session);
//   proto::World part = parts.Of({&subject});
//   // its devices, with what is below them; its mount, with this file
//
// Devices keep their numbers, and a mount the files that end last, behind which
// its free space begins.  What processes have touched decides what others get
// on the same mounts: a part has the processes that use a mount or a device-dax
// of it, with all that those use, and so on.  A World in which a subject's rows
// know of rows in other tables (TargetType::knows_others) is its own part.
// Threading: as Machine and DmCtl.
#ifndef DMDAX_TOOLS_CHECK_WORLD_PART_H_
#define DMDAX_TOOLS_CHECK_WORLD_PART_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/dev_t.h"
#include "state/session.h"
#include "state/world.pb.h"
#include "tools/check/subject.h"

namespace dmdax {

class WorldParts {
 public:
  // `session` is that of the World; both must outlive it.
  WorldParts(const proto::World& world, const Session& session);

  proto::World Of(absl::Span<const Subject* const> subjects) const;

  // Of a file: where that ends on the device what other files of the mount
  // have, in bytes.
  uint64_t UsedEnd(const Subject& subject) const;

 private:
  class Picker;
  using Names = absl::flat_hash_map<std::string, int>;

  struct MountEntry {
    proto::Mount bare;  // without its files
    Names files;
    // The two files that end last, and where.
    std::array<std::pair<uint64_t, std::string>, 2> last;
  };

  void AddMount(int index);
  void JoinWhatProcessesUse();
  // The set of mounts and device-daxes that processes tie together, by the path
  // of a file of it; nothing: it is of none.
  std::optional<int> TiedBy(absl::string_view path) const;

  const proto::World& world_;
  const Session& session_;
  // Where they are in the World.
  Names pmems_, blocks_, mapped_, daxes_, mount_paths_;
  std::vector<MountEntry> mounts_;
  // Of each mount, and behind those of each device-dax, the first that it is
  // tied to; and by that first the processes.
  std::vector<int> tied_;
  absl::flat_hash_map<int, std::vector<int>> processes_;
  absl::flat_hash_map<DevT, std::vector<int>> nodes_;
  absl::flat_hash_set<int> know_others_;  // mapped devices
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_WORLD_PART_H_
