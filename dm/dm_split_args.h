// SPDX-License-Identifier: Apache-2.0
//
// DmSplitArgs: the words of a target line, split as the kernel splits them.
//
//   DmSplitArgs("/dev/a\\ b  0")->at(0);  // "/dev/a b"
//   DmSplitArgs("/dev/a\\ b  0")->at(1);  // "0"
//
// Separators are the kernel's isspace() bytes, 0xa0 included; a backslash
// takes the next byte literally, wherever it stands; a trailing lone
// backslash stays.  No quotes, no comments.
// The array of words doubles as it fills, and the kernel has no more than
// 4 MiB in one piece: the 524289th word is ENOMEM.
// Mirrors: dm_split_args, realloc_argv of drivers/md/dm-table.c (6.1).
#ifndef DMDAX_DM_DM_SPLIT_ARGS_H_
#define DMDAX_DM_DM_SPLIT_ARGS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace dmdax {

// KMALLOC_MAX_SIZE / sizeof(char*).
inline constexpr size_t kMaxSplitArgs = size_t{1} << 19;

absl::StatusOr<std::vector<std::string>> DmSplitArgs(absl::string_view params);

// `word` as DmSplitArgs() undoes it: a backslash in front of white space and
// backslashes.
std::string DmEscapeArg(absl::string_view word);

}  // namespace dmdax

#endif  // DMDAX_DM_DM_SPLIT_ARGS_H_
