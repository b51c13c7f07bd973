// SPDX-License-Identifier: Apache-2.0
//
// The middle of a page fault: from handle_mm_fault() down to the handlers of
// a mapping, and back up with what they returned.
//
//   HandleMmFault            memory.cc       PUD, PMD, then
//     DoPteFault             memory_pte.cc   the page-table entry:
//       DoFault                              read, copy or shared
//         DoFaultCore                        __do_fault: ->fault, checks
//       DoWpPage             memory_wp.cc    a write to a read-only entry
//
// Mirrors: mm/memory.c (6.1, 6.12).
#ifndef DMDAX_MM_MEMORY_H_
#define DMDAX_MM_MEMORY_H_

#include <cstdint>

#include "mm/mm_struct.h"

namespace dmdax {

// vmf_can_call_fault(): 0, or VM_FAULT_RETRY when the handler needs more than
// the VMA's own lock.
vm_fault_t VmfCanCallFault(VmFault& vmf);

// handle_pte_fault().
vm_fault_t DoPteFault(VmFault& vmf);

// do_fault() and its three kinds.
vm_fault_t DoFault(VmFault& vmf);
vm_fault_t DoReadFault(VmFault& vmf);
vm_fault_t DoCowFault(VmFault& vmf);
vm_fault_t DoSharedFault(VmFault& vmf);

// __do_fault(): calls ->fault and checks what it returned.  A page comes
// back in vmf.page, or one of ERROR, NOPAGE, RETRY, DONE_COW.
vm_fault_t DoFaultCore(VmFault& vmf);

// finish_fault(): maps vmf.page, or vmf.cow_page for a private write.
vm_fault_t FinishFault(VmFault& vmf);

// Whether the entries of pages [first, first + nr) of the file lie within the
// VMA and in the page table of the fault.
bool FolioIsWithin(const VmFault& vmf, uint64_t first, uint64_t nr);

// do_set_pmd(): maps the huge page of the cache that begins at page `first` of
// the file by one entry.  False: the VMA does not allow that.
bool DoSetPmd(VmFault& vmf, uint64_t first);

// do_page_mkwrite() is the handler's; fault_dirty_shared_page().
vm_fault_t FaultDirtySharedPage(VmFault& vmf, bool page_mkwrite);

// do_wp_page().
vm_fault_t DoWpPage(VmFault& vmf);

// The fault-around window: fault_around_bytes.
inline constexpr uint64_t kFaultAroundBytes = 65536;

}  // namespace dmdax

#endif  // DMDAX_MM_MEMORY_H_
