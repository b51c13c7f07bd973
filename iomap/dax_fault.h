// SPDX-License-Identifier: Apache-2.0
//
// DaxIomapFault: the page fault of a DAX file, PTE or PMD.
//
//   FlaggedPfn pfn;
//   int error = 0;
//   vm_fault_t ret = DaxIomapFault(vmf, order, inode, ext4, &pfn, &error);
//   if (ret & VM_FAULT_NEEDDSYNC)
//     ret = DaxFinishSyncFault(vmf, order, inode, pfn);
//
// The checks come in the kernel's order.  A check that ends the fault early, or
// answers FALLBACK, says why in vmf.reason, with the level of the device stack
// that is to blame.
//
// Mirrors: dax_iomap_fault, dax_iomap_pte_fault, dax_iomap_pmd_fault,
// dax_finish_sync_fault of fs/dax.c (4.14 to 7.2).
#ifndef DMDAX_IOMAP_DAX_FAULT_H_
#define DMDAX_IOMAP_DAX_FAULT_H_

#include "absl/types/span.h"
#include "iomap/dax_inode.h"
#include "iomap/iomap.h"
#include "mm/mm_struct.h"

namespace dmdax {

// `pfnp` receives the frame of a synchronous fault (null: not supported),
// `errp` the file system's last errno (negative; may be null).
vm_fault_t DaxIomapFault(VmFault& vmf, int order, DaxInode& inode,
                         IomapOps& ops, FlaggedPfn* pfnp, int* errp);

// dax_finish_sync_fault(): fsync, then the insertion that was deferred.
vm_fault_t DaxFinishSyncFault(VmFault& vmf, int order, DaxInode& inode,
                              FlaggedPfn pfn);

// --- the parts, for the other files of iomap/, and for questions ---

// What a PMD fault checks before it takes the entry: 0 to go on, FALLBACK or
// SIGBUS with the reason.  `address` and `pgoff` (pages) are of the page.
vm_fault_t DaxCheckPmdFault(const FaultProfile& profile,
                            const VmAreaStruct& vma, bool write,
                            uint64_t address, uint64_t pgoff, uint64_t i_size,
                            FaultReason* reason);

// Why a piece of the file is too short for a PMD: `length` bytes of this type
// from `pos` on.
FaultReason DaxExtentShort(const FaultProfile& profile, uint16_t type,
                           uint64_t pos, uint64_t length);

// Whether `nr` pages (of 4096 bytes) can be mapped by one entry, as they came
// from the device.
bool DaxAccessMaps(const FaultProfile& profile, const DaxAccess& access,
                   uint64_t nr);
// Why not: asked and traced from page `pgoff` of the file's device on.
FaultReason DaxAccessReason(const DaxInode& inode, DaxDevice* dev,
                            pgoff_t pgoff, uint64_t nr, const DaxAccess& access,
                            absl::Span<const TraceStep> steps);

// dax_fault_return(): the VM_FAULT bits for an errno (negative, or 0).
vm_fault_t DaxFaultReturn(const FaultProfile& profile, int error);

// dax_iomap_direct_access(): the frame of `size` bytes at `pos`; 0 or
// -errno, with the reason in vmf.reason.
int DaxIomapDirectAccess(VmFault& vmf, DaxInode& inode, const Iomap& iomap,
                         uint64_t pos, uint64_t size, FlaggedPfn* pfn);

// dax_fault_iter(): maps the page or huge page of one piece of the file.
vm_fault_t DaxFaultIter(VmFault& vmf, const IomapIter& iter, DaxEntry& entry,
                        uint64_t index, bool pmd, FlaggedPfn* pfnp);

// dax_disassociate_entry(): gives folios back.
void DaxDisassociate(MemMap& mem, const FaultProfile& profile,
                     const DaxEntry& entry);

// Records an event with the fields that every dax_* trace point has.
void AddDaxEvent(VmFault& vmf, const DaxInode& inode, FaultEventKind kind,
                 int64_t ret, uint64_t max_pgoff);
// The same if somebody listens.
inline void RecordDax(VmFault& vmf, const DaxInode& inode, FaultEventKind kind,
                      int64_t ret, uint64_t max_pgoff = 0) {
  if (vmf.mm->recorder() == nullptr) return;
  AddDaxEvent(vmf, inode, kind, ret, max_pgoff);
}

}  // namespace dmdax

#endif  // DMDAX_IOMAP_DAX_FAULT_H_
