// SPDX-License-Identifier: Apache-2.0
#include "tools/check/device_use.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/one_line.h"
#include "process/mount_point.h"
#include "state/find_device.h"
#include "tools/check/dax_depth.h"

namespace dmdax {
namespace {

// Options that name a second device of a file system, and what that is.
constexpr std::pair<absl::string_view, absl::string_view> kSecondDevices[] = {
    {"logdev=", "log"},
    {"rtdev=", "realtime device"},
    {"journal_path=", "journal"},
};

}  // namespace

DeviceUses::DeviceUses(const Session& session) {
  for (const auto& [at, mount] : session.user->mounts()) {
    const std::string& options = mount->options().request.options;
    if (!absl::StrContains(options, "=/dev/")) continue;
    for (absl::string_view option : absl::StrSplit(options, ',')) {
      for (const auto& [key, part] : kSecondDevices) {
        absl::string_view device = option;
        if (!absl::ConsumePrefix(&device, key)) continue;
        const absl::StatusOr<BlockDevice*> found =
            FindDevice(session, std::string(device));
        if (!found.ok()) continue;
        uses_.try_emplace(*found,
                          Use{absl::StrCat("the ", part, " of ", at), at});
      }
    }
  }
}

std::string DeviceUses::Of(const BlockDevice& bdev) const {
  const auto use = uses_.find(&bdev);
  return use == uses_.end() ? "" : use->second.what;
}

std::string DeviceUses::MountOf(const BlockDevice& bdev) const {
  const auto use = uses_.find(&bdev);
  return use == uses_.end() ? "" : use->second.mount;
}

UsesThatGo UsesOf(const Session& session, const DeviceUses& uses,
                  const std::set<BlockDevice*>& devices) {
  UsesThatGo gone;
  std::set<std::string> remarks;
  for (BlockDevice* bdev : devices) {
    const std::string use = uses.Of(*bdev);
    if (use.empty()) continue;
    const std::string what =
        OneLine(absl::StrCat(NameOfDevice(session, *bdev), " holds ", use));
    if (uses.MountOf(*bdev).empty()) {
      remarks.insert(what);
    } else {
      gone.refused = absl::StrCat(
          what, ": save the data of that mount, and make both anew by hand");
    }
  }
  gone.remarks.assign(remarks.begin(), remarks.end());
  return gone;
}

}  // namespace dmdax
