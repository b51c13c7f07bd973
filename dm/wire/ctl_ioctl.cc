// SPDX-License-Identifier: Apache-2.0
#include "dm/wire/ctl_ioctl.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/errno_status.h"
#include "dm/wire/ioctl_commands.h"
#include "dm/wire/ioctl_param.h"

namespace dmdax {
namespace {

using L = DmIoctlLayout;

// DM_MAX_TARGETS * DM_MAX_TARGET_PARAMS: no request may be larger.
constexpr size_t kMaxDataSize = size_t{1} << 30;

// The kernel's version is written back even if the command fails.
absl::Status ExchangeVersion(DmCtl& ctl, uint32_t cmd, absl::Span<char> user) {
  uint32_t theirs[3];
  if (user.size() < sizeof(theirs)) return ErrnoError(EFAULT, "");
  memcpy(theirs, user.data(), sizeof(theirs));
  memcpy(user.data(), ctl.machine().profile().dm_ioctl_version, sizeof(theirs));
  return CheckIoctlVersion(ctl, theirs, cmd);
}

// copy_params(): the kernel's copy of the request.
absl::StatusOr<IoctlParam> CopyParams(DmCtl& ctl, const IoctlCommand& command,
                                      absl::Span<char> user) {
  if (user.size() < L::kData) return ErrnoError(EFAULT, "");
  uint32_t data_size;
  memcpy(&data_size, user.data() + L::kDataSize, sizeof(data_size));
  if (data_size < L::kData || data_size > kMaxDataSize) {
    const std::string text =
        absl::StrCat("Invalid data size in the ioctl structure: ", data_size);
    return ctl.machine().profile().dm_logs_bad_selection
               ? IoctlError(ctl, EINVAL, text)
               : ErrnoError(EINVAL, text);
  }
  const size_t size = command.no_params ? L::kData : data_size;
  if (user.size() < size) return ErrnoError(EFAULT, "");
  std::string copy(user.data(), size);
  // The padding at the end of the struct may be missing from a request.
  copy.resize(std::max(size, L::kSize));
  IoctlParam param(std::move(copy), size);
  param.SetDataSize(size);
  if (param.flags() & DM_SECURE_DATA_FLAG) {
    // DM_SECURE_DATA_FLAG: the kernel wipes the process's own copy at once.
    memset(user.data(), 0, std::min<size_t>(user.size(), data_size));
  }
  return param;
}

// validate_params(): most commands take a name or a uuid.  Both end with a NUL
// from here on, whatever was sent.
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
      return IoctlError(ctl, EINVAL, "name not supplied when creating device");
    }
  } else if (name && uuid) {
    return IoctlError(
        ctl, EINVAL,
        absl::StrCat("only supply one of name or uuid, cmd(", cmd, ")"));
  }
  param.Set<char>(L::kName + L::kNameLen - 1, '\0');
  param.Set<char>(L::kUuid + L::kUuidLen - 1, '\0');
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckIoctlVersion(DmCtl& ctl, const uint32_t (&theirs)[3],
                               uint32_t cmd) {
  const auto& ours = ctl.machine().profile().dm_ioctl_version;
  if (theirs[0] == ours[0] && theirs[1] <= ours[1]) return absl::OkStatus();
  return IoctlError(
      ctl, EINVAL,
      absl::StrFormat("ioctl interface mismatch: kernel(%u.%u.%u), "
                      "user(%u.%u.%u), cmd(%d)",
                      ours[0], ours[1], ours[2], theirs[0], theirs[1],
                      theirs[2], cmd));
}

absl::Status CtlIoctl(DmCtl& ctl, DmFile& file, uint32_t command,
                      absl::Span<char> user) {
  // The kernel looks at type and number only, not at size and direction.
  if (((command >> 8) & 0xff) != kDmIoctlType) return ErrnoError(ENOTTY, "");
  const uint32_t cmd = command & 0xff;
  if (absl::Status s = ExchangeVersion(ctl, cmd, user); !s.ok()) return s;
  if (cmd == DM_VERSION_CMD) return absl::OkStatus();
  const IoctlCommand* const known = LookupIoctl(ctl, cmd);
  if (known == nullptr) {
    return IoctlError(
        ctl, ENOTTY,
        absl::StrFormat("dm_ctl_ioctl: unknown command 0x%x", command));
  }
  absl::StatusOr<IoctlParam> param = CopyParams(ctl, *known, user);
  if (!param.ok()) return param.status();
  if (absl::Status s = ValidateParams(ctl, cmd, *param); !s.ok()) return s;
  // A command that writes no payload answers with the header alone.
  param->SetDataSize(L::kData);
  if (absl::Status s = known->fn(ctl, file, *param); !s.ok()) return s;
  const size_t size = param->data_size();
  if (size > user.size()) return ErrnoError(EFAULT, "");
  memcpy(user.data(), param->bytes().data(), size);
  return absl::OkStatus();
}

}  // namespace dmdax
