// SPDX-License-Identifier: Apache-2.0
#include "state/find_device.h"

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/errno_status.h"
#include "base/nearest.h"
#include "state/nodes.h"

namespace dmdax {
namespace {

absl::Status NoDevice(const Session& session, absl::string_view name) {
  const absl::string_view bare = absl::StripPrefix(name, "/dev/");
  if (session.user->dev_daxes().contains(std::string(bare))) {
    return ErrnoError(ENXIO,
                      absl::StrCat("'", bare,
                                   "' is a device-dax, which is no block "
                                   "device: explain, fault and sweep "
                                   "take --device /dev/",
                                   bare));
  }
  std::vector<std::string> known;
  for (BlockDevice* bdev : session.machine->BlockDevices()) {
    auto md = bdev->dev().major_nr == session.ctl->major()
                  ? session.ctl->FindMinor(bdev->dev().minor_nr)
                  : nullptr;
    known.push_back(md != nullptr ? md->dm_name() : bdev->name());
  }
  const std::string meant = DidYouMean(name, known);
  constexpr size_t kShown = 20;
  const bool more = known.size() > kShown;
  if (more) known.resize(kShown);
  constexpr size_t kMostOfName = 128;
  return ErrnoError(
      ENXIO,
      absl::StrCat("no device '", name.substr(0, kMostOfName), "'", meant, "; ",
                   known.empty() ? "the machine has no devices" : "there are ",
                   absl::StrJoin(known, ", "), more ? ", ..." : ""));
}

// The names that LVM's tools take, "/dev/vg/lv" or "vg/lv", as LVM calls that
// device: "vg-lv", with each hyphen of a part doubled.  "": it is none.
std::string LvmName(absl::string_view path) {
  absl::ConsumePrefix(&path, "/dev/");
  const std::vector<absl::string_view> parts = absl::StrSplit(path, '/');
  if (parts.size() != 2 || parts[0].empty() || parts[1].empty()) return "";
  return absl::StrCat(absl::StrReplaceAll(parts[0], {{"-", "--"}}), "-",
                      absl::StrReplaceAll(parts[1], {{"-", "--"}}));
}

}  // namespace

absl::StatusOr<BlockDevice*> FindDevice(const Session& session,
                                        absl::string_view name) {
  Machine& machine = *session.machine;
  if (std::shared_ptr<MappedDevice> md = session.ctl->FindDevice(name)) {
    return &md->disk();
  }
  if (absl::StatusOr<DevT> dev = DevNumber(name); dev.ok()) {
    if (BlockDevice* bdev = machine.FindBdev(*dev)) return bdev;
  }
  if (BlockDevice* bdev = machine.FindBdevByName(name)) return bdev;
  if (absl::StatusOr<DevT> dev = machine.LookupBdev(name); dev.ok()) {
    if (BlockDevice* bdev = machine.FindBdev(*dev)) return bdev;
  }
  if (const std::string lvm = LvmName(name); !lvm.empty()) {
    if (std::shared_ptr<MappedDevice> md = session.ctl->FindDevice(lvm)) {
      return &md->disk();
    }
  }
  return NoDevice(session, name);
}

}  // namespace dmdax
