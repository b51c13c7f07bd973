// SPDX-License-Identifier: Apache-2.0
//
// A row between its forms: a message of the World, and what the ioctl takes.
//
//   proto::Target t = TargetFromSpec({sector_t{0}, 8, "linear", "8:0 16"});
//   t.linear().start();            // 16
//   SpecFromTarget(t).params;      // "8:0 16"
//
// A row becomes a typed Target (linear, striped ...) only if that prints as
// exactly the same parameters, else a Raw one: nothing is lost, and
// print -> parse -> print is stable.
//
// No target is named here.  The form of a type is the field of Target.kind
// that is called as it is ('_' for '-'), and says itself how the words stand:
// each field of its message is a word, in their order; a repeated message
// comes last, and how often it does is the row's first word.
// Threading: pure functions.
#ifndef DMDAX_STATE_TARGET_SPEC_H_
#define DMDAX_STATE_TARGET_SPEC_H_

#include <string>
#include <vector>

#include "dm/dm_ioctl.h"
#include "state/world.pb.h"

namespace dmdax {

// Bytes of a target type's name: DM_MAX_TYPE_NAME less its NUL.
inline constexpr size_t kMaxTypeName = 15;

// The typed target that SpecFromTarget() turns back into exactly `spec`, or a
// Raw one.  Parameters above 1 MiB are always Raw.
proto::Target TargetFromSpec(const DmTargetSpec& spec);

// The words that the target's constructor gets.
std::vector<std::string> TargetWords(const proto::Target& target);

// A target as the ioctl takes it; no type if it has no kind.  White space and
// backslashes in a typed device's name are escaped as DmSplitArgs() undoes it.
DmTargetSpec SpecFromTarget(const proto::Target& target);

// Whether a row is of a type that knows of rows in other devices' tables.
bool KnowsOthers(const proto::Table& table, const KernelProfile& profile);

}  // namespace dmdax

#endif  // DMDAX_STATE_TARGET_SPEC_H_
