// SPDX-License-Identifier: Apache-2.0
#include "dm/io/direct_io.h"

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"

namespace dmdax {

absl::Status DirectIo::CheckAligned(const BlockDevice& bdev, uint64_t offset,
                                    uint64_t size) {
  const uint64_t block = bdev.queue().limits().logical_block_size;
  if (offset % block == 0 && size % block == 0) return absl::OkStatus();
  return ErrnoError(
      EINVAL, absl::StrCat(size, " bytes at ", offset, " of ", bdev.name(),
                           ": not in whole blocks of ", block));
}

absl::StatusOr<uint64_t> DirectIo::EndOfWrite(const BlockDevice& bdev,
                                              uint64_t offset, uint64_t size) {
  if (bdev.read_only()) {
    return ErrnoError(EPERM, absl::StrCat(bdev.name(), " is read-only"));
  }
  const uint64_t end = bdev.nr_sectors() << kSectorShift;
  if (size > 0 && offset >= end) {
    return ErrnoError(ENOSPC, absl::StrCat(offset, " is past the end of ",
                                           bdev.name(), ", ", end));
  }
  return size == 0 ? offset : offset + std::min(size, end - offset);
}

absl::StatusOr<size_t> DirectIo::Read(BlockDevice& bdev, uint64_t offset,
                                      absl::Span<char> bytes) {
  const uint64_t end = bdev.nr_sectors() << kSectorShift;
  if (offset >= end || bytes.empty()) return size_t{0};
  bytes = bytes.subspan(0, std::min<uint64_t>(bytes.size(), end - offset));
  if (absl::Status s = CheckAligned(bdev, offset, bytes.size()); !s.ok())
    return s;
  absl::Status status =
      bios_.Read(bdev, sector_t(offset >> kSectorShift), bytes);
  if (!status.ok()) return status;
  return bytes.size();
}

absl::StatusOr<size_t> DirectIo::Write(BlockDevice& bdev, uint64_t offset,
                                       absl::Span<const char> bytes) {
  absl::StatusOr<uint64_t> end = EndOfWrite(bdev, offset, bytes.size());
  if (!end.ok()) return end.status();
  bytes = bytes.subspan(0, *end - offset);
  if (bytes.empty()) return size_t{0};
  absl::Status s = CheckAligned(bdev, offset, bytes.size());
  if (!s.ok()) return s;
  s = bios_.Write(bdev, sector_t(offset >> kSectorShift), bytes);
  if (!s.ok()) return s;
  return bytes.size();
}

}  // namespace dmdax
