// SPDX-License-Identifier: Apache-2.0
//
// PlaceInInputs and CheckText: what is wrong in the World, said of the inputs.
#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/utf8.h"
#include "import/build_world.h"
#include "state/proto_utf8.h"

namespace dmdax {

Place PlaceInInputs(const Facts& facts, const proto::World& world,
                    absl::string_view path) {
  if (path == "dm_major") {
    // It is refused where a disk has it.
    const uint32_t major = world.dm_major() != 0 ? world.dm_major() : kDmMajor;
    for (const auto& [name, disk] : facts.disks) {
      if (disk.dev && disk.dev->value.major_nr == major) return disk.dev->place;
    }
    return {};
  }
  const size_t open = path.find('[');
  int i = 0;
  if (open == path.npos ||
      !absl::SimpleAtoi(path.substr(open + 1, path.find(']', open) - open - 1),
                        &i)) {
    return {};
  }
  const absl::string_view list = path.substr(0, open);
  const auto in = [](const auto& objects, const std::string& name) {
    const auto it = objects.find(name);
    return it == objects.end() ? Place{} : it->second.place;
  };
  if (list == "pmem") return in(facts.disks, world.pmem(i).name());
  if (list == "block") return in(facts.disks, world.block(i).name());
  if (list == "dax") return in(facts.dax, world.dax(i).name());
  if (list == "mapped_device") {
    return in(facts.mapped, world.mapped_device(i).name());
  }
  if (list != "mount") return {};
  const bool of_file = absl::StrContains(path, ".file[");
  for (const FileFact& file : facts.files) {
    if (of_file && !IsUtf8(file.path)) {
      return file.place;
    }
  }
  for (const MountFact& m : facts.mounts) {
    if (m.path == world.mount(i).path()) return m.place;
  }
  return {};
}

absl::Status CheckText(const Facts& facts, const proto::World& world) {
  const std::string path = FindNonUtf8(world);
  if (path.empty()) return absl::OkStatus();
  const std::string what = absl::StrCat(path, " of the World is not UTF-8");
  const Place place = PlaceInInputs(facts, world, path);
  return place.input == nullptr ? ErrnoError(EINVAL, what) : place.Error(what);
}

}  // namespace dmdax
