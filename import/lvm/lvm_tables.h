// SPDX-License-Identifier: Apache-2.0
//
// The mapped devices that LVM2 makes when it activates a volume group.
//
//   std::vector<LvmDevice> devices = LvmTables(group, &notes);
//   // vg-home: 0 524288 linear /dev/pmem0 2048
//
// Devices that others stand on come first.  Their names, layers (-real, -cow,
// -tpool, -cmeta, -cdata) and parameters are those of LVM2 2.03.16 on Linux
// 6.1, held against its dmsetup table in tests/import.
// Threading: pure function.
#ifndef DMDAX_IMPORT_LVM_LVM_TABLES_H_
#define DMDAX_IMPORT_LVM_LVM_TABLES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dm/dm_ioctl.h"
#include "import/lvm/lvm_group.h"

namespace dmdax {

struct LvmDevice {
  std::string name;  // dm's: "vg-home"
  std::string uuid;  // "" if the metadata has no ids
  std::vector<DmTargetSpec> rows;
  std::string lv;   // "vg/home"; "" for one below another
  std::string odd;  // why its rows are not known; "": they are
  bool read_only = false;
  bool skipped = false;               // it has LVM's flag not to be activated
  std::vector<std::string> thin_ids;  // of a pool: what it has been told
  Place place;
};

// What a group has that can not be a device goes to `notes`, one line each.
std::vector<LvmDevice> LvmTables(const LvmGroup& group,
                                 std::vector<std::string>* notes);

// "vg-my--lv", as libdevmapper joins the two names.
std::string LvmDmName(absl::string_view group, absl::string_view lv,
                      absl::string_view layer = "");

// The row that a segment becomes; its start and length are the segment's.
// EINVAL: it has none, or names what the group has not.
absl::StatusOr<DmTargetSpec> LvmSegmentRow(const LvmGroup& group,
                                           const LvmLv& lv,
                                           const LvmSegment& segment);

}  // namespace dmdax

#endif  // DMDAX_IMPORT_LVM_LVM_TABLES_H_
