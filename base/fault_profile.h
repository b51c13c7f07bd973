// SPDX-License-Identifier: Apache-2.0
//
// FaultProfile: which kernel's page-fault and file-system-DAX behaviour.
//
// The fault half of a KernelProfile (base/kernel_profile.h), which is how it is
// found.  Each behaviour is a field.
//
//   const FaultProfile& profile = (*FindKernelProfile("v6_1"))->fault;
//   if (profile.insert == PageInsert::kFolio) ...
//
// Mirrors: mm/memory.c, mm/huge_memory.c, fs/dax.c, drivers/dax/device.c and
// arch/{x86,arm64}/include/asm/pgtable*.h of 4.14 to 7.3, as far as they
// differ.  Threading: constant after start.
#ifndef DMDAX_BASE_FAULT_PROFILE_H_
#define DMDAX_BASE_FAULT_PROFILE_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "base/fault_functions.h"

namespace dmdax {

enum class PageTableFormat { kX86_64, kArm64_64k };

// Whether ->huge_fault is attempted at all (hugepage_vma_check).
enum class ThpRule {
  // sysfs "always" says yes, then DAX, then "madvise" with VM_HUGEPAGE.
  kSysfsFirst,
  // DAX or nothing: other file mappings never get it (6.1).
  kDaxOnly,
  // DAX always; others when sysfs allows and the hook exists (since 6.7).
  kDaxThenSysfs,
};

// How DAX handlers put a page into the page table.
enum class PageInsert {
  kPfn,    // a pfn with a devmap bit, no reference (until 6.14)
  kFolio,  // a counted page (since 6.15)
};

// The check of thp_get_unmapped_area.
enum class ThpUnmappedArea {
  kDaxNoHint,    // 4.14: IS_DAX files, only without a hint
  kDaxFiles,     // 5.10: IS_DAX files, the hint is tried
  kAllFiles,     // 6.1
  kAllFilesTop,  // 6.12: an aligned top-down result moves up by the size
};

// What "dirty" means for the DAX entry a fault leaves behind.
enum class DaxEntryDirty {
  kWrite,         // 4.14: every write
  kWriteNotSync,  // 5.10, since 6.6: write and not synchronous
  kNotSync,       // 6.1: reads too
};

// What fallocate() of ext4 zeroes when the file grows.
enum class Ext4FallocateZeroes {
  kNothing,
  kBothEnds,  // a stable fix of 6.12: the old end's block and the new one's
  kOldEnd,    // 7.2
};

// What ext4 becomes when it finds that its journal was given up
// (ext4_handle_error).
enum class Ext4Abort {
  // SB_RDONLY, a mount that is read-only: fsync(2) is EROFS, and a freeze has
  // nothing to do (until 6.5).
  kReadOnlyMount,
  // Nothing: what begins a change finds out anew, EROFS (a stable fix of 6.1).
  kFindsOutAnew,
  // Shut down: EIO for changes, fsync(2), open(2) and mmap(2) (since 6.6, the
  // mount stays writable by a fix of 6.12).
  kShutdown,
  // EXT4_FLAGS_EMERGENCY_RO: EROFS for changes, fsync(2) and what opens or maps
  // to write (since 6.15).
  kEmergencyReadOnly,
};

// What iomap_zero_range() does with dirty pages over blocks that are zero on
// disk: holes and unwritten ones.
enum class IomapZeroDirty {
  kSkips,           // nothing (until 6.11)
  kFlushes,         // they are written back, and what is there then is zeroed
  kFlushesButEdge,  // but a dirty page that it begins inside is zeroed (6.13)
  // xfs hands over the dirty ones that lie over unwritten blocks, and these
  // are zeroed; else nothing (since 6.19).
  kFolioBatch,
};

// Whose pages MADV_HUGEPAGE has read in huge folios.
enum class ThpReadahead {
  kNone,
  kAnyFile,      // since 5.18; without large folios it is only a wide window
  kLargeFolios,  // 7.2: of file systems that have them
};

struct FaultProfile {
  // --- architecture ---
  PageTableFormat format;
  int page_shift;  // 12; 16 on arm64 with 64 KiB pages
  int pmd_shift;   // 21; 29
  int pud_shift;   // 30; 42 (folded)
  bool has_pte_special;
  bool has_pte_devmap;
  int devmap_bit;    // of a PTE or PMD; meaningless without has_pte_devmap
  bool has_pud_thp;  // HAVE_ARCH_TRANSPARENT_HUGEPAGE_PUD
  // The processor has protection keys: what is only executed has its own.
  bool has_pkeys;

  // --- mm ---
  ThpRule thp_rule;
  ThpUnmappedArea thp_unmapped_area;
  // Without a hint, whole huge pages of anonymous memory are aligned (since
  // 6.7), and those of files without a hook of their own (6.7 to 6.17).
  bool anon_thp_aligned;
  bool plain_file_thp_aligned;
  // The fault is tried under the VMA's own lock first; handlers without
  // ->map_pages then answer VM_FAULT_RETRY at PTE level.
  bool per_vma_lock;
  // FAULT_FLAG_ORIG_PTE_VALID exists: flag 0x800 once a page table is there.
  bool orig_pte_valid_flag;
  // VM_FAULT_WRITE (8) comes back from a COW in do_wp_page (until 6.1).
  bool returns_fault_write;
  // VM_FAULT_COMPLETED exists (since 6.0).
  bool has_fault_completed;
  // wp_huge_pmd asks ->huge_fault for private mappings too (until 6.1).
  bool wp_huge_pmd_private;
  // create_huge_pud and wp_huge_pud bodies are exchanged (5.6 to 5.18).
  bool huge_pud_swapped;
  PageInsert insert;
  // insert_pfn: a busy PTE is -EBUSY (4.14) instead of left alone.
  bool insert_returns_errno;
  // vmf_insert_pfn_pmd replaces an existing entry (4.14) instead of keeping.
  bool insert_pmd_overwrites;
  // BUG_ON(!pfn_t_devmap) in vmf_insert_pfn_pmd (4.14).
  bool insert_pmd_needs_devmap;
  // BUG_ON(neither VM_PFNMAP nor VM_MIXEDMAP) whatever the pfn (4.14, 6.17).
  bool insert_pmd_always_needs_flag;
  // vmf_insert_pfn_pmd compares the raw address with the VMA (4.14).
  bool insert_pmd_raw_address;
  // vm_insert_mixed: BUG_ON(!VM_MIXEDMAP) even for devmap pfns (4.14).
  bool mixed_needs_flag;
  // Not allowed is VM_FAULT_SIGBUS (since 6.10) instead of a BUG.
  bool mixed_not_ok_is_sigbus;
  // insert_pfn marks non-devmap PMDs special (6.12) ; 6.17: every one.
  bool insert_pmd_special;
  // pfn_t and the devmap bit are gone (since 6.17).
  bool no_pfn_t;
  // vm_normal_page gives the page of a DAX entry (since 6.15).
  bool dax_pages_are_normal;
  // __do_fault takes a clean poisoned page out of the cache and retries.
  bool hwpoison_invalidates_clean;
  // vm_operations_struct's hook for cuts: "split"; "may_split" since 5.11.
  std::string vm_ops_split_hook;
  // mmap of a read-only block device refuses shared mappings that may be
  // written (blkdev_mmap, since 5.19).
  bool blkdev_mmap_read_only;
  // mmap of a file beyond what its type can have is EOVERFLOW: file_mmap_ok
  // (since 4.17).
  bool file_mmap_checks_size;
  // Unlinked shmem files have shmem_anon_vm_ops (since 6.2).
  bool shmem_anon_vm_ops;
  // Exported names carry a _prot suffix (5.10, 6.1).
  bool insert_pfn_pmd_prot_symbol;
  // The "(err N)" of an unknown symbol: 0; -ENOENT since 4.19.
  int unknown_symbol_err;
  // Pages of [vvar] and its like below the vdso: 4; 6 since 6.18.
  int vvar_pages;
  bool has_madv_populate;  // since 5.14
  // MADV_POPULATE ends at a hole instead of passing over it (since 6.9).
  bool madv_populate_stops_at_hole;
  // MADV_POPULATE tries a fault that has dropped the lock again as one that was
  // tried (since 6.9), and does not begin anew.
  bool madv_populate_retries;
  // madvise() that would make one mapping too many: EAGAIN (since 5.17).
  bool madvise_enomem_is_eagain;
  // A mapping that has an anon_vma merges with one that has none, whichever
  // of the two is changed (since 6.15).
  bool merge_hands_over_anon_vma;
  bool has_map_sync;  // since 4.15
  // mprotect to writable makes dirty entries writable at once: shared single
  // pages always, private copies since 6.0, huge entries since 6.2.
  bool mprotect_keeps_private_writable;
  bool mprotect_keeps_huge_writable;

  // --- fs/dax ---
  bool dax_vma_is_mixedmap;  // VM_MIXEDMAP besides VM_HUGEPAGE (4.14)
  DaxEntryDirty dax_dirty;
  // The size check of the PMD fault comes after colour and VMA (until 5.x).
  bool dax_pmd_eof_check_late;
  // Errors of a conflicting entry all become FALLBACK (4.14).
  bool dax_entry_errors_fall_back;
  // dax_fault_return knows -EHWPOISON (since 6.5).
  bool dax_hwpoison_errno;
  // The fault path copies from srcmap for shared extents (since 6.0).
  bool dax_reflink;
  // The copy and the unmap are decided by IOMAP_F_SHARED (since 6.3).
  bool dax_cow_by_shared_flag;
  // VM_FAULT_MAJOR for a new block is part of the PTE handler's own result
  // (and of its trace point).
  bool dax_major_in_result;
  // dax_break_layout(): what breaks a layout drops all entries (since 6.15).
  bool break_layout_drops_entries;
  // filemap_write_and_wait_range() of a range that ends before it begins is
  // gone through (until 6.2).
  bool writes_back_empty_range;
  // vfs_fallocate() has a switch of its modes, and what is not in there is
  // EOPNOTSUPP (since 6.12); before, COLLAPSE_RANGE and INSERT_RANGE with
  // anything else were EINVAL.
  bool fallocate_knows_one_mode;
  // ext4_fallocate() breaks layouts first, whatever the mode and the range,
  // and writes nothing back before a hole is punched (since 6.9; 6.12 by a
  // stable back-port).
  bool ext4_breaks_layouts_first;
  // A punched range is known as a hole at once (the same change).
  bool ext4_punch_remembers_hole;
  // The holes that a lookup finds in a file with indirect blocks are known from
  // then on, as those of a file with extents are (a stable fix of 6.12).
  bool ext4_remembers_indirect_holes;
  // A hole in a file with indirect blocks ends at the next block (since 7.3),
  // not with the tree of pointers that is missing.
  bool ext4_indirect_hole_is_whole;
  // FALLOC_FL_ZERO_RANGE zeroes the blocks that it has in part before it drops
  // what is cached of the range (since 7.3).
  bool ext4_zero_range_edges_first;
  // Growing a file zeroes the rest of its last block: ftruncate(), fallocate().
  bool ext4_grow_zeroes_tail;
  Ext4FallocateZeroes ext4_fallocate_zeroes;
  Ext4Abort ext4_abort;
  // xfs writes the page at the new end back when it truncates (until 6.x).
  bool xfs_truncate_writes_back;
  IomapZeroDirty iomap_zero_dirty;
  // fallocate() of a range with delayed allocations gives blocks to all of them
  // (until 6.8), also to what lies outside the range.
  bool xfs_fallocate_takes_whole_delalloc;
  // xfs answers for a range to be zeroed with the part of the extent that was
  // asked for (since 6.19), not with all of it.
  bool xfs_zero_trims_mapping;
  // xfs writes back and drops a range before it is asked whether it can be
  // collapsed (5.5 to 6.11).
  bool xfs_collapse_flushes_first;
  // xfs zeroes part of a shared block in a copy that stays (since 6.2).
  bool xfs_zeroes_with_dax_ops;
  // xfs tells of shared extents in a DAX read too (since 6.2).
  bool xfs_dax_read_shared;
  // xfs frees blocks behind a file's end when somebody closes it who could
  // write, and once; before, whenever nothing waits to be written (until 6.11).
  bool xfs_writer_frees_eof_blocks_once;
  // MADV_DONTNEED of all that a table of PTEs has frees the table, and the next
  // touch tries a huge entry again (CONFIG_PT_RECLAIM, since 6.14).
  bool dontneed_frees_tables;
  // The huge zero page is put in by vmf_insert_folio_pmd (since 6.17).
  bool dax_huge_zero_by_folio;

  // --- page cache ---
  bool ext4_large_folios;  // since 6.16
  // Also where the feature `verity` is (7.2), which makes no folio small then.
  bool ext4_verity_large_folios;
  bool xfs_large_folios;    // since 5.18
  bool write_large_folios;  // buffered writes make large folios (since 6.6)
  // A fault maps the folio it finds whole, if the file does not end in it, and
  // fault-around those beside it (since 6.18).
  bool map_whole_folios;
  bool order_1_folios;  // folios of two pages (since 6.9)
  // Where a PTE table is missing, fault-around has none put in for the folio
  // with the last page of the file, and maps nothing if it finds that one first
  // (since 6.18; 6.12 by a stable back-port).
  bool fault_around_needs_table;
  // A large folio that is cut is split in halves down to the cut (since 6.15),
  // not into single pages.
  bool folio_splits_in_halves;
  // iomap knows which blocks of a folio are dirty, and writes back no others
  // (since 6.6).
  bool iomap_dirty_by_block;
  // iomap lets go of a dirty folio that is to be cut (until 6.5); else it can
  // not be split, and since 6.18 is unmapped then (6.12 by a back-port).
  bool dirty_folio_splits;
  bool unsplit_folio_is_unmapped;
  // A huge page of the cache is not mapped by one entry where the VMA or the
  // process has forbidden that (since 6.7).
  bool set_pmd_asks_vma;
  ThpReadahead thp_readahead;
  // page_cache_async_ra() shares no code with the first read (since 6.10), and
  // what is cached to the end of its window is left alone.
  bool readahead_async_is_apart;
  bool next_miss_is_outside;
  // Where cached pages are in the way of large folios, no more than the rest of
  // the window is read page by page (since 6.14), not as much as all of it.
  bool readahead_fills_rest;
  // What is mapped to be executed is read from the faulting page on, to the end
  // of the mapping at most, and nothing marks it to be read on (since 6.17).
  bool readahead_exec_from_page;
  // The order is kept with the window and grows with it, from single pages on;
  // the last window of a file has no mark (since 6.17).
  bool readahead_keeps_order;

  // --- device-dax ---
  bool devdax_sets_mapping;          // dax_set_mapping (since 4.17)
  bool devdax_sets_mapping_first;    // before the insertion (since 5.17)
  bool devdax_has_vmemmap_shift;     // compound pages (since 5.17)
  bool devdax_has_pagesize_op;       // vm_ops->pagesize (since 4.17)
  std::string devdax_mmap_function;  // "dax_mmap", "dax_mmap_prepare"

  // --- reference counts of device pages when idle ---
  int fsdax_idle_refcount;   // 1; 0 since 6.15
  int devdax_idle_refcount;  // 1

  // What function_graph calls the functions on the way of a fault; one that it
  // does not show (the kernel lacks it, or the compiler took it into its
  // caller) is not in here.
  std::map<FaultFunction, std::string> functions;

  // --- trace points, as the recorded events show them ---
  bool trace_iomap_iter;      // iomap_iter_dstmap (since 5.15)
  bool trace_insert_mapping;  // dax_insert_mapping (until 5.x)
  bool trace_iomap_numbers;   // "MAPPED (0x2)" (since 6.16)
  bool trace_zero_folio;      // "zero_folio" instead of "zero_page"
  // The probes of insertion show a frame alone: they are on functions that take
  // pages, though pfn_t is still there (6.16).
  bool trace_insert_page;
  bool trace_access_mode;  // direct_access has a mode (since 5.19)
  // A return probe serves one call at a time: the returns of nested calls of
  // the same function are not shown.
  bool nested_return_probes_lost;

  uint64_t page_size() const { return uint64_t{1} << page_shift; }
  uint64_t page_mask() const { return ~(page_size() - 1); }
  uint64_t pmd_size() const { return uint64_t{1} << pmd_shift; }
  uint64_t pmd_mask() const { return ~(pmd_size() - 1); }
  uint64_t pud_size() const { return uint64_t{1} << pud_shift; }
  uint64_t pud_mask() const { return ~(pud_size() - 1); }
  int pmd_order() const { return pmd_shift - page_shift; }
  int pud_order() const { return pud_shift - page_shift; }
  // PG_PMD_NR: pages in a PMD.
  uint64_t pmd_nr() const { return uint64_t{1} << pmd_order(); }
};

// Whether the kernel exports `symbol` to modules: vmf_insert_pfn_pmd,
// vmf_insert_pfn_pud and their _prot forms.  What a module that imports a
// missing one gets is in kernel_module.h.
bool ExportsSymbol(const FaultProfile& profile, absl::string_view symbol);

}  // namespace dmdax

#endif  // DMDAX_BASE_FAULT_PROFILE_H_
