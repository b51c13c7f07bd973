// SPDX-License-Identifier: Apache-2.0
#include "mm/unmapped_area.h"

#include <sys/mman.h>

#include <cerrno>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/errno_status.h"
#include "base/round_up.h"

namespace dmdax {
namespace {

// arch_get_unmapped_area_topdown(): the hint when it is free, else the
// highest gap below mmap_base.
int64_t TopDown(MmStruct& mm, uint64_t addr, uint64_t len, bool fixed) {
  if (len > mm.task_size) return -ENOMEM;
  if (fixed) return static_cast<int64_t>(addr);
  const uint64_t hint = addr & mm.profile().page_mask();
  if (hint >= mm.mmap_min_addr && hint <= mm.task_size - len &&
      mm.mm_mt().FindIntersection(hint, hint + len) == nullptr) {
    return static_cast<int64_t>(hint);
  }
  const std::optional<uint64_t> area =
      mm.mm_mt().EmptyAreaRev(mm.mmap_min_addr, mm.mmap_base, len);
  return area ? static_cast<int64_t>(*area) : -ENOMEM;
}

}  // namespace

int64_t ThpUnmappedAddress(const FaultProfile& profile, const PlainArea& plain,
                           uint64_t addr, uint64_t len, uint64_t off,
                           uint64_t size) {
  const bool old = profile.thp_unmapped_area == ThpUnmappedArea::kDaxNoHint;
  if (old && addr != 0) return 0;
  const uint64_t off_end = off + len;
  const uint64_t off_align = RoundUp(off, size);
  // No whole huge page fits inside the mapping.
  if (off_end <= off_align || off_end - off_align < size) return 0;
  // Room to move the mapping up to the next matching address.
  const uint64_t len_pad = len + size;
  if (len_pad < len || off + len_pad < off) return 0;
  const int64_t ret = plain(addr, len_pad);
  if (ret < 0) return 0;
  if (!old && static_cast<uint64_t>(ret) == addr) return ret;
  const uint64_t off_sub = (off - static_cast<uint64_t>(ret)) & (size - 1);
  if (profile.thp_unmapped_area == ThpUnmappedArea::kAllFilesTop &&
      off_sub == 0) {
    return ret + static_cast<int64_t>(size);
  }
  return ret + static_cast<int64_t>(off_sub);
}

int64_t DaxUnmappedAddress(const PlainArea& plain, uint64_t addr, uint64_t len,
                           uint64_t off, uint64_t align) {
  if (addr != 0) return plain(addr, len);
  const uint64_t off_end = off + len;
  const uint64_t off_align = RoundUp(off, align);
  if (off_end <= off_align || off_end - off_align < align) {
    return plain(addr, len);
  }
  const uint64_t len_align = len + align;
  if (off + len_align < off) return plain(addr, len);
  const int64_t ret = plain(addr, len_align);
  if (ret < 0) return plain(addr, len);
  return ret +
         static_cast<int64_t>((off - static_cast<uint64_t>(ret)) & (align - 1));
}

absl::StatusOr<uint64_t> GetUnmappedArea(MmStruct& mm,
                                         const MmapRequest& request) {
  const FaultProfile& profile = mm.profile();
  const bool fixed = (request.flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) != 0;
  const PlainArea plain = [&](uint64_t addr, uint64_t len) {
    return TopDown(mm, addr, len, fixed);
  };
  if (request.len > mm.task_size) {
    return ErrnoError(ENOMEM,
                      absl::StrCat("the length ", request.len,
                                   " is above the task's size ", mm.task_size));
  }
  const uint64_t off = request.pgoff << profile.page_shift;
  File* file = request.file.get();
  using Area = FileOperations::UnmappedArea;
  const Area hook = file != nullptr && file->f_op != nullptr
                        ? file->f_op->unmapped_area()
                        : Area::kNone;
  const bool only_dax =
      profile.thp_unmapped_area == ThpUnmappedArea::kDaxNoHint ||
      profile.thp_unmapped_area == ThpUnmappedArea::kDaxFiles;
  int64_t ret = 0;
  if (fixed) {
    ret = plain(request.addr, request.len);
  } else if (hook == Area::kDax) {
    ret = DaxUnmappedAddress(plain, request.addr, request.len, off,
                             file->f_op->unmapped_align(*file));
  } else if (hook == Area::kThp &&
             (!only_dax || file->f_mapping->host->s_dax)) {
    ret = ThpUnmappedAddress(profile, plain, request.addr, request.len, off,
                             profile.pmd_size());
  } else if (hook == Area::kNone && request.addr == 0 &&
             request.len % profile.pmd_size() == 0 &&
             (file == nullptr ? profile.anon_thp_aligned
                              : profile.plain_file_thp_aligned)) {
    ret = ThpUnmappedAddress(profile, plain, 0, request.len,
                             file == nullptr ? 0 : off, profile.pmd_size());
  }
  if (ret == 0) ret = plain(request.addr, request.len);
  if (ret < 0) {
    return ErrnoError(static_cast<int>(-ret), "no room for the mapping");
  }
  const uint64_t addr = static_cast<uint64_t>(ret);
  if (addr > mm.task_size - request.len) {
    return ErrnoError(ENOMEM, "the mapping would end above the task's size");
  }
  if (addr & (profile.page_size() - 1)) {
    return ErrnoError(
        EINVAL, absl::StrFormat("the address 0x%x is not page aligned", addr));
  }
  if (addr < mm.mmap_min_addr) {
    return ErrnoError(
        EPERM,
        absl::StrFormat("the address 0x%x is below mmap_min_addr", addr));
  }
  return addr;
}

}  // namespace dmdax
