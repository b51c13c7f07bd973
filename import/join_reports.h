// SPDX-License-Identifier: Apache-2.0
//
// What reports of LVM2 say of volumes, as far as it is their tables.
// Threading: thread-compatible.
#ifndef DMDAX_IMPORT_JOIN_REPORTS_H_
#define DMDAX_IMPORT_JOIN_REPORTS_H_

#include "import/facts.h"
#include "import/lvm/lvm_group.h"

namespace dmdax {

// Whether the inputs list all devices that are live.
enum class Listed { kSome, kAll };

// Turns the segments of a report into extents, and keeps only those whose
// tables follow from it; the others are left out, or get what is known of them.
// False: none is kept.
bool InExtents(LvmGroup* group, Listed listed, Facts* facts);

// Volumes of reports without the columns from which tables follow.
void LeaveOutBareVolumes(Listed listed, Facts* facts);

}  // namespace dmdax

#endif  // DMDAX_IMPORT_JOIN_REPORTS_H_
