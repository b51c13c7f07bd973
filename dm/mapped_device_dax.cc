// SPDX-License-Identifier: Apache-2.0
//
// A mapped device as a provider of DAX: one level of the chain.  Mirrors
// dm_dax_direct_access, dm_dax_zero_page_range, dm_dax_recovery_write,
// dm_dax_get_live_target and max_io_len of drivers/md/dm.c (6.1).
#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>
#include <vector>

#include "dm/compiled_map_build.h"
#include "dm/mapped_device.h"
#include "dm/stack_depth.h"

namespace dmdax {
namespace {

// The devices that the running DAX check has found fit.  Where two stacks meet
// at every level, each device is checked once and not once for each way down.
// A device that is not fit ends the check, so it is not remembered.
class FitForDax {
 public:
  FitForDax() : outermost_(known_ == nullptr) {
    if (outermost_) known_ = &mine_;
  }
  ~FitForDax() {
    if (outermost_) known_ = nullptr;
  }
  FitForDax(const FitForDax&) = delete;
  FitForDax& operator=(const FitForDax&) = delete;

  bool Has(const MappedDevice* md, uint64_t blocksize) const {
    return known_->contains({md, blocksize});
  }
  void Add(const MappedDevice* md, uint64_t blocksize) {
    known_->insert({md, blocksize});
  }

 private:
  using Set = std::set<std::pair<const MappedDevice*, uint64_t>>;

  static thread_local constinit Set* known_;
  const bool outermost_;
  Set mine_;
};

thread_local constinit FitForDax::Set* FitForDax::known_ = nullptr;

// See MappedDevice::UseCompiledMaps().
std::atomic<bool> use_compiled_maps{true};

}  // namespace

MappedDevice::IoLen MappedDevice::MaxIoLen(const DmTarget& ti,
                                           sector_t sector) const {
  const uint64_t offset = ti.Offset(sector);
  IoLen len{ti.len.value() - offset, RunClip::kTargetEnd};
  if (ti.max_io_len == 0) return len;
  const uint64_t left = ti.max_io_len - offset % ti.max_io_len;
  if (left < len.sectors) len = {left, RunClip::kMaxIoLen};
  if (machine_.profile().dm_max_io_len_has_max_sectors) {
    const uint64_t max = disk_.queue().max_sectors();
    if (max < len.sectors) len = {max, RunClip::kMaxSectors};
  }
  return len;
}

// One level of the chain.  Every return hands on what the callee built; an
// answer is not copied on its way up.
DaxAccess MappedDevice::WalkDown(pgoff_t pgoff, int64_t nr_pages,
                                 DaxAccessMode mode, Trace* trace,
                                 size_t step) {
  StackDepth depth;
  if (depth.too_deep()) return DaxAccess::Error(ELOOP);
  SrcuReadLock live(io_barrier_);
  const DmTable* table = map_.load(std::memory_order_acquire);
  const sector_t sector = PageToSector(pgoff);
  const DmTarget* ti = table == nullptr ? nullptr : table->FindTarget(sector);
  if (ti == nullptr || ti->type->direct_access == nullptr) {
    return DaxAccess::Error(EIO);
  }
  const IoLen len = MaxIoLen(*ti, sector);
  const int64_t pages = static_cast<int64_t>(len.sectors / kPageSectors);
  if (trace != nullptr && pages < nr_pages) {
    trace->step(step).clip = len.clip;
    trace->step(step).clip_sectors = len.sectors;
  }
  if (pages < 1) return DaxAccess::Error(EIO);
  return ti->type->direct_access(*ti, pgoff, std::min(pages, nr_pages), mode,
                                 trace);
}

DaxAccess MappedDevice::WalkDownTraced(pgoff_t pgoff, int64_t nr_pages,
                                       DaxAccessMode mode, Trace* trace) {
  TraceStep told;
  told.function = TraceFunction::kDmDaxDirectAccess;
  told.device = disk_.name();
  told.name = dm_name();
  told.pgoff = pgoff;
  told.nr_pages = nr_pages;
  told.mode = static_cast<int>(mode);
  const size_t step = trace->Enter(std::move(told));
  const DaxAccess access = WalkDown(pgoff, nr_pages, mode, trace, step);
  trace->Leave(step, access.ret, access.pfn);
  return access;
}

DaxAccess MappedDevice::TranslateCompiled(pgoff_t pgoff, int64_t nr_pages) {
  SrcuReadLock live(io_barrier_);
  const CompiledMap* map = LiveMap();
  if (map == nullptr || nr_pages < 1 ||
      // The map must not reach where the chain says ELOOP.
      StackDepth::now() + map->levels() > StackDepth::kMax) {
    return {.ret = DaxFastPath::kAskOperations};
  }
  const DaxFrames frames = map->Translate(pgoff, nr_pages);
  return frames.ret > 0 ? map->At(frames) : DaxAccess{.ret = frames.ret};
}

DaxAccess MappedDevice::DirectAccess(pgoff_t pgoff, int64_t nr_pages,
                                     DaxAccessMode mode, Trace* trace) {
  if (trace != nullptr) return WalkDownTraced(pgoff, nr_pages, mode, trace);
  const DaxAccess access = TranslateCompiled(pgoff, nr_pages);
  return access.ret == DaxFastPath::kAskOperations
             ? WalkDown(pgoff, nr_pages, mode, nullptr, 0)
             : access;
}

void MappedDevice::TranslateBatch(absl::Span<const pgoff_t> pages,
                                  absl::Span<uint64_t> pfns,
                                  absl::Span<int64_t> lengths, int64_t nr_pages,
                                  SimdLevel simd) {
  const auto chain = [&](pgoff_t page) {
    const DaxAccess access = DaxDirectAccess(&dax_dev_, page, nr_pages,
                                             DaxAccessMode::kAccess, nullptr);
    return DaxFrames{access.ret, access.pfn.value()};
  };
  SrcuReadLock live(io_barrier_);
  const CompiledMap* map = LiveMap();
  if (map != nullptr && dax_dev_.alive() && nr_pages >= 1) {
    map->TranslateBatch(
        simd, pages, nr_pages,
        {pfns.data(), lengths.empty() ? nullptr : lengths.data(), chain});
    return;
  }
  for (size_t i = 0; i < pages.size(); ++i) {
    const DaxFrames frames = chain(pages[i]);
    pfns[i] = frames.ret > 0 ? frames.pfn : CompiledMap::kNoPfn;
    if (!lengths.empty()) lengths[i] = frames.ret;
  }
}

size_t MappedDevice::Extents(uint64_t* page, uint64_t end,
                             absl::Span<DaxExtent> out) {
  SrcuReadLock live(io_barrier_);
  const CompiledMap* map = LiveMap();
  if (!dax_dev_.alive()) map = nullptr;
  size_t n = 0;
  while (n < out.size() && *page < end) {
    if (map != nullptr) n += map->FillExtents(page, end, out.subspan(n));
    if (n == out.size() || *page >= end) break;
    const uint64_t left = std::min(end - *page, ~uint64_t{0} >> 1);
    const DaxAccess access =
        DaxDirectAccess(&dax_dev_, pgoff_t(*page), static_cast<int64_t>(left),
                        DaxAccessMode::kAccess, nullptr);
    out[n] = DaxExtent::Of({access.ret, access.pfn.value()});
    *page += out[n].pages;
    ++n;
  }
  return n;
}

void MappedDevice::UseCompiledMaps(bool on) { use_compiled_maps.store(on); }

void MappedDevice::DropCompiled() {
  if (compiled_owner_ == nullptr) return;
  dax_dev_.SetFastPath(nullptr);
  io_barrier_.Synchronize();
  compiled_owner_ = nullptr;
}

void MappedDevice::Compile() {
  DropCompiled();
  const DmTable* table = live_table();
  std::vector<const DaxDevice*> below;
  if (table != nullptr && table->type() == DM_TYPE_DAX_BIO_BASED) {
    for (const DmTable::TableDev& dd : table->devices()) {
      if (dd.dm_dev->dax_dev != nullptr) below.push_back(dd.dm_dev->dax_dev);
    }
    if (use_compiled_maps.load()) {
      compiled_owner_ = BuildCompiledMap(*this, *table);
      dax_dev_.SetFastPath(compiled_owner_.get());
    }
  }
  SetDaxUses(*this, std::move(below));
}

void MappedDevice::LeaveStacks(absl::Span<MappedDevice* const> devices) {
  MappedDevice* compiled = nullptr;
  for (MappedDevice* md : devices) {
    if (md->compiled_owner_ == nullptr) continue;
    md->dax_dev_.SetFastPath(nullptr);
    compiled = md;
  }
  // All Srcu share the readers' words, so this waits for those of every device.
  if (compiled != nullptr) compiled->io_barrier_.Synchronize();
  for (MappedDevice* md : devices) {
    md->compiled_owner_ = nullptr;
    SetDaxUses(*md, {});
  }
}

int MappedDevice::ZeroPageRange(pgoff_t pgoff, uint64_t nr_pages,
                                Trace* trace) {
  if (trace == nullptr) return ZeroBelow(pgoff, nr_pages, nullptr);
  TraceStep told;
  told.function = TraceFunction::kDmDaxZeroPageRange;
  told.device = disk_.name();
  told.name = dm_name();
  told.pgoff = pgoff;
  told.nr_pages = static_cast<int64_t>(nr_pages);
  const size_t step = trace->Enter(std::move(told));
  const int ret = ZeroBelow(pgoff, nr_pages, trace);
  trace->Leave(step, ret, pfn_t{});
  return ret;
}

int MappedDevice::ZeroBelow(pgoff_t pgoff, uint64_t nr_pages, Trace* trace) {
  StackDepth depth;
  if (depth.too_deep()) return -ELOOP;
  SrcuReadLock live(io_barrier_);
  const DmTable* table = map_.load(std::memory_order_acquire);
  const DmTarget* ti =
      table == nullptr ? nullptr : table->FindTarget(PageToSector(pgoff));
  if (ti == nullptr || ti->type->dax_zero_page_range == nullptr) return -EIO;
  return ti->type->dax_zero_page_range(*ti, pgoff, nr_pages, trace);
}

size_t MappedDevice::RecoveryWrite(pgoff_t pgoff, uint64_t offset,
                                   absl::Span<const char> bytes) {
  StackDepth depth;
  if (depth.too_deep()) return 0;
  SrcuReadLock live(io_barrier_);
  const DmTable* table = map_.load(std::memory_order_acquire);
  const DmTarget* ti =
      table == nullptr ? nullptr : table->FindTarget(PageToSector(pgoff));
  if (ti == nullptr || ti->type->dax_recovery_write == nullptr) return 0;
  return ti->type->dax_recovery_write(*ti, pgoff, offset, bytes);
}

std::optional<bool> MappedDevice::DaxSupported(uint64_t blocksize) {
  StackDepth depth;
  // The kernel's check would recurse for ever; DmCtl refuses such a load.
  if (depth.too_deep()) return false;
  FitForDax fit;
  if (fit.Has(this, blocksize)) return true;
  SrcuReadLock live(io_barrier_);
  const DmTable* table = map_.load(std::memory_order_acquire);
  const bool dax = table != nullptr && table->SupportsDax(blocksize).dax();
  if (dax) fit.Add(this, blocksize);
  return dax;
}

bool DmDaxPgoff(const KernelProfile& profile, const DmDev& dev, sector_t sector,
                pgoff_t* pgoff) {
  const sector_t phys = dev.bdev->start_sect() + sector.value();
  *pgoff = SectorToPage(phys);
  return profile.dm_dax_alignment == DmDaxAlignment::kRoundsDown ||
         phys.value() % kPageSectors == 0;
}

namespace {

TraceStep TargetStep(const DmTarget& ti, pgoff_t pgoff, int64_t nr_pages,
                     DaxAccessMode mode) {
  TraceStep step;
  step.function = TraceFunction::kTargetDirectAccess;
  step.target = std::string(ti.type->name);
  step.target_function = ti.type->dax_function;
  step.target_event = ti.type->dax_event;
  step.event_has_row = ti.type->dax_event_has_row;
  step.begin = ti.begin;
  step.len = ti.len;
  step.pgoff = pgoff;
  step.nr_pages = nr_pages;
  step.mode = static_cast<int>(mode);
  return step;
}

// A fast path does not count levels.  From half of the maximum depth on it is
// not used: the chain might say ELOOP where a map, of up to so many levels,
// would answer.
DaxAccess AskBelow(const DmDev& dev, pgoff_t pgoff, int64_t nr_pages,
                   DaxAccessMode mode, Trace* trace) {
  if (dev.dax_dev == nullptr || StackDepth::now() <= StackDepth::kMax / 2) {
    return DaxDirectAccess(dev.dax_dev, pgoff, nr_pages, mode, trace);
  }
  return DaxDirectAccessChecked(dev.dax_dev, pgoff, nr_pages, mode, trace);
}

}  // namespace

DaxAccess DmDaxForward(const DmTarget& ti, const DmDev& dev, sector_t sector,
                       pgoff_t pgoff, int64_t nr_pages, DaxAccessMode mode,
                       Trace* trace) {
  pgoff_t lower;
  const bool aligned = DmDaxPgoff(ProfileOf(ti), dev, sector, &lower);
  if (trace == nullptr) {
    return aligned ? AskBelow(dev, lower, nr_pages, mode, trace)
                   : DaxAccess::Error(EINVAL);
  }
  TraceStep told = TargetStep(ti, pgoff, nr_pages, mode);
  told.lower = dev.name;
  told.lower_name = dev.bdev->name();
  told.lower_sector = sector;
  const size_t step = trace->Enter(std::move(told));
  const DaxAccess access = aligned ? AskBelow(dev, lower, nr_pages, mode, trace)
                                   : DaxAccess::Error(EINVAL);
  trace->Leave(step, access.ret, access.pfn);
  return access;
}

DaxAccess DmDaxRefuse(const DmTarget& ti, int err, pgoff_t pgoff,
                      int64_t nr_pages, DaxAccessMode mode, Trace* trace) {
  if (trace != nullptr) {
    const size_t step = trace->Enter(TargetStep(ti, pgoff, nr_pages, mode));
    trace->Leave(step, -err, pfn_t{});
  }
  return DaxAccess::Error(err);
}

}  // namespace dmdax
