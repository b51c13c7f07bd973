// SPDX-License-Identifier: Apache-2.0
//
// NdName: what else has the number of a pmem.
//
//   NdName("namespace", "pmem0.1");  // "namespace0.1"
//   NdName("dax", "pmem0");          // "dax0.0"
//
// The kernel leaves the number of a region's first namespace out of its disk.
// Mirrors: nvdimm_namespace_disk_name of drivers/nvdimm/namespace_devs.c (6.1),
// from the disk back.
// Threading: pure function.
#ifndef DMDAX_BLOCK_ND_NAME_H_
#define DMDAX_BLOCK_ND_NAME_H_

#include <string>

#include "absl/strings/string_view.h"

namespace dmdax {

std::string NdName(absl::string_view kind, absl::string_view pmem);

}  // namespace dmdax

#endif  // DMDAX_BLOCK_ND_NAME_H_
