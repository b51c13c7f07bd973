// SPDX-License-Identifier: Apache-2.0
#include "process/sweep/short_answers.h"

#include <algorithm>

#include "base/round_up.h"
#include "fs/file_system.h"
#include "fs/file_system_type.h"
#include "iomap/dax_fault.h"

namespace dmdax {
namespace {

constexpr uint64_t kHuge = 512;  // pages; only pages of 4096 bytes are asked

// Nothing must be copied for it, and it is whole pages.
bool IsPlain(const FileExtent& e) {
  return !e.shared && (e.logical | e.physical | e.length) % kPageSize == 0;
}

const FileExtents& ExtentsOf(const File& file) {
  static const auto* const kNoExtents = new FileExtents;
  return file.f_inode->type == InodeType::kRegular
             ? static_cast<const DaxInode*>(file.f_inode)->extents
             : *kNoExtents;
}

}  // namespace

HugeFaults HugeFaultsOf(const VmAreaStruct& vma) {
  const bool tried = vma.vm_ops != nullptr &&
                     vma.vm_ops->has(VmOperations::kHugeFault) &&
                     !(vma.vm_flags & VM_NOHUGEPAGE);
  return tried ? HugeFaults::kTried : HugeFaults::kNotTried;
}

ShortAnswers::ShortAnswers(const File& file, const FaultProfile& faults,
                           const SweepAccess& access, HugeFaults huge_faults)
    : faults_(faults),
      huge_cursor_(ExtentsOf(file)),
      page_cursor_(ExtentsOf(file)),
      copies_(access.is_private),
      tries_huge_(huge_faults == HugeFaults::kTried) {
  if (file.f_inode->type != InodeType::kRegular) return;
  inode_ = static_cast<const DaxInode*>(file.f_inode);
  usable_[false] = faults.page_size() == kPageSize &&
                   faults.pmd_nr() == kHuge && !inode_->inline_data &&
                   !inode_->reflinked && inode_->dax_dev != nullptr &&
                   inode_->dax_part_off % kPageSize == 0;
  // A synchronous write waits for the journal.
  usable_[true] = usable_[false] && !access.sync;
  holes_known_ = inode_->has_extents && inode_->known_holes.all().empty();
  const auto& fs = *static_cast<const FileSystem*>(file.f_op);
  end_huge_ = RoundDown(
      std::min(inode_->i_size, fs.type().max_bytes) / kPageSize, kHuge);
}

bool ShortAnswers::EntryNear(uint64_t first) const {
  if (inode_->entries.empty()) return false;
  if (inode_->entries.Find(first) != nullptr) return true;
  const DaxEntry* entry = inode_->entries.AtOrAfter(first);
  return entry != nullptr && entry->index < first + kHuge;
}

pgoff_t ShortAnswers::Place(const FileExtent& extent, uint64_t page) const {
  return pgoff_t((extent.physical + inode_->dax_part_off +
                  (page * kPageSize - extent.logical)) /
                 kPageSize);
}

DaxAccess ShortAnswers::Access(pgoff_t pgoff, uint64_t nr) const {
  DaxReadLock lock;
  return DaxDirectAccess(inode_->dax_dev, pgoff, static_cast<int64_t>(nr),
                         DaxAccessMode::kAccess, nullptr);
}

ShortAnswer ShortAnswers::Of(uint64_t page, bool write) {
  if (!usable_[write]) return {};
  const uint64_t first = RoundDown(page, kHuge);
  if (first >= end_huge_ || EntryNear(first)) return {};
  if (!tries_huge_ || (write && copies_))
    return Single(page_cursor_.At(page * kPageSize), page, write, Why::kSame);
  const uint64_t pos = first * kPageSize;
  const uint64_t end = pos + kHuge * kPageSize;
  const FileExtent& extent = huge_cursor_.At(pos);
  if (extent.type == IOMAP_HOLE) {
    // A write allocates, and ext4 may know less of a hole than there is.
    if (write || !holes_known_) return {};
  } else if (extent.type == IOMAP_UNWRITTEN && !write) {
    if (!holes_known_ || !IsPlain(extent)) return {};
  } else if (extent.type == IOMAP_MAPPED || extent.type == IOMAP_UNWRITTEN) {
    const bool mapped = extent.type == IOMAP_MAPPED;
    return extent.end() >= end         ? OnDevice(extent, page, write)
           : mapped && IsPlain(extent) ? Single(ExtentOf(page, first, extent),
                                                page, write, Why::kExtent)
                                       : ShortAnswer{};
  } else {
    return {};
  }
  return extent.end() >= end
             ? ShortAnswer{.kind = Kind::kPmdZero}
             : Single(ExtentOf(page, first, extent), page, write, Why::kExtent);
}

// The extent of a page of the huge page from `first` on, which is in `extent`.
const FileExtent& ShortAnswers::ExtentOf(uint64_t page, uint64_t first,
                                         const FileExtent& extent) {
  return page == first ? extent : page_cursor_.At(page * kPageSize);
}

// A huge page whose blocks are one extent; those of an unwritten one are
// converted, so that it is only known what becomes of the whole.
ShortAnswer ShortAnswers::OnDevice(const FileExtent& extent, uint64_t page,
                                   bool write) {
  const uint64_t first = RoundDown(page, kHuge);
  const bool mapped = extent.type == IOMAP_MAPPED;
  if (!IsPlain(extent) || extent.end() < (first + kHuge) * kPageSize) return {};
  const pgoff_t pgoff = Place(extent, first);
  const DaxAccess access = Access(pgoff, kHuge);
  if (DaxAccessMaps(faults_, access, kHuge)) {
    return {.kind = mapped ? Kind::kPmd : Kind::kPmdConverted,
            .write = write,
            .pfn = access.pfn.value() + (page - first)};
  }
  if (!mapped) return {};
  // Whoever has a run at a page has the page.
  ShortAnswer single = SingleFrame(
      page == first && access.ret > 0 ? access : Access(Place(extent, page), 1),
      write, Why::kDevice);
  single.pgoff = pgoff;
  return single;
}

ShortAnswer ShortAnswers::Single(const FileExtent& extent, uint64_t page,
                                 bool write, Why why) const {
  const bool hole = extent.type == IOMAP_HOLE;
  const bool copies = write && copies_;
  if (!hole && !IsPlain(extent)) return {};
  if (hole || extent.type == IOMAP_UNWRITTEN) {
    if ((write && !copies) || !holes_known_) return {};
    return {.kind = copies ? Kind::kCopyZero : Kind::kPteZero,
            .why = why,
            .write = write};
  }
  if (extent.type != IOMAP_MAPPED) return {};
  return SingleFrame(Access(Place(extent, page), 1), write, why);
}

ShortAnswer ShortAnswers::SingleFrame(const DaxAccess& access, bool write,
                                      Why why) const {
  // An error needs its reason, and memory without pages is put in otherwise.
  constexpr uint32_t kPages = PFN_DEV | PFN_MAP;
  if (access.ret < 1 || (access.pfn_flags & kPages) != kPages) return {};
  return {.kind = write && copies_ ? Kind::kCopy : Kind::kPte,
          .why = why,
          .write = write,
          .pfn = access.pfn.value()};
}

FaultReason ShortAnswers::Reason(const ShortAnswer& answer) {
  DaxReadLock lock;
  Trace trace;
  const DaxAccess access = DaxDirectAccess(inode_->dax_dev, answer.pgoff, kHuge,
                                           DaxAccessMode::kAccess, &trace);
  FaultReason reason = DaxAccessReason(*inode_, inode_->dax_dev, answer.pgoff,
                                       kHuge, access, trace.steps());
  reason.order = faults_.pmd_order();
  return reason;
}

bool ShortAnswers::Agrees(const ShortAnswer& answer, const FaultOutcome& real) {
  if (real.sig != 0 || real.zero_page != answer.zero_page() ||
      real.order != (answer.huge() ? faults_.pmd_order() : 0)) {
    return false;
  }
  const bool frame = answer.kind == Kind::kPmd || answer.kind == Kind::kPte ||
                     answer.kind == Kind::kPmdConverted;
  if (frame && real.pfn.value() != answer.pfn) return false;
  switch (answer.why) {
    case Why::kSame:
      return !real.reason.level.has_value();
    case Why::kExtent:
      return real.reason.code == FaultReasonCode::kExtentShort &&
             !real.reason.level.has_value();
    case Why::kDevice:
      break;
  }
  const FaultReason reason = Reason(answer);
  return reason.code == real.reason.code && reason.order == real.reason.order &&
         reason.err == real.reason.err &&
         FaultReasonText(reason) == FaultReasonText(real.reason);
}

}  // namespace dmdax
