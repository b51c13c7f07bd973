// SPDX-License-Identifier: Apache-2.0
//
// The table of a create or load: from --table, a file or standard input.
#ifndef DMDAX_TOOLS_DMSETUP_TABLE_ARG_H_
#define DMDAX_TOOLS_DMSETUP_TABLE_ARG_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tools/dmsetup/dm_task.h"

namespace dmdax {

// Rows as a DmTask takes them: as columns, if that is what they are.
struct TableArg {
  std::vector<DmTargetSpec> rows;
  std::shared_ptr<const LinearRows> columns;  // or null
};

// The rows, in dmsetup's own text or, told by its content, as a Table in
// textproto, JSON or binary Protobuf; from standard input when no file is
// named. Nothing after saying what is wrong, first in dmsetup's words.
std::optional<TableArg> ReadTableArg(DmsetupContext& ctx,
                                     const std::optional<std::string>& file);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_TABLE_ARG_H_
