// SPDX-License-Identifier: Apache-2.0
#include "fs/vfs.h"

#include <linux/falloc.h>

#include <cerrno>

namespace dmdax {
namespace {

constexpr uint64_t kMaxLoff = uint64_t{1} << 63;

int CheckFallocateMode(int mode, const FaultProfile& profile) {
  constexpr int kModes = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_COLLAPSE_RANGE |
                         FALLOC_FL_ZERO_RANGE | FALLOC_FL_INSERT_RANGE |
                         FALLOC_FL_UNSHARE_RANGE;
  constexpr int kShifts = FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE;
  constexpr int kZeroes = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE;
  if (mode & ~(kModes | FALLOC_FL_KEEP_SIZE)) return -EOPNOTSUPP;
  const int what = mode & kModes;
  const bool keep = (mode & FALLOC_FL_KEEP_SIZE) != 0;
  const bool several = (what & (what - 1)) != 0;
  if (profile.fallocate_knows_one_mode) {
    if (several || ((what & kShifts) && keep)) return -EOPNOTSUPP;
  } else if ((what & kZeroes) == kZeroes) {
    return -EOPNOTSUPP;
  }
  if ((what & FALLOC_FL_PUNCH_HOLE) && !keep) return -EOPNOTSUPP;
  // Before 6.12 these were said to be alone, each in its own words.
  if ((what & kShifts) && (several || keep)) return -EINVAL;
  if ((what & FALLOC_FL_UNSHARE_RANGE) && several) return -EINVAL;
  return 0;
}

bool IsRegular(const File& file) {
  return file.f_inode != nullptr && file.f_inode->type == InodeType::kRegular;
}

}  // namespace

int CheckFallocateRange(const FaultProfile& profile, int mode, uint64_t offset,
                        uint64_t length) {
  if (offset >= kMaxLoff || length == 0 || length >= kMaxLoff) return -EINVAL;
  return CheckFallocateMode(mode, profile);
}

int CheckFallocate(const FaultProfile& profile, const File& file, int mode,
                   uint64_t offset, uint64_t length) {
  const int err = CheckFallocateRange(profile, mode, offset, length);
  if (err < 0) return err;
  if (!file.writable) return -EBADF;
  const bool has_blocks =
      file.f_inode != nullptr && file.f_inode->type != InodeType::kCharDevice;
  return has_blocks ? 0 : -ENODEV;
}

int CheckFtruncate(const File& file, uint64_t size) {
  if (size >= kMaxLoff) return -EINVAL;
  return IsRegular(file) && file.writable ? 0 : -EINVAL;
}

int CheckWrite(const File& file) { return file.writable ? 0 : -EBADF; }

}  // namespace dmdax
