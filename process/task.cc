// SPDX-License-Identifier: Apache-2.0
#include "process/task.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "process/field_error.h"

namespace dmdax {
namespace {

int FlagBits(const VmaOptions& options) {
  int flags = MAP_SHARED;
  if (options.is_private) {
    flags = MAP_PRIVATE;
  } else if (options.sync) {
    flags = MAP_SHARED_VALIDATE | MAP_SYNC;
  }
  if (options.file == nullptr) flags |= MAP_ANONYMOUS;
  if (options.address != 0) flags |= MAP_FIXED;
  return flags;
}

absl::Status CheckLength(uint64_t length, uint64_t page) {
  if (length != 0) return absl::OkStatus();
  return FieldError(EINVAL, "length",
                    absl::StrCat("length 0; nearest valid length: ", page));
}

}  // namespace

absl::Status CheckMapSync(const VmaOptions& options) {
  if (!options.is_private || !options.sync) return absl::OkStatus();
  return FieldError(EINVAL, "flags",
                    "sync goes with shared: MAP_SYNC means a "
                    "MAP_SHARED_VALIDATE mapping");
}

Task::Task(uint32_t pid, const FaultProfile& faults, MemMap& mem)
    : pid_(pid), faults_(faults), mm_(faults, mem) {
  mm_.set_recorder(&recorder_);
  // The libraries of a process lie just below mmap_base, so their page tables
  // exist before any mapping of ours.
  mm_.page_table().Pmd(mm_.mmap_base - faults.page_size(), /*alloc=*/true);
}

absl::StatusOr<VmAreaStruct*> Task::Map(const VmaOptions& options) {
  const uint64_t page = faults_.page_size();
  absl::Status s = CheckMultiple("", "offset", options.offset, page);
  if (s.ok()) s = CheckMultiple("", "address", options.address, page);
  if (!s.ok()) return s;
  s = CheckLength(options.length, page);
  if (!s.ok()) return s;
  if (options.address > mm_.task_size ||
      options.length > mm_.task_size - options.address) {
    return FieldError(
        ENOMEM, options.address != 0 ? "address" : "length",
        absl::StrCat("address ", options.address, " + length ", options.length,
                     " is beyond user space, which ends at ", mm_.task_size));
  }
  recorder_.Clear();
  absl::StatusOr<VmAreaStruct*> vma =
      mm_.Mmap({.addr = options.address,
                .len = options.length,
                .prot = options.prot,
                .flags = FlagBits(options),
                .file = options.file,
                .pgoff = options.offset >> faults_.page_shift});
  if (!vma.ok() || options.huge == VmaHuge::kDefault) return vma;
  const uint64_t start = (*vma)->vm_start;
  s = mm_.Madvise(
      start, (*vma)->vm_end - start,
      options.huge == VmaHuge::kHugepage ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  if (!s.ok()) return s;
  return mm_.FindVma(start);
}

absl::Status Task::Unmap(uint64_t address, uint64_t length) {
  const uint64_t page = faults_.page_size();
  absl::Status s =
      CheckMultiple("", "address", address, page, 0, mm_.task_size);
  if (s.ok()) s = CheckLength(length, page);
  if (s.ok()) s = mm_.Munmap(address, length);
  if (!s.ok()) return s;
  touches_.erase(std::remove_if(touches_.begin(), touches_.end(),
                                [&](const TouchRecord& touch) {
                                  return touch.address >= address &&
                                         touch.address - address < length;
                                }),
                 touches_.end());
  return absl::OkStatus();
}

void Task::Repeat(absl::Span<const TouchRecord> touches) {
  mm_.set_recorder(nullptr);
  const FaultReasons reasons = std::exchange(mm_.reasons, FaultReasons::kNone);
  for (const TouchRecord& touch : touches) {
    const FaultOutcome outcome =
        mm_.Touch(touch.address, touch.kind == AccessKind::kWrite);
    if (outcome.faulted && mm_.FindVma(touch.address) != nullptr) {
      touches_.push_back(touch);
    }
  }
  mm_.reasons = reasons;
  mm_.set_recorder(&recorder_);
}

TouchReport Task::Touch(uint64_t address, AccessKind kind, uint64_t sequence) {
  recorder_.Clear();
  TouchReport report;
  report.outcome = mm_.Touch(address, kind == AccessKind::kWrite);
  report.record = std::move(recorder_);
  recorder_.Clear();
  report.vma = mm_.FindVma(address);
  // What changed nothing need not be done again.
  if (report.outcome.faulted && report.vma != nullptr) {
    touches_.push_back({address, kind, sequence});
  }
  return report;
}

}  // namespace dmdax
