// SPDX-License-Identifier: Apache-2.0
//
// Real faults, in copies of what they would change, and reasons.
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/round_up.h"
#include "dax/device_dax.h"
#include "fs/file_system.h"
#include "iomap/dax_fault.h"
#include "process/sweep/sweep_probe.h"
#include "process/sweep/would_fault.h"

namespace dmdax {
namespace {

WouldFaultAnswer AnswerOf(FaultOutcome&& outcome) {
  return {.order = outcome.order,
          .sig = outcome.sig,
          .si_code = outcome.si_code,
          .zero_page = outcome.sig == 0 && outcome.zero_page,
          .pfn = outcome.pfn,
          .reason = std::move(outcome.reason)};
}

}  // namespace

FaultReason WouldFault::PteReason(uint64_t offset, bool write) const {
  const uint64_t page = PageOf(offset);
  const uint64_t huge = faults_.pmd_nr();
  FaultReason reason;
  if (DaxCheckPmdFault(faults_, vma_, write, vma_.vm_start + offset, page,
                       inode_->i_size, &reason) == 0) {
    const uint64_t pos = RoundDown(page, huge) * kPageSize;
    const FileExtent extent = inode_->extents.Find(pos);
    if (extent.length < faults_.pmd_size()) {
      reason = DaxExtentShort(faults_, extent.type, pos, extent.length);
    } else {
      const pgoff_t pgoff((extent.physical + inode_->dax_part_off) / kPageSize);
      DaxReadLock lock;
      Trace trace;
      const DaxAccess access = DaxDirectAccess(
          inode_->dax_dev, pgoff, static_cast<int64_t>(faults_.pmd_nr()),
          DaxAccessMode::kAccess, &trace);
      reason = DaxAccessReason(*inode_, inode_->dax_dev, pgoff, huge, access,
                               trace.steps());
    }
  }
  reason.order = faults_.pmd_order();
  return reason;
}

FaultOutcome WouldFault::Touch(MemMap& mem, std::shared_ptr<File> file,
                               uint64_t offset, bool write) const {
  Task task(/*pid=*/1, faults_, mem);
  VmaOptions mapping = mapping_;
  mapping.file = std::move(file);
  mapping.address = vma_.vm_start;
  if (!task.Map(mapping).ok()) return {};  // Make() has mapped it before
  task.mm().set_recorder(nullptr);
  return task.mm().Touch(vma_.vm_start + offset, write);
}

FaultOutcome WouldFault::RealFile(uint64_t offset, bool write) const {
  const uint64_t first = PageOf(offset) << faults_.page_shift;
  const uint64_t start = RoundDown(first, faults_.pmd_size());
  const std::unique_ptr<MemMap> mem = mem_.Idle();
  DaxInode copy(faults_, *mem);
  CopyInodeAround(*inode_, start, start + faults_.pmd_size(), &copy);
  std::unique_ptr<BlockAllocator> allocator;
  if (inode_->allocator != nullptr) {
    allocator = inode_->allocator->Clone();
    copy.allocator = allocator.get();
  }
  for (const DaxEntry& entry : copy.entries) {
    if (faults_.insert == PageInsert::kFolio && entry.is_pmd() &&
        !entry.is_zero()) {
      mem->MakeFolio(entry.pfn, entry.order);
    }
  }
  auto& fs = *static_cast<FileSystem*>(mapping_.file->f_op);
  return Touch(*mem,
               fs.Open(copy, mapping_.file->path, mapping_.file->writable),
               offset, write);
}

FaultOutcome WouldFault::RealDevDax(uint64_t offset, bool write) const {
  MemMap mem(faults_);
  const absl::StatusOr<std::unique_ptr<DevDax>> copy =
      DevDax::Create(faults_, mem, dax_->options(), kernel_);
  if (!copy.ok()) return {};  // it was made before
  return Touch(mem, (*copy)->Open(mapping_.file->writable), offset, write);
}

WouldFaultAnswer WouldFault::Real(uint64_t offset, AccessKind access) const {
  const bool write = access == AccessKind::kWrite;
  if (dax_ != nullptr) return AnswerOf(RealDevDax(offset, write));
  // The file system notes what becomes of its journal.
  absl::MutexLock lock(&mu_);
  return AnswerOf(RealFile(offset, write));
}

const FaultReason* WouldFault::Intern(const FaultReason& reason) const {
  if (!reason) return nullptr;
  std::string key = absl::StrCat(static_cast<int>(reason.code), " ",
                                 reason.order, " ", reason.err);
  if (reason.level.has_value()) {
    const FaultLevel& level = reason.level;
    absl::StrAppend(&key, " ", static_cast<int>(level.function()), " ",
                    level.device(), " ", level.target(), " ",
                    level.begin().value(), " ", level.len().value());
  }
  absl::MutexLock lock(&mu_);
  const auto [it, fresh] = reasons_.try_emplace(std::move(key), nullptr);
  if (fresh) it->second = &storage_.emplace_back(reason);
  return it->second;
}

const FaultReason* WouldFault::CachedPteReason(uint64_t offset,
                                               bool write) const {
  auto& causes = cause_of_[write];
  // Nothing but the colour keeps all of the mapping from huge pages.
  if (causes.empty()) return Intern(PteReason(offset, write));
  const uint64_t slot = PageOf(offset) / faults_.pmd_nr();
  std::atomic<const Cause*>& at = causes[slot % causes.size()];
  const Cause* cause = at.load(std::memory_order_acquire);
  if (cause != nullptr && cause->slot == slot) return cause->reason;
  const FaultReason* reason = Intern(PteReason(offset, write));
  if (cause != nullptr) return reason;  // another huge page has the place
  absl::MutexLock lock(&mu_);
  at.store(&causes_.emplace_back(Cause{slot, reason}),
           std::memory_order_release);
  return reason;
}

}  // namespace dmdax
