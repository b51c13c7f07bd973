// SPDX-License-Identifier: Apache-2.0
#include "dm/wire/ioctl_commands.h"

#include <cerrno>
#include <iterator>
#include <string>
#include <vector>

#include "base/errno_status.h"
#include "dm/wire/loaded_targets.h"

namespace dmdax {

absl::Status IoctlError(DmCtl& ctl, int err, absl::string_view text) {
  DmLog(ctl.machine(), KernLevel::kErr, "ioctl", text);
  return ErrnoError(err, text);
}

namespace {

// The commands without a payload: header in, header out.
template <absl::Status (DmCtl::*kCommand)(DmIoctl&)>
absl::Status HeaderOnly(DmCtl& ctl, DmFile&, IoctlParam& param) {
  DmIoctl io = param.Header();
  absl::Status s = (ctl.*kCommand)(io);
  if (s.ok()) param.SetHeader(io);
  return s;
}

absl::Status RemoveAll(DmCtl& ctl, DmFile&, IoctlParam& param) {
  DmIoctl io = param.Header();
  absl::Status s = ctl.RemoveAll(io);
  param.SetDataSize(0);  // nothing is copied back
  return s;
}

absl::Status ArmPoll(DmCtl& ctl, DmFile& file, IoctlParam&) {
  file.Arm(ctl);
  return absl::OkStatus();
}

absl::Status Rename(DmCtl& ctl, DmFile&, IoctlParam& param) {
  absl::string_view name;
  // An empty string makes DevRename() complain in the kernel's words.
  if (!param.DataString(param.data_start(), 0, &name)) name = "";
  DmIoctl io = param.Header();
  absl::Status s = ctl.DevRename(io, std::string(name));
  if (s.ok()) param.SetHeader(io);
  return s;
}

absl::Status TableLoad(DmCtl& ctl, DmFile&, IoctlParam& param) {
  DmIoctl io = param.Header();
  // The kernel writes the name and uuid of the device into the header before it
  // reads the rows; a row that overlaps the header reads them.
  DmIoctl found = io;
  if (absl::Status s = ctl.DevStatus(found); !s.ok()) return s;
  DmIoctl named = io;
  named.name = found.name;
  named.uuid = found.uuid;
  named.flags = (io.flags & ~DM_INACTIVE_PRESENT_FLAG) |
                (found.flags & DM_INACTIVE_PRESENT_FLAG);
  param.SetHeader(named);
  SpecWalker walker(param, ctl.machine());
  absl::Status s = ctl.TableLoad(io, io.target_count,
                                 [&](size_t i) { return walker.Next(i); });
  if (s.ok()) param.SetHeader(io);
  return s;
}

absl::Status TableStatus(DmCtl& ctl, DmFile&, IoctlParam& param) {
  DmIoctl io = param.Header();
  std::vector<DmTargetSpec> rows;
  if (absl::Status s = ctl.TableStatus(io, &rows); !s.ok()) return s;
  param.SetHeader(io);
  // Without a table even data_start stays as it came.
  if (!rows.empty()) WriteStatus(param, rows);
  return absl::OkStatus();
}

absl::Status Wait(DmCtl& ctl, DmFile&, IoctlParam& param) {
  DmIoctl io = param.Header();
  if (absl::Status s = ctl.DevWait(io); !s.ok()) return s;
  param.SetHeader(io);
  // The reply has the status of the table, as DM_TABLE_STATUS gives it.
  DmIoctl query{.flags = io.flags, .name = io.name};
  std::vector<DmTargetSpec> rows;
  if (absl::Status s = ctl.TableStatus(query, &rows); !s.ok()) return s;
  if (!rows.empty()) WriteStatus(param, rows);
  return absl::OkStatus();
}

absl::Status Deps(DmCtl& ctl, DmFile&, IoctlParam& param) {
  DmIoctl io = param.Header();
  std::vector<DevT> deps;
  bool has_table = false;
  if (absl::Status s = ctl.TableDeps(io, &deps, &has_table); !s.ok()) return s;
  param.SetHeader(io);
  if (has_table) WriteDeps(param, deps);
  return absl::OkStatus();
}

absl::Status ListDevices(DmCtl& ctl, DmFile&, IoctlParam& param) {
  DmIoctl io = param.Header();
  std::vector<DmNameEntry> entries;
  absl::Status s = ctl.ListDevices(io, &entries);
  if (s.ok()) WriteDeviceList(param, entries, ctl.machine().profile());
  return s;
}

bool all_targets_loaded = false;

// The newest first, and what is loaded at boot is the oldest.
std::vector<const TargetType*> LoadedTypes(const KernelProfile& profile) {
  const std::vector<const TargetType*> at_boot = TargetTypes(profile);
  if (!all_targets_loaded) return at_boot;
  std::vector<const TargetType*> types;
  for (const TargetType* type : KnownTargetTypes(profile)) {
    if (!type->registered) types.push_back(type);
  }
  types.insert(types.end(), at_boot.begin(), at_boot.end());
  return types;
}

absl::Status ListVersions(DmCtl& ctl, DmFile&, IoctlParam& param) {
  const KernelProfile& profile = ctl.machine().profile();
  WriteVersions(param, LoadedTypes(profile), profile);
  return absl::OkStatus();
}

absl::Status GetTargetVersion(DmCtl& ctl, DmFile&, IoctlParam& param) {
  const KernelProfile& profile = ctl.machine().profile();
  const TargetType* type = FindTargetType(param.Header().name, profile);
  if (type == nullptr) return ErrnoError(EINVAL, "no such target type");
  WriteVersions(param, {type}, profile);
  return absl::OkStatus();
}

absl::Status TargetMsg(DmCtl& ctl, DmFile&, IoctlParam& param) {
  // The message is looked for where the request says, before data_start is
  // set to where a reply would go.
  const size_t at = param.data_start();
  const size_t room = param.StartResult();
  DmIoctl io = param.Header();
  absl::string_view text;
  if (!param.DataString(at, sizeof(uint64_t), &text)) {
    // The kernel looks the device up before it looks at the text.
    DmIoctl probe = io;
    if (absl::Status s = ctl.DevStatus(probe); !s.ok()) return s;
    return IoctlError(ctl, EINVAL, "Invalid target message parameters.");
  }
  const sector_t sector(param.Get<uint64_t>(at));
  std::string reply;
  absl::Status s = ctl.TargetMsg(io, sector, std::string(text), &reply);
  if (!s.ok()) return s;
  if (!io.copied_back) {
    param.SetDataSize(0);
    return absl::OkStatus();
  }
  const bool has_reply = io.flags & DM_DATA_OUT_FLAG;
  param.SetHeader(io);
  if (has_reply) WriteMessageReply(param, reply, room);
  return absl::OkStatus();
}

absl::Status SetGeometry(DmCtl& ctl, DmFile&, IoctlParam& param) {
  DmIoctl io = param.Header();
  absl::string_view text;
  if (!param.DataString(param.data_start(), 0, &text)) {
    // As above: a missing device is reported first.
    DmIoctl probe = io;
    if (absl::Status s = ctl.DevStatus(probe); !s.ok()) return s;
    return IoctlError(ctl, EINVAL, "Invalid geometry supplied.");
  }
  absl::Status s = ctl.DevSetGeometry(io, std::string(text));
  param.SetDataSize(0);  // nothing is copied back
  return s;
}

constexpr auto kAsks = IoctlCommand::kAsks;
constexpr auto kChanges = IoctlCommand::kChanges;

// In the order of their numbers.
constexpr IoctlCommand kIoctls[] = {
    {DM_VERSION_CMD, kAsks, false, nullptr},  // answered by check_version()
    {DM_REMOVE_ALL_CMD, kChanges, true, RemoveAll},
    {DM_LIST_DEVICES_CMD, kAsks, false, ListDevices},
    {DM_DEV_CREATE_CMD, kChanges, true, HeaderOnly<&DmCtl::DevCreate>},
    {DM_DEV_REMOVE_CMD, kChanges, true, HeaderOnly<&DmCtl::DevRemove>},
    {DM_DEV_RENAME_CMD, kChanges, false, Rename},
    {DM_DEV_SUSPEND_CMD, kChanges, true, HeaderOnly<&DmCtl::DevSuspend>},
    {DM_DEV_STATUS_CMD, kAsks, true, HeaderOnly<&DmCtl::DevStatus>},
    {DM_DEV_WAIT_CMD, kAsks, false, Wait},
    {DM_TABLE_LOAD_CMD, kChanges, false, TableLoad},
    {DM_TABLE_CLEAR_CMD, kChanges, true, HeaderOnly<&DmCtl::TableClear>},
    {DM_TABLE_DEPS_CMD, kAsks, false, Deps},
    {DM_TABLE_STATUS_CMD, kAsks, false, TableStatus},
    {DM_LIST_VERSIONS_CMD, kAsks, false, ListVersions},
    {DM_TARGET_MSG_CMD, kChanges, false, TargetMsg},
    {DM_DEV_SET_GEOMETRY_CMD, kChanges, false, SetGeometry},
    {DM_DEV_ARM_POLL_CMD, kAsks, true, ArmPoll},
    {DM_GET_TARGET_VERSION_CMD, kAsks, false, GetTargetVersion},
};

}  // namespace

void LoadAllTargets() { all_targets_loaded = true; }

const IoctlCommand* LookupIoctl(const DmCtl& ctl, uint32_t cmd) {
  return cmd <= ctl.machine().profile().dm_last_ioctl ? &kIoctls[cmd] : nullptr;
}

bool IoctlOnlyAsks(uint32_t cmd) {
  return cmd < std::size(kIoctls) && kIoctls[cmd].effect == IoctlCommand::kAsks;
}

}  // namespace dmdax
