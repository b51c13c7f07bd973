// SPDX-License-Identifier: Apache-2.0
#include "dax/pmem.h"

#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/nearest.h"
#include "dax/dax_users.h"
#include "dax/pmem_file.h"

namespace dmdax {
namespace {

// x86-64 physical addresses end here (MAXPHYADDR at most 52 bits).
constexpr uint64_t kPhysEnd = uint64_t{1} << 52;

absl::Status Invalid(const PmemOptions& o, absl::string_view field,
                     uint64_t value, absl::string_view why) {
  return ErrnoError(EINVAL, absl::StrCat("pmem '", o.name, "': ", field, " ",
                                         value, ": ", why));
}

// The nearest multiples lie from `least` to `most`.
absl::Status CheckPageMultiple(const PmemOptions& o, absl::string_view field,
                               uint64_t value, uint64_t least, uint64_t most) {
  if (value % kPageSize == 0) return absl::OkStatus();
  return Invalid(o, field, value,
                 absl::StrCat("not a multiple of ", kPageSize, " bytes; ",
                              NearestMultiples(value, kPageSize, least, most)));
}

// Whether a number of pages is at most `most`.
absl::Status CheckEnd(const PmemOptions& o, absl::string_view field,
                      uint64_t value, uint64_t most) {
  if (value <= most) return absl::OkStatus();
  return Invalid(o, field, value,
                 absl::StrCat("physical addresses end at 2^52; ",
                              NearestMultiples(value, kPageSize, 0, most)));
}

absl::Status Validate(const PmemOptions& o) {
  constexpr uint64_t kLast = kPhysEnd - kPageSize;
  absl::Status s = CheckPageMultiple(o, "base", o.base, 0, kLast);
  if (s.ok()) s = CheckPageMultiple(o, "data_offset", o.data_offset, 0, kLast);
  if (s.ok()) s = CheckEnd(o, "data_offset", o.data_offset, kLast);
  if (!s.ok()) return s;
  const uint64_t room = kPhysEnd - std::min(o.base, kLast);
  s = CheckPageMultiple(o, "size", o.size,
                        std::min(o.data_offset + kPageSize, room), room);
  if (s.ok() && o.base > kLast) {
    s = CheckEnd(o, "base", o.base,
                 kPhysEnd - std::clamp(o.size, uint64_t{kPageSize}, kPhysEnd));
  }
  if (s.ok()) s = CheckEnd(o, "size", o.size, room);
  if (!s.ok()) return s;
  if (o.size < kPageSize || o.data_offset > o.size - kPageSize) {
    return Invalid(o, "size", o.size,
                   absl::StrCat("at least data_offset + one page (",
                                o.data_offset + kPageSize, ") is needed"));
  }
  return absl::OkStatus();
}

// Why there is no memory, in words that say what to change.
std::string WhyNotMapped(int err) {
  std::string why = ErrnoText(err);
  rlimit limit{};
  if (err != ENOMEM) return why;
  if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    return absl::StrCat(why, ": the address space is limited to ",
                        uint64_t{limit.rlim_cur}, " bytes (ulimit -v)");
  }
  return absl::StrCat(why,
                      ": the host may give none that it does not have "
                      "(vm.overcommit_memory)");
}

absl::StatusOr<char*> MapBacking(const PmemOptions& o) {
  switch (o.backing) {
    case PmemBacking::kNone:
      return nullptr;
    case PmemBacking::kFile:
      return PmemFile::Map(o);
    case PmemBacking::kAnonymous:
      break;
  }
  void* p = mmap(nullptr, o.size, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) {
    const int err = errno;
    return ErrnoError(err,
                      absl::StrCat("pmem '", o.name, "': cannot get ", o.size,
                                   " bytes of memory: ", WhyNotMapped(err)));
  }
  return static_cast<char*>(p);
}

}  // namespace

absl::StatusOr<std::unique_ptr<PmemDevice>> PmemDevice::Create(
    const KernelProfile& profile, const PmemOptions& options) {
  if (absl::Status s = Validate(options); !s.ok()) return s;
  absl::StatusOr<char*> virt = MapBacking(options);
  if (!virt.ok()) {
    if (!options.file_may_be_gone) return virt.status();
    virt = nullptr;
  }
  return std::unique_ptr<PmemDevice>(new PmemDevice(profile, options, *virt));
}

PmemDevice::PmemDevice(const KernelProfile& profile, const PmemOptions& options,
                       char* virt)
    : options_(options), virt_(virt), dax_dev_(profile, options.name, this) {
  if (options.synchronous) dax_dev_.SetSynchronous();
  dax_dev_.SetWriteCache(options.write_cache);
}

PmemDevice::~PmemDevice() {
  dax_dev_.Kill();
  if (virt_ != nullptr) munmap(virt_, options_.size);
}

uint64_t PmemDevice::nr_sectors() const {
  return (options_.size - options_.data_offset) / kSectorSize;
}

void PmemDevice::NoteBadblocks() {
  has_bb_.store(!bb_.empty());
  if (on_badblocks_) on_badblocks_();
}

void PmemDevice::SetBadblocks(sector_t first, uint64_t sectors) {
  DaxStackChange change(dax_dev_);
  absl::MutexLock lock(&mu_);
  bb_.Set(first, sectors);
  NoteBadblocks();
}

Badblocks PmemDevice::badblocks() const {
  absl::MutexLock lock(&mu_);
  return bb_;
}

int64_t PmemDevice::AvailablePages(pgoff_t pgoff, int64_t nr_pages,
                                   DaxAccessMode mode, RunClip* clip) const {
  const uint64_t offset = pgoff.value() * kPageSize + options_.data_offset;
  *clip = RunClip::kDeviceEnd;
  if (!has_bb_.load(std::memory_order_acquire)) {
    return static_cast<int64_t>((options_.size - offset) >> kPageShift);
  }
  const sector_t sector = PageToSector(pgoff);
  // The kernel computes the window in unsigned int (nr_pages of 2^29 wrap).
  const uint32_t num = static_cast<uint32_t>(nr_pages) * kPageSectors;
  absl::MutexLock lock(&mu_);
  const std::optional<BadRange> bad = bb_.Check(sector, num);
  if (!bad) {
    *clip = RunClip::kBadBlocks;
    return nr_pages;
  }
  *clip = RunClip::kBadBlocks;
  if (mode != DaxAccessMode::kRecoveryWrite) {
    return -dax_dev_.profile().dax_poison_errno;
  }
  // The run goes up to the first bad sector, in whole pages, and has at least
  // one page.  The kernel's badblocks_check() gives the start of the bad entry,
  // which may lie before the page.  The difference then wraps, and the run is
  // as long as the caller asks.
  const uint64_t good = (bb_.EntryStart(bad->first) - sector) * kSectorSize;
  const uint64_t pages = (good + kPageSize - 1) >> kPageShift;
  return pages == 0 ? 1 : static_cast<int64_t>(pages);
}

DaxAccess PmemDevice::DirectAccess(pgoff_t pgoff, int64_t nr_pages,
                                   DaxAccessMode mode, Trace* trace) {
  const uint64_t offset = pgoff.value() * kPageSize + options_.data_offset;
  RunClip clip;
  DaxAccess access{
      .ret = AvailablePages(pgoff, nr_pages, mode, &clip),
      .pfn = PhysPfn(options_.base + offset),
      .pfn_flags = PfnFlagsOfPages(),
  };
  // Past the end there is no address, though the kernel's difference wraps to
  // a run there.
  if (virt_ != nullptr && offset < options_.size) access.kaddr = virt_ + offset;
  if (trace != nullptr) {
    TraceStep told;
    told.function = TraceFunction::kPmemDaxDirectAccess;
    told.device = told.name = options_.name;
    told.pgoff = pgoff;
    told.nr_pages = nr_pages;
    told.mode = static_cast<int>(mode);
    const size_t step = trace->Enter(std::move(told));
    // The leaf answers with all it has; it has clipped only if that is less
    // than was asked for.
    if (access.ret < nr_pages) trace->step(step).clip = clip;
    trace->Leave(step, access.ret, access.pfn);
  }
  return access;
}

std::optional<DaxWindow> PmemDevice::Window() {
  if (has_bb_.load(std::memory_order_acquire)) return std::nullopt;
  return DaxWindow{
      .pages = nr_sectors() / kPageSectors,
      .pfn = PhysPfn(options_.base + options_.data_offset),
      .pfn_flags = PfnFlagsOfPages(),
      .kaddr = virt_ == nullptr ? nullptr : virt_ + options_.data_offset};
}

// Good pages up to the next page with a bad sector, then bad pages, and so on.
// Pages beyond the end are left for a query.
void PmemDevice::ForEachPiece(pgoff_t first, uint64_t pages, uint64_t unit,
                              DaxPieceFn fn) {
  const uint64_t size = nr_sectors() / kPageSectors;
  const uint64_t end = first.value() + pages;
  const uint64_t last = std::min(end, size);
  uint64_t page = first.value();
  // A copy: fn may ask this device, which takes the lock.
  const Badblocks all_bad =
      has_bb_.load(std::memory_order_acquire) ? badblocks() : Badblocks();
  for (const auto& [sector, sectors] : all_bad.ranges()) {
    const uint64_t bad = std::max(page, sector / kPageSectors);
    const uint64_t after =
        std::min(last, (sector + sectors - 1) / kPageSectors + 1);
    if (bad >= after) continue;
    if (page < bad) fn({bad - page, unit, DaxPiece::Pages::kFrames});
    fn(ErrorPiece(after - bad, unit));
    page = after;
  }
  if (page < last) {
    fn({last - page, unit, DaxPiece::Pages::kFrames});
    page = last;
  }
  if (page < end) fn(OpaquePiece(end - page));
}

int PmemDevice::ZeroPageRange(pgoff_t pgoff, uint64_t /*nr_pages*/,
                              Trace* /*trace*/) {
  // One page, whatever is asked; writing clears poison.
  absl::MutexLock lock(&mu_);
  bb_.Clear(PageToSector(pgoff), kPageSectors);
  NoteBadblocks();
  if (virt_ != nullptr) {
    memset(virt_ + pgoff.value() * kPageSize + options_.data_offset, 0,
           kPageSize);
  }
  return 0;
}

size_t PmemDevice::RecoveryWrite(pgoff_t pgoff, uint64_t offset,
                                 absl::Span<const char> bytes) {
  const uint64_t len =
      (offset + bytes.size() + kPageSize - 1) / kPageSize * kPageSize;
  absl::MutexLock lock(&mu_);
  const sector_t sector = PageToSector(pgoff);
  if (bb_.Check(sector, len / kSectorSize)) {
    // Poison is cleared by whole pages only.
    if (offset != 0 || bytes.size() % kPageSize != 0) return 0;
    bb_.Clear(sector, len / kSectorSize);
    NoteBadblocks();
  }
  if (virt_ != nullptr) {
    memcpy(virt_ + pgoff.value() * kPageSize + options_.data_offset + offset,
           bytes.data(), bytes.size());
  }
  return bytes.size();
}

}  // namespace dmdax
