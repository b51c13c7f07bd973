// SPDX-License-Identifier: Apache-2.0
//
// WholeFiles: the files of each mount of a machine that have blocks for all of
// their bytes and can have a page of 2 MiB, and how much all have.  They are
// found once for each mount, however many of its files ask.
// Threading: thread-compatible.
#ifndef DMDAX_TOOLS_CHECK_WHOLE_FILES_H_
#define DMDAX_TOOLS_CHECK_WHOLE_FILES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "state/session.h"
#include "state/world.pb.h"

namespace dmdax {

class WholeFiles {
 public:
  struct File {
    std::string path;
    uint64_t size = 0;
  };
  struct OfMount {
    std::vector<File> files;                           // in the World's order
    std::vector<size_t> with_holes;                    // numbers among them
    absl::flat_hash_map<std::string, size_t> numbers;  // by path
    // The first few that nobody writes before chattr, and how many there are.
    std::vector<std::string> locked;
    size_t nr_locked = 0;
    // Whether any file of the mount has blocks of others.
    enum class Blocks { kOwn, kShared } blocks = Blocks::kOwn;
    // What all files of the mount have in blocks up to their ends.
    uint64_t bytes = 0;
  };

  explicit WholeFiles(const Session& machine) : machine_(machine) {}

  // `mount`: of the machine's World.
  const OfMount& Of(const proto::Mount& mount);

  // Whether a list may have all of them: the first one may, and as each of very
  // many may have its own, the others as long as few are written down.
  bool MayList(const proto::Mount& mount);

 private:
  const Session& machine_;
  size_t listed_ = 0;
  absl::flat_hash_map<const proto::Mount*, OfMount> mounts_;  // those asked for
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_WHOLE_FILES_H_
