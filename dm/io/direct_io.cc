// SPDX-License-Identifier: Apache-2.0
#include "dm/io/direct_io.h"

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "dm/mapped_device.h"

namespace dmdax {
namespace {

// Whether its driver takes a bio as it is, and makes no requests of it.
bool TakesBios(const BlockDevice& bdev) {
  return MappedDevice::Of(bdev) != nullptr || bdev.host_dax_dev() != nullptr;
}

}  // namespace

absl::Status DirectIo::CheckAligned(const BlockDevice& bdev, uint64_t offset,
                                    uint64_t size) {
  const uint64_t block = bdev.queue().limits().logical_block_size;
  if (offset % block == 0 && size % block == 0) return absl::OkStatus();
  return ErrnoError(
      EINVAL, absl::StrCat(size, " bytes at ", offset, " of ", bdev.name(),
                           ": not in whole blocks of ", block));
}

absl::Status DirectIo::CheckMemory(const BlockDevice& bdev,
                                   IoMemory memory) const {
  const QueueLimits limits = bdev.queue().limits();
  const uint32_t in_block = limits.logical_block_size - 1;
  const bool by_dma = profile_.dio_memory != DioMemory::kInBlocks;
  if (profile_.dio_memory == DioMemory::kByRequests && TakesBios(bdev)) {
    return absl::OkStatus();
  }
  const uint32_t at = by_dma ? limits.dma_alignment : in_block;
  if ((memory.addresses & at) == 0 && (memory.lengths & in_block) == 0) {
    return absl::OkStatus();
  }
  return ErrnoError(EINVAL,
                    absl::StrCat(bdev.name(), ": memory that is not aligned"));
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
                                      absl::Span<char> bytes, IoMemory memory) {
  const uint64_t end = bdev.nr_sectors() << kSectorShift;
  if (offset >= end || bytes.empty()) return size_t{0};
  bytes = bytes.subspan(0, std::min<uint64_t>(bytes.size(), end - offset));
  if (absl::Status s = CheckAligned(bdev, offset, bytes.size()); !s.ok())
    return s;
  if (absl::Status s = CheckMemory(bdev, memory); !s.ok()) return s;
  absl::Status status =
      bios_.Read(bdev, sector_t(offset >> kSectorShift), bytes);
  if (!status.ok()) return status;
  return bytes.size();
}

absl::StatusOr<size_t> DirectIo::Write(BlockDevice& bdev, uint64_t offset,
                                       absl::Span<const char> bytes,
                                       IoMemory memory) {
  absl::StatusOr<uint64_t> end = EndOfWrite(bdev, offset, bytes.size());
  if (!end.ok()) return end.status();
  bytes = bytes.subspan(0, *end - offset);
  if (bytes.empty()) return size_t{0};
  absl::Status s = CheckAligned(bdev, offset, bytes.size());
  if (s.ok()) s = CheckMemory(bdev, memory);
  if (!s.ok()) return s;
  s = bios_.Write(bdev, sector_t(offset >> kSectorShift), bytes);
  if (!s.ok()) return s;
  return bytes.size();
}

}  // namespace dmdax
