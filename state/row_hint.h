// SPDX-License-Identifier: Apache-2.0
//
// Which row of a refused table was to blame, and what would have done.
//
//   RowHint hint = ExplainRefusal(md, mode, specs, bad_row, log);
//   hint.row;   // 3
//   hint.text;  // "nearest valid length: 1048576"
//
// The kernel names no row; for a table that failed as a whole (a device too
// small) the rows are tried again one by one.
#ifndef DMDAX_STATE_ROW_HINT_H_
#define DMDAX_STATE_ROW_HINT_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "dm/dm_ioctl.h"

namespace dmdax {

struct RowHint {
  std::optional<size_t> row;  // none: the table as a whole
  std::string text;           // "" when there is nothing to advise
};

// `bad_row` is what DmCtl::TableLoad() said, `log` the kernel's lines.  New
// lines that trying again causes are dropped from the machine's log.
RowHint ExplainRefusal(MappedDevice& md, unsigned mode,
                       absl::Span<const DmTargetSpec> specs,
                       std::optional<size_t> bad_row,
                       const std::vector<std::string>& log);

}  // namespace dmdax

#endif  // DMDAX_STATE_ROW_HINT_H_
