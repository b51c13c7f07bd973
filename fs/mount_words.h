// SPDX-License-Identifier: Apache-2.0
//
// The options of a mount are words between commas: of "dax=always,stripe=512"
// the value of stripe is "512".
//
// Commas within quotes are part of what SELinux takes, and of nothing else:
// 'context="a:s0:c1,c2",ro' are two words.
//
// Mirrors: generic_parse_monolithic of fs/fs_context.c (6.1), which skips what
// is empty between two commas; of a name that is there twice the last counts.
// Before it selinux_sb_eat_lsm_opts of security/selinux/hooks.c.
// Threading: pure functions; what they return points into `options`.
#ifndef DMDAX_FS_MOUNT_WORDS_H_
#define DMDAX_FS_MOUNT_WORDS_H_

#include <optional>
#include <vector>

#include "absl/strings/string_view.h"

namespace dmdax {

std::vector<absl::string_view> MountWords(absl::string_view options);

// Whether a word is SELinux's, whatever the file system: "context=...".
bool IsSecurityWord(absl::string_view word);

bool HasMountWord(absl::string_view options, absl::string_view word);

// What stands behind "name=" in the last such word; nothing: there is none.
std::optional<absl::string_view> MountValue(absl::string_view options,
                                            absl::string_view name);

}  // namespace dmdax

#endif  // DMDAX_FS_MOUNT_WORDS_H_
