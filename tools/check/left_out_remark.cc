// SPDX-License-Identifier: Apache-2.0
#include "tools/check/left_out_remark.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "base/one_line.h"
#include "process/mount_point.h"
#include "state/find_device.h"

namespace dmdax {
namespace {

// Whether it is a file of a mount whose device does not go.  A mount that is
// left out itself may be of any device.
bool Stays(const Session& machine, const StandsOn& stands_on,
           const std::set<BlockDevice*>& gone, const std::string& name,
           absl::string_view why) {
  if (!absl::StartsWith(name, "/") || !absl::StartsWith(why, "file '")) {
    return false;
  }
  for (absl::string_view above : PathsAbove(name)) {
    const proto::Mount* const mount = stands_on.MountAt(std::string(above));
    if (mount == nullptr) continue;
    const auto bdev = FindDevice(machine, mount->device());
    return bdev.ok() && !gone.contains(*bdev);
  }
  return false;
}

}  // namespace

std::string LeftOutMayGo(const Session& machine, const StandsOn& stands_on,
                         const std::set<BlockDevice*>& gone) {
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
