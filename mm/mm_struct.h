// SPDX-License-Identifier: Apache-2.0
//
// MmStruct: one process's address space, and what a program can do to it.
//
//   MmStruct mm(profile, mem);
//   absl::StatusOr<VmAreaStruct*> vma = mm.Mmap(
//       {.addr = 0x7ffff7400000, .len = 8 << 20,
//        .prot = PROT_READ | PROT_WRITE, .flags = MAP_SHARED | MAP_FIXED,
//        .file = file, .pgoff = 0});
//   FaultOutcome outcome = mm.Touch(0x7ffff7400000, /*write=*/true);
//   outcome.order;     // 9: a PMD
//   outcome.min_flt;   // 1
//
// Touch() does what the hardware and exc_page_fault() do: nothing when the
// page tables allow the access, else faults until they do or a signal comes.
//
// Files, their operations and inodes must outlive the address space: its
// destructor unmaps everything and tells them.
//
// Mirrors: struct mm_struct, mm/mmap.c, mm/mprotect.c, mm/madvise.c,
// mm/mlock.c, mm/msync.c, mm/mremap.c, dup_mmap of kernel/fork.c,
// do_user_addr_fault of arch/x86/mm/fault.c (6.1, 6.12).
// Threading: thread-compatible; one caller at a time, also for other address
// spaces that share files with it.
#ifndef DMDAX_MM_MM_STRUCT_H_
#define DMDAX_MM_MM_STRUCT_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/fault_profile.h"
#include "base/kernel_log.h"
#include "mm/fault_event.h"
#include "mm/page.h"
#include "mm/page_table.h"
#include "mm/vm_area.h"
#include "mm/vma_tree.h"

namespace dmdax {

// Whether a fault says why it mapped no more.  With kNone `reason` may be empty
// and `fallbacks` is; all else is the same, for less work.
enum class FaultReasons { kNone, kAll };

// What came of one access.
struct FaultOutcome {
  bool faulted = false;  // false: the page tables allowed it
  vm_fault_t ret = 0;    // of the last handle_mm_fault()
  int sig = 0;           // SIGBUS, SIGSEGV or 0
  int si_code = 0;       // BUS_ADRERR 2, BUS_MCEERR_AR 4, SEGV_* 1, 2
  uint64_t sig_addr = 0;
  int sig_addr_lsb = 0;  // for BUS_MCEERR_AR
  int min_flt = 0;
  int maj_flt = 0;
  // The mapping the access ended on; meaningless with a signal.
  int order = 0;  // 0 PTE, pmd_order(), pud_order()
  Pte entry{};
  pfn_t pfn{};  // of the page accessed, not of the huge page
  bool zero_page = false;
  // Why it is no larger, or why there was a signal.
  FaultReason reason;
  // One for each ->huge_fault that fell back, in order.
  absl::InlinedVector<FaultReason, 2> fallbacks;
  std::string bug;                    // a BUG_ON, as a condition
  std::vector<std::string> warnings;  // WARN_ON conditions
};

// /sys/kernel/mm/transparent_hugepage/enabled.
enum class ThpEnabled { kAlways, kMadvise, kNever };

struct MmapRequest {
  uint64_t addr = 0;  // hint, or the address with MAP_FIXED; 0: kernel picks
  uint64_t len = 0;   // bytes
  int prot = 0;       // PROT_*
  int flags = 0;      // MAP_*
  std::shared_ptr<File> file;  // null: anonymous
  uint64_t pgoff = 0;          // pages
};

// What /proc/PID/pagemap says of one page.
struct PagemapEntry {
  bool present = false;
  pfn_t pfn{};
};

class MmStruct {
 public:
  MmStruct(const FaultProfile& profile, MemMap& mem);
  ~MmStruct();
  MmStruct(const MmStruct&) = delete;
  MmStruct& operator=(const MmStruct&) = delete;

  const FaultProfile& profile() const { return profile_; }
  const PteOps& pte_ops() const { return pte_ops_; }
  MemMap& mem() { return mem_; }
  PageTable& page_table() { return page_table_; }
  KernelLog& log() { return log_; }

  // Events are recorded while one is set; null by default.
  void set_recorder(FaultRecorder* recorder) { recorder_ = recorder; }
  FaultRecorder* recorder() const { return recorder_; }

  FaultReasons reasons = FaultReasons::kAll;
  ThpEnabled thp_enabled = ThpEnabled::kAlways;
  std::string comm = "dmdax";  // current->comm, for messages
  bool thp_disabled = false;   // prctl(PR_SET_THP_DISABLE)
  uint64_t task_size = (uint64_t{1} << 47) - 4096;
  uint64_t mmap_base = 0x7ffff7fff000;
  uint64_t mmap_min_addr = 65536;
  size_t sysctl_max_map_count = 65530;  // /proc/sys/vm/max_map_count
  int64_t rss_file = 0;                 // pages
  int64_t rss_anon = 0;

  // mmap(2).  Errors carry the errno: ENOMEM (no room, or more mappings than
  // sysctl_max_map_count), EINVAL, EACCES (the file is not open for reading, or
  // not for writing), EOPNOTSUPP (a flag that MAP_SHARED_VALIDATE does not
  // know), EEXIST, EOVERFLOW (an offset that the file can not have) and what
  // the file's ->mmap answers.  MAP_SYNC counts whatever the type is.  With
  // MAP_POPULATE, and without MAP_NONBLOCK, the pages are faulted in before it
  // returns.
  absl::StatusOr<VmAreaStruct*> Mmap(const MmapRequest& request);
  // munmap(2): EINVAL, what ->may_split says of a cut, or ENOMEM when a hole
  // would make one mapping too many.
  absl::Status Munmap(uint64_t addr, uint64_t len);
  // mprotect(2): ENOMEM (part is not mapped, or a cut would make one mapping
  // too many), EACCES, EINVAL, what ->may_split says.  What lies before the
  // hole or the mapping that an error is about stays changed.  What has the
  // rights already is not cut.
  absl::Status Mprotect(uint64_t addr, uint64_t len, int prot);
  // madvise(2): MADV_NORMAL, RANDOM, SEQUENTIAL, HUGEPAGE, NOHUGEPAGE,
  // DONTFORK, DOFORK, DONTDUMP, DODUMP, DONTNEED, POPULATE_READ and _WRITE;
  // EINVAL for others and for those the kernel does not know.  Holes of the
  // range are passed over, and ENOMEM is the answer when the rest is done
  // (MADV_POPULATE since 6.9: the first hole ends it).  What is so already is
  // not cut; a cut that would make one mapping too many is EAGAIN, ENOMEM
  // before 5.17.
  absl::Status Madvise(uint64_t addr, uint64_t len, int advice);
  // msync(2) with MS_SYNC: writes back what shared mappings of files have in
  // the range.  ENOMEM, after all the rest is written, when part of it is not
  // mapped; EINVAL for an address inside a page or a file that can not be
  // synced; what the file answers, which ends it.
  absl::Status Msync(uint64_t addr, uint64_t len);
  // mlock(2): populates; DAX mappings are not marked VM_LOCKED.  ENOMEM: part
  // is not mapped (nothing is populated), or a page does not come: SIGBUS, or
  // a mapping without rights.  EAGAIN: no memory.
  absl::Status Mlock(uint64_t addr, uint64_t len);

  // mremap(2) with MREMAP_MAYMOVE and _FIXED: where the mapping is now.
  // EINVAL, EFAULT (not all of it is one mapping, or it may not grow), ENOMEM.
  // Huge entries move whole if both places are aligned.
  absl::StatusOr<uint64_t> Mremap(uint64_t addr, uint64_t old_len,
                                  uint64_t new_len, int flags,
                                  uint64_t new_addr = 0);
  // fork(2): the child's address space.  Entries of shared mappings come with
  // its own faults; private copies are shared until one of the two writes.
  std::unique_ptr<MmStruct> Fork();

  // find_vma() that contains `addr`, or null.
  VmAreaStruct* FindVma(uint64_t addr) {
    VmAreaStruct* vma = mm_mt_.Find(addr);
    return vma != nullptr && vma->vm_start <= addr ? vma : nullptr;
  }
  // All of them, by address.
  std::vector<VmAreaStruct*> vmas();
  const VmaTree& mm_mt() const { return mm_mt_; }

  // One access of a user program.
  FaultOutcome Touch(uint64_t addr, bool write, bool exec = false);

  // handle_mm_fault(); exposed for GUP and tests.
  vm_fault_t HandleMmFault(VmAreaStruct& vma, uint64_t addr, unsigned flags);

  // What maps `addr` now, without a fault.
  bool Lookup(uint64_t addr, Pte* entry, int* order);
  // Reading /proc/self/pagemap; splits a PUD as the real reader does.
  PagemapEntry ReadPagemap(uint64_t addr);

  // --- for handlers and the other files of mm/ ---
  // BUG_ON: remembers the condition, returns VM_FAULT_KERNEL_BUG.
  vm_fault_t Bug(VmFault& vmf, const char* condition);
  // WARN_ON, WARN_ON_ONCE: remembers the condition.
  void Warn(const char* condition);
  // The outcome of the fault that is running; never null inside one.
  FaultOutcome* outcome() { return outcome_; }

  // zap_page_range(): removes what maps [start, end).
  void ZapPageRange(VmAreaStruct& vma, uint64_t start, uint64_t end,
                    EvenCows even_cows = EvenCows::kYes);
  // __split_huge_pmd() and __split_huge_pud() of a file mapping: a zap.
  void SplitHugePmd(VmAreaStruct& vma, PtSlot pmd, uint64_t addr);
  void SplitHugePud(VmAreaStruct& vma, PtSlot pud, uint64_t addr);
  // pfn_mkclean_range(): write-protects and cleans pages [pgoff, +nr).
  void MkcleanRange(VmAreaStruct& vma, uint64_t pgoff, uint64_t nr);
  bool IsAnonPage(VmAreaStruct& vma, uint64_t addr, PtSlot slot);
  // Removes one leaf and what it counted.
  void ZapLeaf(VmAreaStruct& vma, PtSlot slot, uint64_t addr, int order);
  void UpdatePageProt(VmAreaStruct& vma);
  // anon_vma_prepare(): a neighbour's that would do, or a new one.
  void AnonVmaPrepare(VmAreaStruct& vma);

 private:
  friend class GetUserPages;

  // What becomes of a fault that dropped the lock.
  enum class Retry { kBeginsAnew, kIsTried };
  int64_t FaultinPages(VmAreaStruct& vma, uint64_t start, uint64_t end,
                       bool write, Retry retry);
  // populate_vma_page_range(): as FaultinPages(), by the mapping's rights.
  int64_t PopulateVma(VmAreaStruct& vma, uint64_t start, uint64_t end);
  int MadvisePopulate(uint64_t start, uint64_t end, bool write);
  // __mm_populate(): 0 or -errno.
  enum class PopulateErrors { kIgnore, kReport };
  int MmPopulate(uint64_t start, uint64_t end, PopulateErrors errors);
  absl::Status CheckRange(uint64_t addr, uint64_t len);
  // ENOMEM: there is no mapping at `addr`.
  absl::Status NotMapped(uint64_t addr) const;
  // calc_vm_prot_bits(), with the key of what is only executed.
  uint64_t ProtFlags(int prot) const;
  // What do_mmap() checks before it looks for a place, and after.
  absl::Status CheckMmap(const MmapRequest& request) const;
  absl::Status CheckMmapAt(const MmapRequest& request, uint64_t addr) const;
  // Why there can be no more mappings.
  absl::Status TooManyMappings() const;
  absl::Status MprotectFixup(VmAreaStruct& vma, uint64_t start, uint64_t end,
                             uint64_t access);
  // madvise_walk_vmas(): `visit` sees the part of each VMA in the range.
  absl::Status MadviseWalkVmas(
      uint64_t start, uint64_t end,
      const std::function<absl::Status(VmAreaStruct&, uint64_t, uint64_t)>&
          visit);
  absl::Status MadviseFlags(VmAreaStruct& vma, uint64_t start, uint64_t end,
                            int advice);
  absl::Status MadviseDontneed(VmAreaStruct& vma, uint64_t start, uint64_t end);
  absl::Status MlockFixup(uint64_t start, uint64_t end);
  absl::Status CheckResize(const VmAreaStruct& vma, uint64_t addr,
                           uint64_t old_len, uint64_t new_len) const;
  absl::StatusOr<uint64_t> MoveVma(VmAreaStruct& vma, uint64_t addr,
                                   uint64_t old_len, uint64_t new_len,
                                   uint64_t new_addr);
  void MovePageTables(VmAreaStruct& vma, uint64_t from, uint64_t to,
                      uint64_t len);
  absl::Status ClearNewPlace(uint64_t addr, uint64_t old_len, uint64_t new_addr,
                             uint64_t new_len);
  bool GrowInPlace(VmAreaStruct& vma, uint64_t end);
  void CopyPageRange(VmAreaStruct& vma, MmStruct& child);

  // --- vma.cc ---
  // vma_link(), unlink_file_vma().
  VmAreaStruct* LinkVma(std::unique_ptr<VmAreaStruct> vma);
  void UnlinkFileVma(const VmAreaStruct& vma);
  void RemoveVma(VmAreaStruct* vma);
  // __split_vma(): the upper part, which it returns, becomes a VMA of its own.
  absl::StatusOr<VmAreaStruct*> SplitVma(VmAreaStruct& vma, uint64_t addr);
  // The same for a part that merges with a neighbour: nobody is asked.
  VmAreaStruct* CutVma(VmAreaStruct& vma, uint64_t addr);
  bool AnonVmaCompatible(const VmAreaStruct& lower,
                         const VmAreaStruct& upper) const;
  bool AnonVmasMerge(const VmAreaStruct& changed,
                     const VmAreaStruct& existing) const;
  // vma_merge(): neighbours that differ in nothing become one again.
  // `existing` is the neighbour of the two, which takes the other in.
  bool CanMerge(const VmAreaStruct* lower, const VmAreaStruct* upper,
                const VmAreaStruct* existing) const;
  VmAreaStruct* MergeVma(VmAreaStruct* vma);
  // vma_modify_flags(): [start, end) of `vma` gets `vm_flags`; the VMA that
  // has it afterwards.
  absl::StatusOr<VmAreaStruct*> VmaModifyFlags(VmAreaStruct* vma,
                                               uint64_t start, uint64_t end,
                                               uint64_t vm_flags);

  // Puts what maps the address, if anything, into `out`.
  bool AccessAllowed(uint64_t addr, bool write, bool exec, FaultOutcome& out);
  bool UserFault(uint64_t addr, bool write, bool exec, FaultOutcome& out);
  void FinishOutcome(uint64_t addr, FaultOutcome& out);
  static void ExplainOrder(FaultOutcome& out);
  vm_fault_t HandleWithoutOutcome(VmAreaStruct& vma, uint64_t addr,
                                  unsigned flags);
  // mm_account_fault().
  void AccountFault(vm_fault_t ret, unsigned flags) {
    if (ret & (VM_FAULT_ERROR | VM_FAULT_RETRY)) return;
    if ((ret & VM_FAULT_MAJOR) || (flags & FAULT_FLAG_TRIED)) {
      ++outcome_->maj_flt;
    } else {
      ++outcome_->min_flt;
    }
  }

  const FaultProfile& profile_;
  const PteOps pte_ops_;
  MemMap& mem_;
  PageTable page_table_;
  KernelLog log_;
  FaultRecorder* recorder_ = nullptr;
  FaultOutcome* outcome_ = nullptr;
  VmaTree mm_mt_;
  uint64_t last_anon_vma_ = 0;
};

}  // namespace dmdax

#endif  // DMDAX_MM_MM_STRUCT_H_
