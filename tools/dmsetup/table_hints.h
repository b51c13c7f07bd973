// SPDX-License-Identifier: Apache-2.0
//
// What a person will have meant by a table that was refused.
//
//   for (const std::string& hint : TableHints(machine, "0 8k liner pmem0 0"))
//     std::cerr << hint << "\n";
//   // row 1: '8k' is read as 8; sectors are decimal numbers
//
// dmsetup and the kernel read "8k" as 8 with the type "k", and "0x800" as 0;
// they do not look in /dev for "pmem0".  Their words are about what they read.
// Threading: as Machine.
#ifndef DMDAX_TOOLS_DMSETUP_TABLE_HINTS_H_
#define DMDAX_TOOLS_DMSETUP_TABLE_HINTS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "block/machine.h"

namespace dmdax {

// At most one for each row, and few in all.
std::vector<std::string> TableHints(const Machine& machine,
                                    absl::string_view table);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_TABLE_HINTS_H_
