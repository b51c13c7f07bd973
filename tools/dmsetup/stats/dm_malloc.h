// SPDX-License-Identifier: Apache-2.0
//
// What libdevmapper does not allocate.
//
// Mirrors: dm_malloc_aux of libdm/mm/dbg_malloc.c (1.02.185).
#ifndef DMDAX_TOOLS_DMSETUP_STATS_DM_MALLOC_H_
#define DMDAX_TOOLS_DMSETUP_STATS_DM_MALLOC_H_

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "tools/dmsetup/dm_log.h"

namespace dmdax {

// Whether it would try to allocate `bytes`; false after saying why not.
inline bool DmMallocAllows(uint64_t bytes, LibdmLog& log) {
  constexpr uint64_t kHuge = 50000000;
  if (bytes <= kHuge) return true;
  return log.Error(absl::StrCat("Huge memory allocation (size ", bytes,
                                ") rejected - metadata corruption?"));
}

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_STATS_DM_MALLOC_H_
