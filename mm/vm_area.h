// SPDX-License-Identifier: Apache-2.0
//
// The objects around a mapping: Inode, AddressSpace, File, VmAreaStruct,
// VmFault and the hooks a provider implements, FileOperations and
// VmOperations.
//
// A provider (a file system, device-dax, a driver of your own) is two small
// classes:
//
//   class FakeDaxOps : public VmOperations {
//     std::string name() const override { return "fake_dax_vm_ops"; }
//     unsigned hooks() const override { return kFault | kHugeFault; }
//     vm_fault_t HugeFault(VmFault& vmf, int order) override {
//       if (order != 9) return VM_FAULT_FALLBACK;   // no PUDs
//       return VmfInsertPfnPmd(vmf, pfn, vmf.write());
//     }
//   };
//   class FakeDaxFile : public FileOperations {
//     std::string name() const override { return "fake_dax_fops"; }
//     int Mmap(File& file, VmAreaStruct& vma) override {
//       vma.vm_ops = &ops;
//       return 0;
//     }
//     FakeDaxOps ops;
//   };
//
// Mirrors: struct inode, address_space, file, vm_area_struct, vm_fault,
// vm_operations_struct, file_operations (6.1), field names included.
// Threading: plain structs; the owner serialises.
#ifndef DMDAX_MM_VM_AREA_H_
#define DMDAX_MM_VM_AREA_H_

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "base/dev_t.h"
#include "mm/fault_reason.h"
#include "mm/page.h"
#include "mm/page_table.h"
#include "mm/vm_fault.h"

namespace dmdax {

class FileOperations;
class MmStruct;
class VmOperations;
struct AddressSpace;
struct VmAreaStruct;
struct VmFault;

// Whether a zap takes a private mapping's own copies too: a truncated file
// has none, a punched one keeps them.
enum class EvenCows { kNo, kYes };

enum class InodeType { kRegular, kCharDevice, kBlockDevice };

struct Inode {
  uint64_t i_ino = 0;
  DevT s_dev{};         // of the file system, or the device itself
  uint64_t i_size = 0;  // bytes
  InodeType type = InodeType::kRegular;
  bool s_dax = false;    // S_DAX in i_flags
  unsigned i_nlink = 1;  // 0: unlinked
  AddressSpace* i_mapping = nullptr;
};

// struct address_space_operations, as far as a fault needs them.
class AddressSpaceOperations {
 public:
  virtual ~AddressSpaceOperations() = default;
  // ->readahead of pages [first, first + nr), for the sake of `vmf`.
  virtual void Readahead(VmFault& vmf, uint64_t first, uint64_t nr) = 0;
  // mapping_large_folio_support().
  virtual bool large_folios() const { return false; }
  // ->writepages of the dirty pages [first, first + nr), which are clean
  // afterwards: what becomes of the file's blocks.
  virtual void Writepages(AddressSpace&, uint64_t, uint64_t) {}
  // Whether blocks are dirty, and only these are written back, or the folio is.
  virtual bool dirty_by_block() const { return false; }
  // block_invalidate_folio(): what is dropped of a dirty folio is clean then,
  // though the folio stays.
  virtual bool invalidation_cleans() const { return false; }
};

// struct address_space: what a file's pages hang on.
struct AddressSpace {
  Inode* host = nullptr;
  AddressSpaceOperations* a_ops = nullptr;  // null: reading shows nothing
  std::list<VmAreaStruct*> i_mmap;          // who maps it, oldest first
  std::map<uint64_t, pfn_t> pages;          // the page cache, by index
  std::set<uint64_t> dirty;                 // PG_dirty, by index
  std::set<uint64_t> readahead;             // pages with PG_readahead
  std::set<uint64_t> not_uptodate;          // without PG_uptodate: not read yet
  std::map<uint64_t, int> folios;  // first index of a large folio -> order
  // Large folios that the file system has nothing attached to, because they
  // were written whole: they can be split though they are dirty.
  std::set<uint64_t> no_private;

  // The folio of page `index`: its first page, and its order.
  std::pair<uint64_t, int> Folio(uint64_t index) const;
  // Takes pages [first, first + nr) out of the cache; nr == 0 means to the
  // end.  What is left of a large folio that is cut are single pages; mm/
  // truncate.h knows better.
  void RemovePages(uint64_t first, uint64_t nr);

  // unmap_mapping_pages(): removes what maps pages [first, first + nr);
  // nr == 0 means to the end.
  void UnmapMappingPages(uint64_t first, uint64_t nr, EvenCows even_cows);
};

// struct file_ra_state: what is read ahead of a file, in pages.
struct FileRaState {
  uint64_t start = 0;
  uint64_t size = 0;
  uint64_t async_size = 0;  // the mark is so many pages before the end
  uint64_t ra_pages = 32;   // the most at once: bdi->ra_pages
  int order = 0;            // of the folios (since 6.17)
};

// vfs_fsync_range() of a file; 0 or -errno.
class FileSync {
 public:
  virtual ~FileSync() = default;
  virtual int FsyncRange(uint64_t start, uint64_t end, bool datasync) = 0;
};

struct File {
  std::string path;
  Inode* f_inode = nullptr;
  AddressSpace* f_mapping = nullptr;
  FileOperations* f_op = nullptr;
  FileSync* sync = nullptr;  // null: nothing to write back
  bool readable = true;      // FMODE_READ
  bool writable = true;      // FMODE_WRITE
  FileRaState f_ra;
  void* private_data = nullptr;
};

class FileOperations {
 public:
  virtual ~FileOperations() = default;
  virtual std::string name() const = 0;
  // ->mmap: fills in vm_ops and vm_flags; 0 or -errno.
  virtual int Mmap(File& file, VmAreaStruct& vma) = 0;
  // ->get_unmapped_area: an address or -errno; see unmapped_area.h.  Which
  // alignment the hook has.
  enum class UnmappedArea { kNone, kThp, kDax };
  virtual UnmappedArea unmapped_area() const { return UnmappedArea::kNone; }
  // For UnmappedArea::kDax: the device's alignment in bytes.
  virtual uint64_t unmapped_align(File&) const { return 0; }
  // MAP_SYNC in mmap_supported_flags (FOP_MMAP_SYNC).
  virtual bool supports_map_sync() const { return false; }
};

struct VmAreaStruct {
  uint64_t vm_start = 0;  // bytes, page aligned
  uint64_t vm_end = 0;
  uint64_t vm_flags = 0;
  uint64_t vm_page_prot = 0;  // bits of an entry
  uint64_t vm_pgoff = 0;      // pages
  std::shared_ptr<File> vm_file;
  VmOperations* vm_ops = nullptr;
  MmStruct* vm_mm = nullptr;
  // Which anon_vma its private copies hang on; 0: none yet.
  uint64_t anon_vma = 0;
  // A fork gave it: anon_vma_chain is not singular.
  bool fork_child = false;
  // Where it is in its file's i_mmap; meaningless without a file.
  std::list<VmAreaStruct*>::iterator shared;

  bool anonymous() const { return vm_ops == nullptr; }
};

// vma_is_dax(): S_DAX on the inode that owns the mapping.
inline bool VmaIsDax(const VmAreaStruct& vma) {
  return vma.vm_file != nullptr && vma.vm_file->f_mapping != nullptr &&
         vma.vm_file->f_mapping->host->s_dax;
}
// vma_is_fsdax(): and it is no device node.
bool VmaIsFsdax(const VmAreaStruct& vma);

// PG_locked of the page a handler returned.
enum class PageLock {
  kAsReturned,  // as VM_FAULT_LOCKED says
  kUnlocked,    // not, whatever the handler says: a driver's mistake
  kLocked,
};

// struct vm_fault: one fault on its way through the handlers.
struct VmFault {
  VmAreaStruct* vma = nullptr;
  MmStruct* mm = nullptr;
  unsigned flags = 0;    // FAULT_FLAG_*
  uint64_t address = 0;  // page aligned
  uint64_t real_address = 0;
  uint64_t pgoff = 0;
  PtSlot pud, pmd;
  PtSlot pte;  // null when the entry was none
  Pte orig_pte{}, orig_pmd{};
  bool has_cow_page = false;  // do_cow_fault gave a page to fill
  pfn_t cow_page{};
  bool has_page = false;  // what ->fault returned
  pfn_t page{};
  PageLock page_lock = PageLock::kAsReturned;
  // Whoever says FALLBACK or an error says why.
  FaultReason reason;

  bool write() const { return (flags & FAULT_FLAG_WRITE) != 0; }
  // What an earlier try said is over.
  void ClearReason() {
    if (reason) ResetReason();
  }

 private:
  void ResetReason();
};

// Says why a fault ends with `ret`, and returns that.  A function of its own,
// so that a fault that goes well has no reason to make room for.
[[gnu::noinline]] vm_fault_t FailFault(VmFault& vmf, vm_fault_t ret,
                                       FaultReasonCode code, uint64_t want = 0,
                                       uint64_t have = 0);
[[gnu::noinline]] vm_fault_t FailFault(VmFault& vmf, vm_fault_t ret,
                                       FaultReasonCode code,
                                       const std::string& where);

// struct vm_operations_struct.  hooks() tells which are there; only those
// are called.
class VmOperations {
 public:
  enum Hook : unsigned {
    kOpen = 1 << 0,
    kClose = 1 << 1,
    kMaySplit = 1 << 2,
    kFault = 1 << 3,
    kHugeFault = 1 << 4,
    kMapPages = 1 << 5,
    kPagesize = 1 << 6,
    kPageMkwrite = 1 << 7,
    kPfnMkwrite = 1 << 8,
    kSetPolicy = 1 << 9,
    kGetPolicy = 1 << 10,
  };

  virtual ~VmOperations() = default;
  // "ext4_dax_vm_ops".
  virtual std::string name() const = 0;
  virtual unsigned hooks() const = 0;

  virtual void Open(VmAreaStruct&) {}
  virtual void Close(VmAreaStruct&) {}
  // ->may_split: 0 or -errno.
  virtual int MaySplit(VmAreaStruct&, uint64_t) { return 0; }
  virtual vm_fault_t Fault(VmFault&) { return VM_FAULT_SIGBUS; }
  // `order` is the profile's PMD or PUD order; kernels before 6.6 say
  // PE_SIZE_PMD, PE_SIZE_PUD.
  virtual vm_fault_t HugeFault(VmFault&, int) { return VM_FAULT_FALLBACK; }
  // ->map_pages: maps pages already there; NOPAGE when the faulting one was.
  virtual vm_fault_t MapPages(VmFault&, uint64_t, uint64_t) { return 0; }
  virtual uint64_t Pagesize(const VmAreaStruct&) { return 4096; }
  virtual vm_fault_t PageMkwrite(VmFault&) { return VM_FAULT_SIGBUS; }
  virtual vm_fault_t PfnMkwrite(VmFault&) { return VM_FAULT_SIGBUS; }

  bool has(Hook hook) const { return (hooks() & hook) != 0; }
};

// "fault huge_fault page_mkwrite": a table's hooks by their names in this
// kernel; without a profile by those of 6.1.
std::string HookNames(unsigned hooks);
std::string HookNames(const FaultProfile& profile, unsigned hooks);

}  // namespace dmdax

#endif  // DMDAX_MM_VM_AREA_H_
