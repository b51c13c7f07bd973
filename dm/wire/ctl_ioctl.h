// SPDX-License-Identifier: Apache-2.0
//
// CtlIoctl: /dev/mapper/control as bytes in, bytes out.
//
// What a process hands to ioctl(2) goes in; what it finds in its buffer
// afterwards comes out, to the byte: the version is written back even when
// the command fails, nothing else is; a reply is the request changed in
// place; payloads, their alignment and DM_BUFFER_FULL_FLAG are the kernel's.
//
//   DmFile file(ctl);   // open("/dev/mapper/control")
//   // buffer: struct dm_ioctl and payload
//   absl::Status s = CtlIoctl(ctl, file, 0xc138fd03, absl::MakeSpan(buffer));
//   return s.ok() ? 0 : -ErrnoOf(s);
//
// The buffer's length stands for the memory the process owns there: a
// data_size that reaches past it is EFAULT.  DM_DEV_WAIT does not block: it
// fails with EAGAIN while the kernel would wait, and leaves the buffer alone.
//
// Mirrors: ctl_ioctl, check_version, copy_params, validate_params,
// get_result_buffer, retrieve_status ... of drivers/md/dm-ioctl.c (6.1, spec
// walk also 6.12).  Threading: thread-safe.
#ifndef DMDAX_DM_WIRE_CTL_IOCTL_H_
#define DMDAX_DM_WIRE_CTL_IOCTL_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "dm/dm_ioctl.h"

namespace dmdax {

// struct dm_ioctl: where its fields are, and how large it is.
struct DmIoctlLayout {
  static constexpr size_t kVersion = 0;
  static constexpr size_t kDataSize = 12;
  static constexpr size_t kDataStart = 16;
  static constexpr size_t kTargetCount = 20;
  static constexpr size_t kOpenCount = 24;
  static constexpr size_t kFlags = 28;
  static constexpr size_t kEventNr = 32;
  static constexpr size_t kDev = 40;
  static constexpr size_t kName = 48;
  static constexpr size_t kNameLen = 128;
  static constexpr size_t kUuid = 176;
  static constexpr size_t kUuidLen = 129;
  static constexpr size_t kData = 305;  // offsetof(data): the least data_size
  static constexpr size_t kSize = 312;  // sizeof
};

// The type byte of all commands, DM_IOCTL.
inline constexpr uint32_t kDmIoctlType = 0xfd;

// The numbers of the commands.
enum DmCommand : uint32_t {
  DM_VERSION_CMD = 0,
  DM_REMOVE_ALL_CMD,
  DM_LIST_DEVICES_CMD,
  DM_DEV_CREATE_CMD,
  DM_DEV_REMOVE_CMD,
  DM_DEV_RENAME_CMD,
  DM_DEV_SUSPEND_CMD,
  DM_DEV_STATUS_CMD,
  DM_DEV_WAIT_CMD,
  DM_TABLE_LOAD_CMD,
  DM_TABLE_CLEAR_CMD,
  DM_TABLE_DEPS_CMD,
  DM_TABLE_STATUS_CMD,
  DM_LIST_VERSIONS_CMD,
  DM_TARGET_MSG_CMD,
  DM_DEV_SET_GEOMETRY_CMD,
  DM_DEV_ARM_POLL_CMD,
  DM_GET_TARGET_VERSION_CMD,
};

// check_version(): EINVAL unless the version of the request's writer is one
// that this kernel can answer, which may lack commands of a later one.
absl::Status CheckIoctlVersion(DmCtl& ctl, const uint32_t (&theirs)[3],
                               uint32_t cmd);

// struct dm_file: one open of the control node.
class DmFile {
 public:
  explicit DmFile(const DmCtl& ctl) : DmFile(ctl.global_event_nr()) {}
  explicit DmFile(uint64_t global_event_nr) : seen_(global_event_nr) {}

  // DM_DEV_ARM_POLL.
  void Arm(const DmCtl& ctl) { seen_.store(ctl.global_event_nr()); }
  // poll(): readable since an event after the last Arm() (or the open).
  bool Readable(const DmCtl& ctl) const {
    return static_cast<int32_t>(ctl.global_event_nr() - seen_.load()) > 0;
  }

 private:
  std::atomic<uint64_t> seen_;
};

// Whether a command leaves the machine as it is, so that it needs no lock and
// no write; false for a number that no kernel has.
bool IoctlOnlyAsks(uint32_t cmd);

absl::Status CtlIoctl(DmCtl& ctl, DmFile& file, uint32_t command,
                      absl::Span<char> user);

}  // namespace dmdax

#endif  // DMDAX_DM_WIRE_CTL_IOCTL_H_
