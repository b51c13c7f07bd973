// SPDX-License-Identifier: Apache-2.0
//
// What reports of LVM2 say of a group, its volumes and devices besides where
// they lie: tags, policies, limits.  A column that a report has not, or that
// is not set, changes nothing.
//
// Threading: pure functions.
#ifndef DMDAX_IMPORT_LVM_LVM_COLUMNS_H_
#define DMDAX_IMPORT_LVM_LVM_COLUMNS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "import/formats/json_input.h"
#include "import/lvm/lvm_group.h"

namespace dmdax {

// Bytes of a column; 0: it is not there.  EINVAL: it is rounded, as from a
// report without --units b.
absl::StatusOr<uint64_t> ColumnBytes(const JsonValue& value);

// EINVAL: a limit is no number, or a size is rounded.
absl::Status AddGroupColumns(const JsonValue& row, LvmGroup* group);
absl::Status AddPvColumns(const JsonValue& row, LvmPv* pv);
absl::Status AddLvColumns(const JsonValue& row, LvmLv* lv);

}  // namespace dmdax

#endif  // DMDAX_IMPORT_LVM_LVM_COLUMNS_H_
