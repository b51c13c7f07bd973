// SPDX-License-Identifier: Apache-2.0
//
// The mount options of ext4, also as it mounts ext2.
// Mirrors: ext4_param_specs and ext4_mount_opts of fs/ext4/super.c (6.1).
#ifndef DMDAX_FS_EXT4_PARAMS_H_
#define DMDAX_FS_EXT4_PARAMS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "fs/fs_parser.h"

namespace dmdax {

absl::Span<const FsParam> Ext4Params();
// What only ext4's own parser knew, before the mount API.
bool Ext4OldOption(absl::string_view option);
// What only the mount API knows: values of check= among them.
bool Ext4NewOption(absl::string_view option);
// What is wrong with a number that FsParse() has taken, or "".
std::string Ext4BadValue(absl::string_view option);
// MOPT_NO_EXT2: whether an ext2 file system can not be mounted with `option`.
bool Ext4OnlyOption(absl::string_view option);

}  // namespace dmdax

#endif  // DMDAX_FS_EXT4_PARAMS_H_
