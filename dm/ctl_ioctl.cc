// SPDX-License-Identifier: Apache-2.0
#include "dm/ctl_ioctl.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/errno_status.h"
#include "dm/ioctl_param.h"

namespace dmdax {
namespace {

using L = DmIoctlLayout;

// DM_MAX_TARGETS * DM_MAX_TARGET_PARAMS: no request may be larger.
constexpr size_t kMaxDataSize = size_t{1} << 30;

absl::Status Fail(DmCtl& ctl, int err, absl::string_view text) {
  DmLog(ctl.machine(), KernLevel::kErr, "ioctl", text);
  return ErrnoError(err, text);
}

// IOCTL_FLAGS_NO_PARAMS: only the struct is exchanged, whatever data_size
// says.
bool HasNoParams(uint32_t cmd) {
  switch (cmd) {
    case DM_REMOVE_ALL_CMD:
    case DM_DEV_CREATE_CMD:
    case DM_DEV_REMOVE_CMD:
    case DM_DEV_SUSPEND_CMD:
    case DM_DEV_STATUS_CMD:
    case DM_TABLE_CLEAR_CMD:
    case DM_DEV_ARM_POLL_CMD:
      return true;
    default:
      return false;
  }
}

// check_version(): the kernel's version goes back in any case.
absl::Status CheckVersion(DmCtl& ctl, uint32_t cmd, absl::Span<char> user) {
  uint32_t theirs[3];
  if (user.size() < sizeof(theirs)) return ErrnoError(EFAULT, "");
  memcpy(theirs, user.data(), sizeof(theirs));
  const auto& ours = ctl.machine().profile().dm_ioctl_version;
  memcpy(user.data(), ours, sizeof(theirs));
  if (theirs[0] == ours[0] && theirs[1] <= ours[1]) return absl::OkStatus();
  return Fail(ctl, EINVAL,
              absl::StrFormat("ioctl interface mismatch: kernel(%u.%u.%u), "
                              "user(%u.%u.%u), cmd(%d)",
                              ours[0], ours[1], ours[2], theirs[0], theirs[1],
                              theirs[2], cmd));
}

// copy_params(): the kernel's copy of the request.
absl::StatusOr<IoctlParam> CopyParams(DmCtl& ctl, uint32_t cmd,
                                      absl::Span<char> user) {
  if (user.size() < L::kData) return ErrnoError(EFAULT, "");
  uint32_t data_size;
  memcpy(&data_size, user.data() + L::kDataSize, sizeof(data_size));
  if (data_size < L::kData || data_size > kMaxDataSize) {
    const std::string text =
        absl::StrCat("Invalid data size in the ioctl structure: ", data_size);
    return ctl.machine().profile().dm_logs_bad_selection
               ? Fail(ctl, EINVAL, text)
               : ErrnoError(EINVAL, text);
  }
  const size_t size = HasNoParams(cmd) ? L::kData : data_size;
  if (user.size() < size) return ErrnoError(EFAULT, "");
  std::string copy(user.data(), size);
  copy.resize(std::max(size, L::kSize));
  IoctlParam param(std::move(copy), size);
  param.SetDataSize(size);
  if (param.flags() & DM_SECURE_DATA_FLAG) {
    // The process' own copy of a secret is wiped at once.
    memset(user.data(), 0, std::min<size_t>(user.size(), data_size));
  }
  return param;
}

// validate_params(): which commands look at the name and uuid at all, and for
// those, that both end with a NUL whatever was sent.
absl::Status ValidateParams(DmCtl& ctl, uint32_t cmd, IoctlParam& param) {
  param.ClearFlags(DM_BUFFER_FULL_FLAG | DM_UEVENT_GENERATED_FLAG |
                   DM_SECURE_DATA_FLAG | DM_DATA_OUT_FLAG);
  if (cmd == DM_REMOVE_ALL_CMD || cmd == DM_LIST_DEVICES_CMD ||
      cmd == DM_LIST_VERSIONS_CMD) {
    return absl::OkStatus();
  }
  const bool name = param.Get<char>(L::kName) != '\0';
  const bool uuid = param.Get<char>(L::kUuid) != '\0';
  if (cmd == DM_DEV_CREATE_CMD) {
    if (!name) {
      return Fail(ctl, EINVAL, "name not supplied when creating device");
    }
  } else if (name && uuid) {
    return Fail(
        ctl, EINVAL,
        absl::StrCat("only supply one of name or uuid, cmd(", cmd, ")"));
  }
  param.Set<char>(L::kName + L::kNameLen - 1, '\0');
  param.Set<char>(L::kUuid + L::kUuidLen - 1, '\0');
  return absl::OkStatus();
}

// --- the commands that have a payload ---

absl::Status Rename(DmCtl& ctl, IoctlParam& param) {
  absl::string_view name;
  // An empty string makes DevRename() complain in the kernel's words.
  if (!param.DataString(param.data_start(), 0, &name)) name = "";
  DmIoctl io = param.Header();
  absl::Status s = ctl.DevRename(io, std::string(name));
  if (s.ok()) param.SetHeader(io);
  return s;
}

absl::Status TableLoad(DmCtl& ctl, IoctlParam& param) {
  DmIoctl io = param.Header();
  // Rows may lie over the header, where the device's identity now stands.
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

absl::Status TableStatus(DmCtl& ctl, IoctlParam& param) {
  DmIoctl io = param.Header();
  std::vector<DmTargetSpec> rows;
  if (absl::Status s = ctl.TableStatus(io, &rows); !s.ok()) return s;
  param.SetHeader(io);
  // Without a table even data_start stays as it came.
  if (!rows.empty()) WriteStatus(param, rows);
  return absl::OkStatus();
}

absl::Status Wait(DmCtl& ctl, IoctlParam& param) {
  DmIoctl io = param.Header();
  if (absl::Status s = ctl.DevWait(io); !s.ok()) return s;
  param.SetHeader(io);
  DmIoctl query{.flags = io.flags, .name = io.name};
  std::vector<DmTargetSpec> rows;
  if (absl::Status s = ctl.TableStatus(query, &rows); !s.ok()) return s;
  if (!rows.empty()) WriteStatus(param, rows);
  return absl::OkStatus();
}

absl::Status Deps(DmCtl& ctl, IoctlParam& param) {
  DmIoctl io = param.Header();
  std::vector<DevT> deps;
  bool has_table = false;
  if (absl::Status s = ctl.TableDeps(io, &deps, &has_table); !s.ok()) return s;
  param.SetHeader(io);
  if (has_table) WriteDeps(param, deps);
  return absl::OkStatus();
}

absl::Status ListDevices(DmCtl& ctl, IoctlParam& param) {
  DmIoctl io = param.Header();
  std::vector<DmNameEntry> entries;
  absl::Status s = ctl.ListDevices(io, &entries);
  if (s.ok()) WriteDeviceList(param, entries, ctl.machine().profile());
  return s;
}

absl::Status Versions(DmCtl& ctl, IoctlParam& param, bool only_named) {
  const KernelProfile& profile = ctl.machine().profile();
  std::vector<const TargetType*> types = TargetTypes(profile);
  if (only_named) {
    const TargetType* type = FindTargetType(param.Header().name, profile);
    if (type == nullptr) return ErrnoError(EINVAL, "no such target type");
    types = {type};
  }
  WriteVersions(param, types, profile);
  return absl::OkStatus();
}

absl::Status TargetMsg(DmCtl& ctl, IoctlParam& param) {
  // The message is looked for where the request says, before data_start is
  // set to where a reply would go.
  const size_t at = param.data_start();
  const size_t room = param.StartResult();
  DmIoctl io = param.Header();
  absl::string_view text;
  if (!param.DataString(at, sizeof(uint64_t), &text)) {
    DmIoctl probe = io;
    if (absl::Status s = ctl.DevStatus(probe); !s.ok()) return s;
    return Fail(ctl, EINVAL, "Invalid target message parameters.");
  }
  const sector_t sector(param.Get<uint64_t>(at));
  std::string reply;
  absl::Status s = ctl.TargetMsg(io, sector, std::string(text), &reply);
  if (!s.ok()) return s;
  const bool has_reply = io.flags & DM_DATA_OUT_FLAG;
  param.SetHeader(io);
  if (has_reply) WriteMessageReply(param, reply, room);
  return absl::OkStatus();
}

absl::Status SetGeometry(DmCtl& ctl, IoctlParam& param) {
  DmIoctl io = param.Header();
  absl::string_view text;
  if (!param.DataString(param.data_start(), 0, &text)) {
    DmIoctl probe = io;
    if (absl::Status s = ctl.DevStatus(probe); !s.ok()) return s;
    return Fail(ctl, EINVAL, "Invalid geometry supplied.");
  }
  absl::Status s = ctl.DevSetGeometry(io, std::string(text));
  param.SetDataSize(0);  // nothing is copied back
  return s;
}

// The commands without a payload: header in, header out.
using HeaderFn = absl::Status (DmCtl::*)(DmIoctl&);

absl::Status HeaderOnly(DmCtl& ctl, IoctlParam& param, HeaderFn fn) {
  DmIoctl io = param.Header();
  absl::Status s = (ctl.*fn)(io);
  if (s.ok()) param.SetHeader(io);
  return s;
}

absl::Status Dispatch(DmCtl& ctl, DmFile& file, uint32_t cmd,
                      IoctlParam& param) {
  switch (cmd) {
    case DM_REMOVE_ALL_CMD: {
      DmIoctl io = param.Header();
      absl::Status s = ctl.RemoveAll(io);
      param.SetDataSize(0);
      return s;
    }
    case DM_LIST_DEVICES_CMD:
      return ListDevices(ctl, param);
    case DM_DEV_CREATE_CMD:
      return HeaderOnly(ctl, param, &DmCtl::DevCreate);
    case DM_DEV_REMOVE_CMD:
      return HeaderOnly(ctl, param, &DmCtl::DevRemove);
    case DM_DEV_RENAME_CMD:
      return Rename(ctl, param);
    case DM_DEV_SUSPEND_CMD:
      return HeaderOnly(ctl, param, &DmCtl::DevSuspend);
    case DM_DEV_STATUS_CMD:
      return HeaderOnly(ctl, param, &DmCtl::DevStatus);
    case DM_DEV_WAIT_CMD:
      return Wait(ctl, param);
    case DM_TABLE_LOAD_CMD:
      return TableLoad(ctl, param);
    case DM_TABLE_CLEAR_CMD:
      return HeaderOnly(ctl, param, &DmCtl::TableClear);
    case DM_TABLE_DEPS_CMD:
      return Deps(ctl, param);
    case DM_TABLE_STATUS_CMD:
      return TableStatus(ctl, param);
    case DM_LIST_VERSIONS_CMD:
      return Versions(ctl, param, false);
    case DM_TARGET_MSG_CMD:
      return TargetMsg(ctl, param);
    case DM_DEV_SET_GEOMETRY_CMD:
      return SetGeometry(ctl, param);
    case DM_DEV_ARM_POLL_CMD:
      file.Arm(ctl);
      return absl::OkStatus();
    case DM_GET_TARGET_VERSION_CMD:
      return Versions(ctl, param, true);
    default:
      return ErrnoError(ENOTTY, "");
  }
}

// Commands this kernel has.
bool Known(const DmCtl& ctl, uint32_t cmd) {
  // GET_TARGET_VERSION came with interface 4.41.
  const uint32_t last = ctl.machine().profile().dm_ioctl_version[1] >= 41
                            ? DM_GET_TARGET_VERSION_CMD
                            : DM_DEV_ARM_POLL_CMD;
  return cmd <= last;
}

}  // namespace

absl::Status CtlIoctl(DmCtl& ctl, DmFile& file, uint32_t command,
                      absl::Span<char> user) {
  // Size and direction bits do not count: only type and number.
  if (((command >> 8) & 0xff) != kDmIoctlType) return ErrnoError(ENOTTY, "");
  const uint32_t cmd = command & 0xff;
  if (absl::Status s = CheckVersion(ctl, cmd, user); !s.ok()) return s;
  if (cmd == DM_VERSION_CMD) return absl::OkStatus();
  if (!Known(ctl, cmd)) {
    return Fail(ctl, ENOTTY,
                absl::StrFormat("dm_ctl_ioctl: unknown command 0x%x", command));
  }
  absl::StatusOr<IoctlParam> param = CopyParams(ctl, cmd, user);
  if (!param.ok()) return param.status();
  if (absl::Status s = ValidateParams(ctl, cmd, *param); !s.ok()) return s;
  param->SetDataSize(L::kData);
  if (absl::Status s = Dispatch(ctl, file, cmd, *param); !s.ok()) return s;
  const size_t size = param->data_size();
  if (size > user.size()) return ErrnoError(EFAULT, "");
  memcpy(user.data(), param->bytes().data(), size);
  return absl::OkStatus();
}

}  // namespace dmdax
