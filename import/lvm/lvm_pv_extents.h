// SPDX-License-Identifier: Apache-2.0
//
// LvmPvExtents: which extents of a group's physical volumes its segments have.
// Each is one segment's, and there.
//
//   LvmPvExtents extents(group);
//   for (const std::string& name : group.lv_order) {
//     if (absl::Status s = extents.Add(group.lvs.at(name)); !s.ok()) return s;
//   }
//
// Threading: thread-compatible.
#ifndef DMDAX_IMPORT_LVM_LVM_PV_EXTENTS_H_
#define DMDAX_IMPORT_LVM_LVM_PV_EXTENTS_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "import/lvm/lvm_group.h"

namespace dmdax {

class LvmPvExtents {
 public:
  // The group must outlive it.
  explicit LvmPvExtents(const LvmGroup& group) : group_(group) {}

  // Those of a volume of the group.  EINVAL at the segment: the physical volume
  // has no such extents, or another segment has them.
  absl::Status Add(const LvmLv& lv);

 private:
  struct Owner {
    uint64_t end;
    const LvmLv* lv;
    const LvmSegment* segment;
  };
  absl::Status Add(const LvmLv& lv, const LvmSegment& segment, const LvmPv& pv,
                   const std::string& name, uint64_t first, uint64_t extents);

  const LvmGroup& group_;
  std::map<std::string, std::map<uint64_t, Owner>> owners_;  // by PV and start
};

}  // namespace dmdax

#endif  // DMDAX_IMPORT_LVM_LVM_PV_EXTENTS_H_
