// SPDX-License-Identifier: Apache-2.0
#include "tools/check/left_out_remark.h"

#include <cstdint>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "base/one_line.h"
#include "process/mount_point.h"
#include "state/find_device.h"
#include "tools/check/bdev_set.h"

namespace dmdax {
namespace {

// "filefrag:10:98: the length 0 is ...": where an input says it.
bool HasPlace(absl::string_view why) {
  const std::vector<absl::string_view> parts =
      absl::StrSplit(why.substr(0, why.find(": ")), ':');
  uint64_t line, column;
  return parts.size() > 2 && absl::SimpleAtoi(parts.back(), &column) &&
         absl::SimpleAtoi(parts[parts.size() - 2], &line);
}

// Whether an import says it of a file.  A mount that is left out itself may be
// of any device, and so may what an input would have said of others, which is
// left out by its own name.
bool IsOfFile(const std::string& name, absl::string_view why) {
  if (!absl::StartsWith(name, "/") || absl::StartsWith(why, name)) return false;
  for (absl::string_view of_file :
       {"file '", "it is on /", "filefrag says: "}) {
    if (absl::StartsWith(why, of_file)) return true;
  }
  return !absl::StartsWith(why, "mount '") && HasPlace(why);
}

// The device of the mount that a path is on, beside the World's or one of them;
// "": it is none of the World's.
std::string DeviceBelow(const StandsOn& stands_on, const std::string& name) {
  for (absl::string_view above : PathsAbove(name)) {
    const std::string path(above);
    for (const int number : stands_on.BesidesAt(path)) {
      const proto::MountBeside& beside = stands_on.world().mount_beside(number);
      if (!beside.hidden()) return beside.device();
    }
    const proto::Mount* const mount = stands_on.MountAt(path);
    if (mount != nullptr) return mount->device();
  }
  return "";
}

// Whether it is a file of a mount whose device does not go.
bool Stays(const Session& machine, const StandsOn& stands_on,
           const BdevSet& gone, const std::string& name,
           absl::string_view why) {
  if (!IsOfFile(name, why)) return false;
  const std::string device = DeviceBelow(stands_on, name);
  if (device.empty()) return false;
  const auto bdev = FindDevice(machine, device);
  return bdev.ok() && !gone.contains(*bdev);
}

}  // namespace

std::string LeftOutMayGo(const Session& machine, const StandsOn& stands_on,
                         const BdevSet& gone) {
  constexpr size_t kMost = 2;
  std::vector<std::string> names;
  size_t count = 0;
  for (const auto& [name, why] : machine.machine->left_out()) {
    if (Stays(machine, stands_on, gone, name, why)) continue;
    if (++count <= kMost) names.push_back(OneLine(name));
  }
  if (names.empty()) return "";
  std::string text = absl::StrJoin(names, ", ");
  if (count > kMost) absl::StrAppend(&text, " and ", count - kMost, " more");
  return absl::StrCat(text, count == 1 ? " is" : " are",
                      " left out of this machine, and may lie on what goes: "
                      "look first (lsblk, dmsetup ls --tree)");
}

}  // namespace dmdax
