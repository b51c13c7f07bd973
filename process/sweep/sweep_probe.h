// SPDX-License-Identifier: Apache-2.0
//
// SweepProbe: asks the real fault what a page of a file gets, and leaves no
// trace of it.
//
//   SweepProbe probe(file, faults, mem, access);
//   FaultOutcome outcome = probe.Ask(512);     // the page 2 MiB on
//
// The fault is the kernel's own way, from the page tables down: a fresh
// address space maps the one huge page around the page, of a copy of the inode
// that has the extents and entries there.  Nothing is allocated, inserted or
// converted in the inode itself.
// Threading: as the file's.
#ifndef DMDAX_PROCESS_SWEEP_SWEEP_PROBE_H_
#define DMDAX_PROCESS_SWEEP_SWEEP_PROBE_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/fault_profile.h"
#include "iomap/dax_inode.h"
#include "mm/mm_struct.h"
#include "process/sweep/sweep_cells.h"

namespace dmdax {

// Makes `copy`, which is new, what a fault of bytes [first, end) finds in
// `inode`.  The journal and the allocator are the inode's own.
void CopyInodeAround(const DaxInode& inode, uint64_t first, uint64_t end,
                     DaxInode* copy);

class SweepProbe {
 public:
  SweepProbe(std::shared_ptr<File> file, const FaultProfile& faults,
             MemMap& mem, const SweepAccess& access);

  // Touches the first byte of `page` (4096 bytes each), in a mapping that has
  // all of the file's huge page around it at an aligned address.
  FaultOutcome Ask(uint64_t page);
  // Whether the access to this page is a write.
  bool Writes(uint64_t page) const;

 private:
  FaultOutcome Touch(std::shared_ptr<File> file, uint64_t page);
  FaultOutcome AskCopy(DaxInode& inode, uint64_t page);
  void PutFoliosBack(DaxInode& copy, DaxInode& inode, size_t folios);

  const std::shared_ptr<File> file_;
  const FaultProfile& faults_;
  MemMap& mem_;
  const SweepAccess access_;
  const uint64_t huge_;  // pages
};

}  // namespace dmdax

#endif  // DMDAX_PROCESS_SWEEP_SWEEP_PROBE_H_
