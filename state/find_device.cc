// SPDX-License-Identifier: Apache-2.0
#include "state/find_device.h"

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/errno_status.h"
#include "base/nearest.h"
#include "state/nodes.h"

namespace dmdax {
namespace {

absl::Status NoDevice(const Session& session, absl::string_view name) {
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
      ENXIO, absl::StrCat("no device '", name.substr(0, kMostOfName), "'",
                          meant, "; there ", known.empty() ? "is none" : "are ",
                          absl::StrJoin(known, ", "), more ? ", ..." : ""));
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
  return NoDevice(session, name);
}

}  // namespace dmdax
