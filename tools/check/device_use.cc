// SPDX-License-Identifier: Apache-2.0
#include "tools/check/device_use.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/one_line.h"
#include "fs/mount_words.h"
#include "import/formats/boot_part.h"
#include "process/mount_point.h"
#include "state/find_device.h"
#include "tools/check/bdev_set.h"
#include "tools/check/cure_lines.h"
#include "tools/check/dax_depth.h"
#include "tools/check/seen_use.h"
#include "tools/check/world_mount.h"

namespace dmdax {
namespace {

// Options that name a second device of a file system, and what that is.
constexpr std::pair<absl::string_view, absl::string_view> kSecondDevices[] = {
    {"logdev=", "log"},
    {"rtdev=", "realtime device"},
    {"journal_path=", "journal"},
};

// What others stand on is told of with them.
std::set<const BlockDevice*> StoodOn(const Session& session) {
  std::set<const BlockDevice*> stood_on;
  for (BlockDevice* bdev : session.machine->BlockDevices()) {
    for (BlockDevice* below : DevicesBelow(session, *bdev)) {
      stood_on.insert(below);
    }
  }
  for (const auto& [at, mount] : session.user->mounts()) {
    stood_on.insert(&mount->bdev());
  }
  return stood_on;
}

}  // namespace

DeviceUses::DeviceUses(const Session& session) {
  for (const auto& [at, mount] : session.user->mounts()) {
    const std::string& options = MachineOptions(*mount);
    if (!absl::StrContains(options, "=/dev/")) continue;
    for (absl::string_view option : MountWords(options)) {
      for (const auto& [key, part] : kSecondDevices) {
        absl::string_view device = option;
        if (!absl::ConsumePrefix(&device, key)) continue;
        const absl::StatusOr<BlockDevice*> found =
            FindDevice(session, std::string(device));
        if (!found.ok()) continue;
        uses_.try_emplace(*found,
                          Use{absl::StrCat("the ", part, " of ", at),
                              "save the data of that mount, and make both "
                              "anew by hand",
                              at});
      }
    }
  }
  if (!session.uses.empty()) AddSeen(session);
}

std::string DeviceUses::Of(const BlockDevice& bdev) const {
  const auto use = uses_.find(&bdev);
  if (use != uses_.end()) return use->second.what;
  const auto open = open_.find(&bdev);
  return open == open_.end() ? "" : open->second.what;
}

std::string DeviceUses::WhyNotClosed(const BlockDevice& bdev) const {
  const auto open = open_.find(&bdev);
  return open == open_.end() ? ""
                             : absl::StrCat("holds ", open->second.what, ": ",
                                            open->second.stays);
}

std::string DeviceUses::MountOf(const BlockDevice& bdev) const {
  const auto use = uses_.find(&bdev);
  return use == uses_.end() ? "" : use->second.mount;
}

bool DeviceUses::MapsNothing(const BlockDevice& bdev) const {
  const auto use = uses_.find(&bdev);
  return use != uses_.end() &&
         (use->second.maps_nothing || !use->second.mount.empty());
}

std::string DeviceUses::WhyItStays(const BlockDevice& bdev) const {
  const auto use = uses_.find(&bdev);
  return use == uses_.end() ? "" : use->second.stays;
}

DeviceUses::Swap DeviceUses::SwapOn(const BlockDevice& bdev) const {
  const auto swap = swap_.find(&bdev);
  return swap == swap_.end() ? Swap::kNone : swap->second;
}

std::optional<uint32_t> DeviceUses::SwapPriority(
    const BlockDevice& bdev) const {
  const auto priority = priorities_.find(&bdev);
  if (priority == priorities_.end()) return std::nullopt;
  return priority->second;
}

void DeviceUses::AddSeen(const Session& session) {
  const std::set<const BlockDevice*> stood_on = StoodOn(session);
  for (const proto::Use& use : session.uses) {
    const absl::StatusOr<BlockDevice*> bdev = FindDevice(session, use.device());
    if (!bdev.ok()) continue;
    if (!use.called().empty()) {
      open_.try_emplace(*bdev, WordsOfUse(use));
      continue;
    }
    if (use.active() || use.type() == "swap") {
      Swap& swap = swap_[*bdev];
      swap = std::max(swap, use.active() ? Swap::kInUse : Swap::kIdle);
      if (use.has_priority()) priorities_.try_emplace(*bdev, use.priority());
    }
    if (use.open() != 0) {
      open_.try_emplace(*bdev, OpenWords(use));
      continue;
    }
    if (stood_on.contains(*bdev) && !IsBootPart(use.type())) continue;
    SeenUse seen = WordsOfUse(use);
    const Use said{std::move(seen.what), std::move(seen.stays), "",
                   seen.maps_nothing};
    const auto [known, fresh] = uses_.try_emplace(*bdev, said);
    // Where inputs contradict each other no list may take it.
    if (!fresh && known->second.stays.empty()) known->second = said;
  }
}

std::string WhyNeverDax(const Session& session, const BlockDevice& bdev) {
  std::string path;
  for (const proto::Use& use : session.uses) {
    std::string why = WhyNeverDax(use);
    if (why.empty()) continue;
    if (path.empty()) path = DevicePath(session, bdev);
    if (use.device() == bdev.name() || use.device() == path) return why;
  }
  return "";
}

UsesThatGo UsesOf(const Session& session, const DeviceUses& uses,
                  const BdevSet& devices) {
  UsesThatGo gone;
  std::set<std::string> remarks;
  for (BlockDevice* bdev : devices) {
    const std::string name = OneLine(NameOfDevice(session, *bdev));
    if (const std::string open = uses.WhyNotClosed(*bdev); !open.empty()) {
      gone.refused = absl::StrCat(name, " ", open);
    }
    const std::string use = uses.Of(*bdev);
    if (use.empty() || uses.SwapOn(*bdev) != DeviceUses::Swap::kNone) continue;
    const std::string what = absl::StrCat(name, " holds ", OneLine(use));
    const std::string stays = uses.WhyItStays(*bdev);
    if (stays.empty()) {
      remarks.insert(absl::StrCat(what, ", to be made again by hand"));
    } else {
      gone.refused = absl::StrCat(what, ": ", stays);
    }
  }
  gone.remarks.assign(remarks.begin(), remarks.end());
  return gone;
}

}  // namespace dmdax
