// SPDX-License-Identifier: Apache-2.0
//
// The short answers; what they are compared with is would_fault_real.cc.
#include "process/sweep/would_fault.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/round_up.h"
#include "dax/device_dax.h"
#include "fs/file_system.h"
#include "fs/file_system_type.h"
#include "iomap/dax_fault.h"

namespace dmdax {
namespace {

constexpr uint64_t kHuge = 512;  // pages; only pages of 4096 bytes are quick
// Huge pages whose reason is remembered.
constexpr uint64_t kMostCauses = 1 << 16;

bool IsRegular(const File& file) {
  return file.f_inode->type == InodeType::kRegular;
}

}  // namespace

absl::StatusOr<std::unique_ptr<WouldFault>> WouldFault::Make(
    UserSpace& user, const VmaOptions& mapping) {
  const File* file = mapping.file.get();
  if (file == nullptr || !file->f_inode->s_dax ||
      (!IsRegular(*file) && file->f_inode->type != InodeType::kCharDevice)) {
    return ErrnoError(
        EOPNOTSUPP,
        absl::StrCat(file == nullptr ? "anonymous memory" : file->path,
                     " is not DAX: what a touch gets depends on "
                     "what was touched before"));
  }
  // The mapping is made once, by a process that ends with this function.
  Task task(/*pid=*/1, user.faults(), user.mem());
  absl::StatusOr<VmAreaStruct*> vma = task.Map(mapping);
  if (!vma.ok()) return vma.status();
  const uint64_t libraries =
      (task.mm().mmap_base - user.faults().page_size()) >>
      user.faults().pud_shift;
  return std::unique_ptr<WouldFault>(
      new WouldFault(user, mapping, **vma, libraries));
}

WouldFault::WouldFault(UserSpace& user, const VmaOptions& mapping,
                       const VmAreaStruct& vma, uint64_t pud_of_libraries)
    : faults_(user.faults()),
      kernel_(user.kernel()),
      mem_(user.mem()),
      mapping_(mapping),
      vma_(vma),
      pud_of_libraries_(pud_of_libraries) {
  vma_.vm_mm = nullptr;
  vma_.shared = {};
  if (IsRegular(*mapping.file)) {
    LookAtFile();
  } else {
    LookAtDevDax();
  }
}

WouldFault::~WouldFault() = default;

void WouldFault::LookAtFile() {
  inode_ = static_cast<DaxInode*>(mapping_.file->f_inode);
  extents_ = inode_->extents.All();
  for (const FileExtent& extent : extents_) starts_.push_back(extent.logical);
  for (const DaxEntry& entry : inode_->entries) {
    entries_.push_back(
        {entry.index, entry.index + (uint64_t{1} << entry.order)});
  }
  holes_known_ = inode_->has_extents && inode_->known_holes.all().empty();
  const bool whole =
      std::all_of(extents_.begin(), extents_.end(), [](const FileExtent& e) {
        return !e.shared &&
               (e.logical | e.physical | e.length) % kPageSize == 0;
      });
  const bool plain =
      faults_.page_size() == kPageSize && faults_.pmd_nr() == kHuge && whole &&
      !inode_->inline_data && !inode_->reflinked &&
      inode_->dax_dev != nullptr && inode_->dax_part_off % kPageSize == 0;
  quick_[false] = plain && (vma_.vm_flags & VM_READ);
  // A private write is copied, a synchronous one waits for the journal.
  quick_[true] = plain && (vma_.vm_flags & VM_WRITE) &&
                 (vma_.vm_flags & VM_SHARED) && !(vma_.vm_flags & VM_SYNC);
  const auto& fs = *static_cast<const FileSystem*>(mapping_.file->f_op);
  const uint64_t pages = (vma_.vm_end - vma_.vm_start) >> faults_.page_shift;
  end_page_ = std::min({vma_.vm_pgoff + pages,
                        RoundUp(inode_->i_size, kPageSize) / kPageSize,
                        fs.type().max_bytes / kPageSize});
  tries_huge_ = vma_.vm_ops->has(VmOperations::kHugeFault) &&
                !(vma_.vm_flags & VM_NOHUGEPAGE);
  const uint64_t colour =
      (vma_.vm_pgoff - (vma_.vm_start >> faults_.page_shift)) % kHuge;
  if (!plain || !tries_huge_ || colour != 0) return;
  first_huge_ = RoundUp(vma_.vm_pgoff, kHuge);
  end_huge_ = std::max(first_huge_, RoundDown(end_page_, kHuge));
  const uint64_t first_slot = vma_.vm_pgoff / kHuge;
  const uint64_t slots =
      std::max(end_page_ / kHuge, first_slot) - first_slot + 1;
  for (auto& causes : cause_of_) {
    causes =
        std::vector<std::atomic<const Cause*>>(std::min(slots, kMostCauses));
  }
  if (entries_.empty()) FindRuns();
}

void WouldFault::LookAtDevDax() {
  dax_ = static_cast<const DevDax*>(mapping_.file->f_op);
  const uint64_t align = dax_->options().align;
  while (faults_.page_size() << dax_order_ < align) ++dax_order_;
  quick_[false] = (vma_.vm_flags & VM_READ) != 0;
  quick_[true] = (vma_.vm_flags & VM_WRITE) != 0;
}

int WouldFault::OrderOf(Kind kind) const {
  return kind == kDevDax                    ? dax_order_
         : kind == kPmd || kind == kPmdZero ? faults_.pmd_order()
                                            : 0;
}

// --- short answers ---

// The search has no branch that depends on the keys: where an offset lies can
// not be guessed.
const WouldFault::Run& WouldFault::RunAt(uint64_t page) const {
  const Run* first = runs_.data();
  for (size_t left = runs_.size(); left > 1;) {
    const size_t half = left / 2;
    first += first[half].first_huge <= page ? half : 0;
    left -= half;
  }
  return *first;
}

// The extent that ends behind `pos` first, or null.
const FileExtent* WouldFault::ExtentAt(uint64_t pos) const {
  if (starts_.empty()) return nullptr;
  const uint64_t* first = starts_.data();
  for (size_t left = starts_.size(); left > 1;) {
    const size_t half = left / 2;
    first += first[half] <= pos ? half : 0;
    left -= half;
  }
  const FileExtent* extent = &extents_[first - starts_.data()];
  if (extent->end() <= pos) ++extent;
  return extent != extents_.data() + extents_.size() ? extent : nullptr;
}

bool WouldFault::EntryNear(uint64_t page) const {
  if (entries_.empty()) return false;
  const uint64_t first = RoundDown(page, kHuge);
  const auto it = std::partition_point(
      entries_.begin(), entries_.end(),
      [&](const auto& entry) { return entry.second <= first; });
  return it != entries_.end() && it->first < first + kHuge;
}

DaxAccess WouldFault::Access(const FileExtent& extent, uint64_t page,
                             int64_t nr) const {
  const uint64_t at = extent.physical + inode_->dax_part_off +
                      (page * kPageSize - extent.logical);
  DaxReadLock lock;
  return DaxDirectAccess(inode_->dax_dev, pgoff_t(at / kPageSize), nr,
                         DaxAccessMode::kAccess, nullptr);
}

// Of the huge page that begins at `first`, if it is mapped by one entry.
WouldFault::Quick WouldFault::QuickHuge(uint64_t first, bool write) const {
  const uint64_t pos = first * kPageSize;
  const uint64_t end = pos + kHuge * kPageSize;
  const FileExtent* extent = ExtentAt(pos);
  if (extent == nullptr || extent->logical > pos) {
    const bool whole = extent == nullptr || extent->logical >= end;
    return whole && !write ? Quick{kPmdZero, mem_.huge_zero_pfn().value()}
                           : Quick{};
  }
  if (extent->end() < end) return {};
  if (extent->type == IOMAP_UNWRITTEN && !write) {
    return {kPmdZero, mem_.huge_zero_pfn().value()};
  }
  if (extent->type != IOMAP_MAPPED) return {};
  const DaxAccess access = Access(*extent, first, kHuge);
  return DaxAccessMaps(faults_, access, kHuge) ? Quick{kPmd, access.pfn.value()}
                                               : Quick{};
}

WouldFault::Quick WouldFault::QuickPage(uint64_t page, bool write) const {
  const uint64_t pos = page * kPageSize;
  const FileExtent* extent = ExtentAt(pos);
  if (extent == nullptr || extent->logical > pos ||
      extent->type == IOMAP_UNWRITTEN) {
    return write || !holes_known_ ? Quick{}
                                  : Quick{kPteZero, mem_.zero_pfn().value()};
  }
  if (extent->type != IOMAP_MAPPED) return {};
  const DaxAccess access = Access(*extent, page, 1);
  // An error needs its reason, and memory without pages is put in otherwise.
  constexpr uint32_t kPages = PFN_DEV | PFN_MAP;
  if (access.ret < 1 || (access.pfn_flags & kPages) != kPages) return {};
  return {kPte, access.pfn.value()};
}

WouldFault::Quick WouldFault::QuickDevDax(uint64_t offset) const {
  const uint64_t pages = uint64_t{1} << dax_order_;
  const uint64_t bytes = faults_.page_size() << dax_order_;
  const uint64_t page = PageOf(offset);
  const std::optional<uint64_t> phys =
      dax_->PgoffToPhys(RoundDown(page, pages), bytes);
  const bool larger = dax_order_ > faults_.pmd_order();
  if (!phys || *phys % bytes != 0 || vma_.vm_pgoff % pages != 0 ||
      (larger && PudOf(offset) == kPudTable)) {
    return {};
  }
  return {kDevDax, (*phys >> faults_.page_shift) + page % pages};
}

WouldFault::Quick WouldFault::QuickAnswer(uint64_t offset, bool write) const {
  if (!quick_[write] || offset >= vma_.vm_end - vma_.vm_start) return {};
  if (dax_ != nullptr) return QuickDevDax(offset);
  const uint64_t page = PageOf(offset);
  if (page >= end_page_ || EntryNear(page)) return {};
  if (page - first_huge_ < end_huge_ - first_huge_) {
    const uint64_t first = RoundDown(page, kHuge);
    const FileExtent* extent = ExtentAt(first * kPageSize);
    const bool hole = extent == nullptr || extent->logical > first * kPageSize;
    const bool mapped = !hole && extent->type == IOMAP_MAPPED;
    // A write allocates or converts before it falls back, and ext4 may know
    // less of a hole than there is.
    if (!mapped && (write || !holes_known_)) return {};
    Quick quick = QuickHuge(first, write);
    if (quick.kind != kReal) {
      quick.pfn += page % kHuge;
      return quick;
    }
    // How long a hole is that is too short, each file system says its way.
    if (hole) return {};
  }
  return QuickPage(page, write);
}

// Whether answers of this kind are what a real fault gives.
bool WouldFault::Trusted(const Quick& quick, uint64_t offset,
                         bool write) const {
  if (quick.kind == kReal) return false;
  Known& known = known_[write][quick.kind][PudOf(offset)];
  const Trust trust = known.trust.load(std::memory_order_acquire);
  if (trust != Trust::kUnknown) return trust == Trust::kYes;
  const WouldFaultAnswer real =
      Real(offset, write ? AccessKind::kWrite : AccessKind::kRead);
  bool same =
      real.sig == 0 && real.order == OrderOf(quick.kind) &&
      real.pfn.value() == quick.pfn &&
      real.zero_page == (quick.kind == kPmdZero || quick.kind == kPteZero);
  const FaultReason* reason = Intern(real.reason);
  if (dax_ == nullptr && real.order == 0 && tries_huge_) {
    same = same && Intern(PteReason(offset, write)) == reason;
  }
  absl::MutexLock lock(&mu_);
  // Somebody else may have been faster.
  if (known.trust.load(std::memory_order_relaxed) == Trust::kUnknown) {
    known.reason = reason;
    known.trust.store(same ? Trust::kYes : Trust::kNo,
                      std::memory_order_release);
  }
  return same;
}

// --- questions ---

WouldFaultAnswer WouldFault::Ask(uint64_t offset, AccessKind access) const {
  const bool write = access == AccessKind::kWrite;
  const Quick quick = QuickAnswer(offset, write);
  if (!Trusted(quick, offset, write)) return Real(offset, access);
  WouldFaultAnswer answer{
      .order = OrderOf(quick.kind),
      .zero_page = quick.kind == kPmdZero || quick.kind == kPteZero,
      .pfn = pfn_t(quick.pfn)};
  const FaultReason* same = known_[write][quick.kind][PudOf(offset)].reason;
  if (dax_ == nullptr && answer.order == 0 && tries_huge_) {
    answer.reason = PteReason(offset, write);
  } else if (same != nullptr) {
    answer.reason = *same;
  }
  return answer;
}

WouldFaultVerdict WouldFault::Verdict(uint64_t offset,
                                      AccessKind access) const {
  const bool write = access == AccessKind::kWrite;
  const Quick quick = QuickAnswer(offset, write);
  if (!Trusted(quick, offset, write)) {
    const WouldFaultAnswer real = Real(offset, access);
    return {.pfn = real.pfn,
            .reason = Intern(real.reason),
            .order = static_cast<int8_t>(real.order),
            .sig = static_cast<int8_t>(real.sig),
            .si_code = static_cast<int8_t>(real.si_code),
            .zero_page = real.zero_page};
  }
  const int order = OrderOf(quick.kind);
  return {.pfn = pfn_t(quick.pfn),
          .reason = dax_ == nullptr && order == 0 && tries_huge_
                        ? CachedPteReason(offset, write)
                        : known_[write][quick.kind][PudOf(offset)].reason,
          .order = static_cast<int8_t>(order),
          .zero_page = quick.kind == kPmdZero || quick.kind == kPteZero};
}

void WouldFault::AskBatch(absl::Span<const uint64_t> offsets, AccessKind access,
                          absl::Span<WouldFaultVerdict> verdicts) const {
  const bool write = access == AccessKind::kWrite;
  if (runs_.empty() || !quick_[write]) {
    for (size_t i = 0; i < offsets.size(); ++i) {
      verdicts[i] = Verdict(offsets[i], access);
    }
    return;
  }
  // Huge pages in runs are most of what there is, and need no more than the
  // search.  What is known of them may come to be known on the way.
  Known(&known)[kPuds] = known_[write][kPmd];
  const auto pmd = static_cast<int8_t>(faults_.pmd_order());
  for (size_t i = 0; i < offsets.size(); ++i) {
    const uint64_t page = PageOf(offsets[i]);
    const Run& run = RunAt(page);
    const Known& k = known[PudOf(offsets[i])];
    if (page - run.first_huge < run.huge_pages &&
        k.trust.load(std::memory_order_acquire) == Trust::kYes) [[likely]] {
      verdicts[i] = {
          .pfn = pfn_t(page + run.delta), .reason = k.reason, .order = pmd};
    } else {
      verdicts[i] = Verdict(offsets[i], access);
    }
  }
}

}  // namespace dmdax
