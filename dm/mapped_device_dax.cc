// SPDX-License-Identifier: Apache-2.0
//
// A mapped device as a provider of DAX: one level of the chain.  Mirrors
// dm_dax_direct_access, dm_dax_zero_page_range, dm_dax_recovery_write,
// dm_dax_get_live_target and max_io_len of drivers/md/dm.c (6.1).
#include <algorithm>
#include <cerrno>

#include "dm/mapped_device.h"

namespace dmdax {
namespace {

// A device that is stacked on itself (accepted at load until 6.5) would
// recurse until the kernel's stack is gone; we stop and say ELOOP.  No real
// stack is near this deep: the kernel has 16 KiB for it.
constexpr int kMaxDepth = 256;

class DepthGuard {
 public:
  DepthGuard() { ++depth_; }
  ~DepthGuard() { --depth_; }
  bool too_deep() const { return depth_ > kMaxDepth; }

 private:
  static thread_local int depth_;
};

thread_local int DepthGuard::depth_ = 0;

}  // namespace

MappedDevice::IoLen MappedDevice::MaxIoLen(const DmTarget& ti,
                                           sector_t sector) const {
  const uint64_t offset = ti.Offset(sector);
  IoLen len{ti.len.value() - offset, RunClip::kTargetEnd};
  if (ti.max_io_len == 0) return len;
  const uint64_t left = ti.max_io_len - offset % ti.max_io_len;
  if (left < len.sectors) len = {left, RunClip::kMaxIoLen};
  if (machine_.profile().dm_max_io_len_has_max_sectors) {
    // const: the queue is the disk's, and only its number is read.
    const uint64_t max = const_cast<BlockDevice&>(disk_).queue().max_sectors();
    if (max < len.sectors) len = {max, RunClip::kMaxSectors};
  }
  return len;
}

DaxAccess MappedDevice::DirectAccess(pgoff_t pgoff, int64_t nr_pages,
                                     DaxAccessMode mode, Trace* trace) {
  DepthGuard depth;
  if (depth.too_deep()) return DaxAccess::Error(ELOOP);
  size_t step = 0;
  if (trace != nullptr) {
    step = trace->Enter(TraceStep{.function = TraceFunction::kDmDaxDirectAccess,
                                  .device = disk_.name(),
                                  .name = dm_name(),
                                  .pgoff = pgoff,
                                  .nr_pages = nr_pages,
                                  .mode = static_cast<int>(mode)});
  }
  DaxAccess access = DaxAccess::Error(EIO);
  {
    SrcuReadLock live(io_barrier_);
    const DmTable* map = map_.load(std::memory_order_acquire);
    const sector_t sector = PageToSector(pgoff);
    const DmTarget* ti = map == nullptr ? nullptr : map->FindTarget(sector);
    if (ti != nullptr && ti->type->direct_access != nullptr) {
      const IoLen len = MaxIoLen(*ti, sector);
      const int64_t pages = static_cast<int64_t>(len.sectors / kPageSectors);
      if (trace != nullptr && pages < nr_pages) {
        trace->step(step).clip = len.clip;
        trace->step(step).clip_sectors = len.sectors;
      }
      if (pages >= 1) {
        access = ti->type->direct_access(*ti, pgoff, std::min(pages, nr_pages),
                                         mode, trace);
      }
    }
  }
  if (trace != nullptr) trace->Leave(step, access.ret, access.pfn);
  return access;
}

int MappedDevice::ZeroPageRange(pgoff_t pgoff, uint64_t nr_pages) {
  DepthGuard depth;
  if (depth.too_deep()) return -ELOOP;
  SrcuReadLock live(io_barrier_);
  const DmTable* map = map_.load(std::memory_order_acquire);
  const DmTarget* ti =
      map == nullptr ? nullptr : map->FindTarget(PageToSector(pgoff));
  if (ti == nullptr || ti->type->dax_zero_page_range == nullptr) return -EIO;
  return ti->type->dax_zero_page_range(*ti, pgoff, nr_pages);
}

size_t MappedDevice::RecoveryWrite(pgoff_t pgoff, uint64_t offset,
                                   absl::Span<const char> bytes) {
  DepthGuard depth;
  if (depth.too_deep()) return 0;
  SrcuReadLock live(io_barrier_);
  const DmTable* map = map_.load(std::memory_order_acquire);
  const DmTarget* ti =
      map == nullptr ? nullptr : map->FindTarget(PageToSector(pgoff));
  if (ti == nullptr || ti->type->dax_recovery_write == nullptr) return 0;
  return ti->type->dax_recovery_write(*ti, pgoff, offset, bytes);
}

std::optional<bool> MappedDevice::DaxSupported() {
  DepthGuard depth;
  // The kernel's check would recurse for ever; DmCtl refuses such a load.
  if (depth.too_deep()) return false;
  SrcuReadLock live(io_barrier_);
  const DmTable* map = map_.load(std::memory_order_acquire);
  return map != nullptr && map->SupportsDax().dax();
}

bool DmDaxPgoff(const KernelProfile& profile, const DmDev& dev, sector_t sector,
                pgoff_t* pgoff) {
  const sector_t phys = dev.bdev->start_sect() + sector.value();
  *pgoff = SectorToPage(phys);
  return profile.dm_dax_alignment == DmDaxAlignment::kRoundsDown ||
         phys.value() % kPageSectors == 0;
}

DaxAccess DmDaxForward(const DmTarget& ti, const DmDev& dev, sector_t sector,
                       pgoff_t pgoff, int64_t nr_pages, DaxAccessMode mode,
                       Trace* trace) {
  size_t step = 0;
  if (trace != nullptr) {
    step =
        trace->Enter(TraceStep{.function = TraceFunction::kTargetDirectAccess,
                               .target = std::string(ti.type->name),
                               .begin = ti.begin,
                               .len = ti.len,
                               .pgoff = pgoff,
                               .nr_pages = nr_pages,
                               .mode = static_cast<int>(mode),
                               .lower = dev.name,
                               .lower_sector = sector});
  }
  pgoff_t lower;
  const DaxAccess access =
      DmDaxPgoff(ProfileOf(ti), dev, sector, &lower)
          ? DaxDirectAccess(dev.dax_dev, lower, nr_pages, mode, trace)
          : DaxAccess::Error(EINVAL);
  if (trace != nullptr) trace->Leave(step, access.ret, access.pfn);
  return access;
}

}  // namespace dmdax
