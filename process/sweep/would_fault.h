// SPDX-License-Identifier: Apache-2.0
//
// WouldFault: what a touch would get, without a process that touches.
//
//   absl::StatusOr<std::unique_ptr<WouldFault>> would =
//       WouldFault::Make(user, {.file = file, .length = 16 << 20});
//   WouldFaultAnswer answer = (*would)->Ask(2 << 20, AccessKind::kWrite);
//   answer.order;                             // 9: a PMD
//   FaultReasonText(answer.reason);           // else why not
//
//   std::vector<WouldFaultVerdict> verdicts(offsets.size());
//   (*would)->AskBatch(offsets, AccessKind::kRead, absl::MakeSpan(verdicts));
//
// The question is a file or a device-dax, how it is mapped, and an access to a
// byte of the mapping.  The answer is that of the first access of a process
// that is new and maps nothing else.  Questions do not see each other.
//
// Most answers follow from the extents and from direct_access alone, which is
// how they are found; what a fault must be made for (an allocation, a copy, a
// DAX entry that is in the way, an error) is asked of a real one, in copies of
// all that it would change.  Each kind of short answer is compared with a real
// fault before it is used.
//
// Mirrors: nothing; the kernel has no such question.
// Threading: any number of threads may ask at once, while nobody changes the
// machine, the file or its mount.  Nothing that is asked about is changed.
#ifndef DMDAX_PROCESS_SWEEP_WOULD_FAULT_H_
#define DMDAX_PROCESS_SWEEP_WOULD_FAULT_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "process/user_space.h"

namespace dmdax {

struct WouldFaultAnswer {
  int order = 0;  // of the entry; meaningless with a signal
  int sig = 0;    // SIGBUS, SIGSEGV, SIGKILL or 0
  int si_code = 0;
  bool zero_page = false;
  pfn_t pfn{};         // of the page; meaningless with a signal
  FaultReason reason;  // as FaultOutcome::reason
};

// The same in 24 bytes.
struct WouldFaultVerdict {
  pfn_t pfn{};
  // Lives as long as the WouldFault; null: none.  Reasons with the same code at
  // the same level are one, whose numbers are those of any page that has it.
  const FaultReason* reason = nullptr;
  int8_t order = 0;
  int8_t sig = 0;
  int8_t si_code = 0;
  bool zero_page = false;
};

class WouldFault {
 public:
  // `mapping` as for Task::Map(); without an address it is where the kernel
  // puts it.  EOPNOTSUPP: the file is not DAX; what Task::Map() answers.
  static absl::StatusOr<std::unique_ptr<WouldFault>> Make(
      UserSpace& user, const VmaOptions& mapping);
  ~WouldFault();

  // `offset`: bytes from the start of the mapping.
  WouldFaultAnswer Ask(uint64_t offset, AccessKind access) const;
  // As many verdicts as offsets.
  void AskBatch(absl::Span<const uint64_t> offsets, AccessKind access,
                absl::Span<WouldFaultVerdict> verdicts) const;

 private:
  // What an answer follows from.
  enum Kind : int { kPmd, kPmdZero, kPte, kPteZero, kDevDax, kKinds, kReal };
  // What is known of a kind: nothing yet, that it is as predicted, that it is
  // not.
  enum class Trust : int { kUnknown, kYes, kNo };
  struct Quick {
    Kind kind = kReal;
    uint64_t pfn = 0;
  };
  // Where the libraries of a process are, a table hangs in the place of a PUD.
  enum Pud : int { kEmptyPud, kPudTable, kPuds };
  // Pages of the file whose frames lie in a row.
  struct Run {
    uint64_t end = 0;
    // Of the huge pages in it that are mapped by one entry.
    uint64_t first_huge = 0, huge_pages = 0;
    uint64_t delta = 0;  // frame - page
  };
  struct Cause {
    uint64_t slot;
    const FaultReason* reason;
  };

  WouldFault(UserSpace& user, const VmaOptions& mapping,
             const VmAreaStruct& vma, uint64_t pud_of_libraries);
  void LookAtFile();
  void LookAtDevDax();

  uint64_t PageOf(uint64_t offset) const {
    return vma_.vm_pgoff + (offset >> faults_.page_shift);
  }
  Pud PudOf(uint64_t offset) const {
    return (vma_.vm_start + offset) >> faults_.pud_shift == pud_of_libraries_
               ? kPudTable
               : kEmptyPud;
  }
  int OrderOf(Kind kind) const;
  void FindRuns();
  void AddRun(uint64_t first, uint64_t end, uint64_t pfn);
  const Run& RunAt(uint64_t page) const;
  const FileExtent* ExtentAt(uint64_t pos) const;
  DaxAccess Access(const FileExtent& extent, uint64_t page, int64_t nr) const;
  Quick QuickAnswer(uint64_t offset, bool write) const;
  Quick QuickDevDax(uint64_t offset) const;
  Quick QuickHuge(uint64_t first, bool write) const;
  Quick QuickPage(uint64_t page, bool write) const;
  bool EntryNear(uint64_t page) const;
  bool Trusted(const Quick& quick, uint64_t offset, bool write) const;
  // Why the page has no PMD.
  FaultReason PteReason(uint64_t offset, bool write) const;
  WouldFaultAnswer Real(uint64_t offset, AccessKind access) const;
  FaultOutcome RealFile(uint64_t offset, bool write) const;
  FaultOutcome RealDevDax(uint64_t offset, bool write) const;
  FaultOutcome Touch(MemMap& mem, std::shared_ptr<File> file, uint64_t offset,
                     bool write) const;
  const FaultReason* Intern(const FaultReason& reason) const;
  const FaultReason* CachedPteReason(uint64_t offset, bool write) const;
  WouldFaultVerdict Verdict(uint64_t offset, AccessKind access) const;

  const FaultProfile& faults_;
  const KernelProfile& kernel_;
  MemMap& mem_;
  const VmaOptions mapping_;
  VmAreaStruct vma_;
  const uint64_t pud_of_libraries_;  // address >> pud_shift
  bool quick_[2] = {};  // by access; no kind is looked at otherwise
  // --- of a file ---
  DaxInode* inode_ = nullptr;
  std::vector<FileExtent> extents_;
  std::vector<uint64_t> starts_;                        // of the extents: bytes
  std::vector<std::pair<uint64_t, uint64_t>> entries_;  // pages [first, end)
  bool holes_known_ = false;  // a hole is as long as it is
  bool tries_huge_ = false;
  uint64_t end_page_ = 0;  // of the file, and of what the type can have
  // Pages that a PMD inside the mapping and the file may have.
  uint64_t first_huge_ = 0, end_huge_ = 0;
  std::vector<Run> runs_;  // or none, if they are too many
  // --- of a device-dax ---
  const DevDax* dax_ = nullptr;
  int dax_order_ = 0;

  // Of a kind of answers, once it has been compared with a real fault.
  struct Known {
    std::atomic<Trust> trust{Trust::kUnknown};
    const FaultReason* reason = nullptr;  // of all but pages in a huge mapping
  };
  mutable Known known_[2][kKinds][kPuds];  // by access
  mutable absl::Mutex mu_;
  mutable absl::flat_hash_map<std::string, const FaultReason*> reasons_
      ABSL_GUARDED_BY(mu_);
  mutable std::deque<FaultReason> storage_ ABSL_GUARDED_BY(mu_);
  mutable std::deque<Cause> causes_ ABSL_GUARDED_BY(mu_);
  // By huge page, as far as there is room: why single pages of it are no PMD.
  mutable std::vector<std::atomic<const Cause*>> cause_of_[2];
};

}  // namespace dmdax

#endif  // DMDAX_PROCESS_SWEEP_WOULD_FAULT_H_
