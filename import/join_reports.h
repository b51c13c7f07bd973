// SPDX-License-Identifier: Apache-2.0
//
// What reports of LVM2 say of volumes, as far as it is their tables.
// Threading: thread-compatible.
#ifndef DMDAX_IMPORT_JOIN_REPORTS_H_
#define DMDAX_IMPORT_JOIN_REPORTS_H_

#include "absl/status/statusor.h"
#include "import/facts.h"
#include "import/lvm/lvm_group.h"

namespace dmdax {

// Whether the inputs list all devices that are live.
enum class Listed { kSome, kAll };

// Whether the metadata of the report's group is that of the group which is
// there: it says all that reports do, and gets its state of today.  Older
// metadata go, with a note.  EINVAL as CheckSameGroup().
absl::StatusOr<bool> JoinMetadata(Listed listed, LvmGroup* report,
                                  Facts* facts);

// Turns the segments of a report into extents, and keeps only those whose
// tables follow from it; the others are left out, or get what is known of them.
// False: none is kept.
bool InExtents(LvmGroup* group, Listed listed, Facts* facts);

// Volumes of reports without the columns from which tables follow.
void LeaveOutBareVolumes(Listed listed, Facts* facts);

}  // namespace dmdax

#endif  // DMDAX_IMPORT_JOIN_REPORTS_H_
