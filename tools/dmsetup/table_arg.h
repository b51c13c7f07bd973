// SPDX-License-Identifier: Apache-2.0
//
// The table of a create or load: from --table, a file or standard input.
#ifndef DMDAX_TOOLS_DMSETUP_TABLE_ARG_H_
#define DMDAX_TOOLS_DMSETUP_TABLE_ARG_H_

#include <optional>
#include <string>
#include <vector>

#include "tools/dmsetup/dm_task.h"

namespace dmdax {

// The rows, in dmsetup's own text or, told by its content, as a Table in
// textproto, JSON or binary Protobuf.  `file` is "" when none was named.
// Nothing after saying what is wrong, first in dmsetup's words.
std::optional<std::vector<DmTargetSpec>> ReadTableArg(DmsetupContext& ctx,
                                                      const std::string& file);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_TABLE_ARG_H_
