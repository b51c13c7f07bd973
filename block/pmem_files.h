// SPDX-License-Identifier: Apache-2.0
//
// The files of the host that have the bytes of a machine's pmems.
// Threading: thread-safe.
#ifndef DMDAX_BLOCK_PMEM_FILES_H_
#define DMDAX_BLOCK_PMEM_FILES_H_

#include <vector>

#include "block/machine.h"
#include "dax/pmem_file.h"

namespace dmdax {

// Of those pmems that are loaded, which must outlive them: nobody has written
// to what is not.
std::vector<PmemFile> PmemFilesOf(const Machine& machine);

}  // namespace dmdax

#endif  // DMDAX_BLOCK_PMEM_FILES_H_
