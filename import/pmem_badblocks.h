// SPDX-License-Identifier: Apache-2.0
//
// The bad blocks of a pmem: sysfs says them of the disk, ndctl of its
// namespace.  Where inputs have their number alone, that there are none is a
// guess.
// Threading: thread-compatible.
#ifndef DMDAX_IMPORT_PMEM_BADBLOCKS_H_
#define DMDAX_IMPORT_PMEM_BADBLOCKS_H_

#include "import/facts.h"
#include "state/world.pb.h"

namespace dmdax {

// `space` is the disk's namespace; null: no input has it.
void AddBadBlocks(const Disk& disk, const Namespace* space, Facts* facts,
                  proto::Pmem* pmem);

}  // namespace dmdax

#endif  // DMDAX_IMPORT_PMEM_BADBLOCKS_H_
