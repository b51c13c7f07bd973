// SPDX-License-Identifier: Apache-2.0
//
// DmSplitArgs: the words of a target line, split as the kernel splits them.
//
//   DmSplitArgs("/dev/a\\ b  0")  ->  {"/dev/a b", "0"}
//
// Separators are the kernel's isspace() bytes, 0xa0 included; a backslash
// takes the next byte literally, wherever it stands; a trailing lone
// backslash stays.  No quotes, no comments.
// Mirrors: dm_split_args of drivers/md/dm-table.c (6.1).
#ifndef DMDAX_DM_DM_SPLIT_ARGS_H_
#define DMDAX_DM_DM_SPLIT_ARGS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace dmdax {

std::vector<std::string> DmSplitArgs(absl::string_view params);

}  // namespace dmdax

#endif  // DMDAX_DM_DM_SPLIT_ARGS_H_
