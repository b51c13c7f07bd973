// SPDX-License-Identifier: Apache-2.0
//
// CheckMachineRow: whether a row of a report is one that `dmdax check` prints
// of a machine: docs/schema/machines.schema.json, and what a schema cannot say.
//
// Reports come from elsewhere, and are added up and printed: a number that is
// none must not count as 0, nor a word that is none be taken for a verdict.
// Keys that are not known here are of a later version and not looked at.
// Threading: pure function.
#ifndef DMDAX_TOOLS_MACHINE_ROW_H_
#define DMDAX_TOOLS_MACHINE_ROW_H_

#include "absl/status/status.h"
#include "nlohmann/json.hpp"

namespace dmdax {

// EINVAL, with the key and what it is; the first that is wrong.
absl::Status CheckMachineRow(const nlohmann::ordered_json& row);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_MACHINE_ROW_H_
