// SPDX-License-Identifier: Apache-2.0
//
// Which files of a recipe have FS_XFLAG_DAX in the end.
//
//   const std::set<std::string> flagged =
//       DaxFlagged(test["ops"], result["ops"]);
//   flagged.contains("d/f");
//
// What is made in a directory has the flag that the directory has then, and
// keeps it, the root directory (".") too; an operation that failed changes
// nothing.  S_DAX follows a flag that changes when the inode leaves memory:
// since 5.11 as soon as nobody has the file open, which here is after each
// operation; before that, at some time later.
//
// Mirrors: ext4_mask_flags(EXT4_FL_INHERITED), ext4_dax_dontcache,
// xfs_inode_inherit_flags2, xfs_ioctl_setattr_prepare_dax (6.1).
#ifndef DMDAX_TESTS_CONFORMANCE_RECORDED_DAX_FLAGS_H_
#define DMDAX_TESTS_CONFORMANCE_RECORDED_DAX_FLAGS_H_

#include <cstddef>
#include <set>
#include <string>

#include "tests/conformance/verdict.h"

namespace dmdax::conformance {

std::set<std::string> DaxFlagged(const Json& ops, const Json& results);
// Whether operation `i` gives a file another flag than it has.
bool ChangesDaxFlag(const Json& ops, const Json& results, size_t i);
// Whether it asks for another one, successfully or not: xfs says that the inode
// is not to be kept before it looks whether the flag may be set.
bool AsksForDaxFlag(const Json& ops, const Json& results, size_t i);

}  // namespace dmdax::conformance

#endif  // DMDAX_TESTS_CONFORMANCE_RECORDED_DAX_FLAGS_H_
