// SPDX-License-Identifier: Apache-2.0
//
// The page cache under a mapping: filemap_fault() and friends, and the
// operations of files that use nothing else.
//
//   FileOperations& f_op = GenericFileOperations();
//
// A page is in the cache or it is not; one that is there may still have to be
// read (not_uptodate), and fault-around passes it by.  mm/readahead.h says what
// reading a page brings in besides.  Locks, time and I/O errors of a read are
// not modelled.  Its effect on the fault is: it is tried twice, and counts as
// major.  A dirty page that is written back is write-protected, so that the
// next write faults.
//
// Mirrors: mm/filemap.c filemap_fault, filemap_map_pages, filemap_map_pmd,
// filemap_page_mkwrite, filemap_write_and_wait_range, generic_file_mmap,
// generic_file_vm_ops; folio_mkclean of mm/rmap.c (6.1, 7.2).
#ifndef DMDAX_MM_FILEMAP_H_
#define DMDAX_MM_FILEMAP_H_

#include <cstdint>

#include "mm/vm_area.h"

namespace dmdax {

// filemap_fault(): SIGBUS beyond the end of the file; LOCKED with vmf.page;
// MAJOR | RETRY when the page had to be read and the fault may be retried.
vm_fault_t FilemapFault(VmFault& vmf);

// filemap_map_pages(): maps the cached pages among [start, end]; NOPAGE when
// the faulting one was among them.
vm_fault_t FilemapMapPages(VmFault& vmf, uint64_t start, uint64_t end);

// A buffered write(2) of bytes [pos, pos + length), length > 0, into one
// extent: its pages are in the cache afterwards and dirty, in folios as large
// as what is left to write, where the kernel and the file system do so.
void FilemapWrite(const FaultProfile& profile, MemMap& mem,
                  AddressSpace& mapping, uint64_t pos, uint64_t length);

// filemap_write_and_wait_range(): folios with a dirty page among [first, last]
// are clean afterwards.
void FilemapWriteback(AddressSpace& mapping, uint64_t first, uint64_t last);

// filemap_page_mkwrite(): the folio becomes dirty.
vm_fault_t FilemapPageMkwrite(VmFault& vmf);

// Whether page `index` carries PG_readahead, which fault-around skips.
bool IsReadaheadMark(const AddressSpace& mapping, uint64_t index);

// generic_file_vm_ops: fault, map_pages, page_mkwrite.
VmOperations& GenericFileVmOps();

// For a file system without an mmap of its own: generic_file_mmap.  `readable`
// false: its a_ops lack read_folio (readpage), and mmap is -ENOEXEC.
FileOperations& GenericFileOperations(bool readable = true);

// A block device node: generic_vm_ops whatever the device can do (raw
// block-device DAX is gone).  blkdev_mmap (since 5.19): a shared mapping that
// may be written is -EINVAL on a read-only device.
FileOperations& BlockDeviceFileOperations(bool read_only);

}  // namespace dmdax

#endif  // DMDAX_MM_FILEMAP_H_
