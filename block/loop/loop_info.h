// SPDX-License-Identifier: Apache-2.0
//
// struct loop_info, the older form of struct loop_info64, which has narrower
// numbers.  Errors: EFAULT, too few bytes; EOVERFLOW, a number does not fit.
//
// Mirrors: loop_info64_from_old, loop_info64_to_old of drivers/block/loop.c.
// Threading: none.
#ifndef DMDAX_BLOCK_LOOP_LOOP_INFO_H_
#define DMDAX_BLOCK_LOOP_LOOP_INFO_H_

#include <linux/loop.h>

#include <cerrno>
#include <cstring>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "base/errno_status.h"

namespace dmdax {

inline bool InfoOfOld(absl::Span<const char> bytes, loop_info64* info) {
  loop_info old;
  if (bytes.size() < sizeof(old)) return false;
  memcpy(&old, bytes.data(), sizeof(old));
  *info = {};
  info->lo_offset = static_cast<uint64_t>(static_cast<int64_t>(old.lo_offset));
  info->lo_flags = static_cast<uint32_t>(old.lo_flags);
  info->lo_encrypt_type = static_cast<uint32_t>(old.lo_encrypt_type);
  info->lo_encrypt_key_size = static_cast<uint32_t>(old.lo_encrypt_key_size);
  memcpy(info->lo_file_name, old.lo_name, LO_NAME_SIZE);
  return true;
}

inline absl::Status OldOfInfo(const loop_info64& info, absl::Span<char> bytes) {
  loop_info old = {};
  if (bytes.size() < sizeof(old)) return ErrnoError(EFAULT, "too few bytes");
  old.lo_number = static_cast<int>(info.lo_number);
  old.lo_device = static_cast<decltype(old.lo_device)>(info.lo_device);
  old.lo_inode = info.lo_inode;
  old.lo_rdevice = static_cast<decltype(old.lo_rdevice)>(info.lo_rdevice);
  old.lo_offset = static_cast<int>(info.lo_offset);
  old.lo_flags = static_cast<int>(info.lo_flags);
  memcpy(old.lo_name, info.lo_file_name, LO_NAME_SIZE);
  if (old.lo_device != info.lo_device || old.lo_rdevice != info.lo_rdevice ||
      static_cast<uint64_t>(static_cast<int64_t>(old.lo_offset)) !=
          info.lo_offset) {
    return ErrnoError(EOVERFLOW, "a number does not fit struct loop_info");
  }
  memcpy(bytes.data(), &old, sizeof(old));
  return absl::OkStatus();
}

}  // namespace dmdax

#endif  // DMDAX_BLOCK_LOOP_LOOP_INFO_H_
