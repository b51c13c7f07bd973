// SPDX-License-Identifier: Apache-2.0
//
// A volume group of which inputs have LVM2's metadata, and a report too.
//
// vgs, lvs and pvs ask the group that is there.  A text of its metadata may be
// of another day: /etc/lvm/backup of a group that another host has changed, or
// what somebody kept.
// Threading: pure functions.
#ifndef DMDAX_IMPORT_LIVE_GROUP_H_
#define DMDAX_IMPORT_LIVE_GROUP_H_

#include <string>
#include <vector>

#include "import/lvm/lvm_group.h"

namespace dmdax {

// Which of the two is not the group that is there.
enum class OldGroup { kNone, kMetadata, kReport };

struct GroupComparison {
  OldGroup old = OldGroup::kNone;
  std::string why;  // what the two say, "seqno 7, and 5 in the metadata"
};

// By the first thing in which they differ, of those that both say.  Segments of
// the report are in sectors yet.
GroupComparison CompareGroups(const LvmGroup& report, const LvmGroup& metadata);

// What is so today and no metadata has: which devices LVM2 does not find, and
// what it may do with the group.
void TakeState(const LvmGroup& report, LvmGroup* metadata);

// Volumes of the metadata of which a report that has the group otherwise may
// have said nothing.
std::vector<std::string> NotReported(const LvmGroup& report,
                                     const LvmGroup& metadata);

}  // namespace dmdax

#endif  // DMDAX_IMPORT_LIVE_GROUP_H_
