// SPDX-License-Identifier: Apache-2.0
//
// A step of a chain in words and in JSON, as the verbs explain and diff tell
// it.
//
//   PrintStep(std::cout, session, trace.steps()[0], "");
//   // dm_dax_direct_access(home [dm-0], pgoff=0, nr_pages=512) = 512
//   //     sector 0 = 0 * 8
// Threading: as Machine.
#ifndef DMDAX_TOOLS_DIFF_STEP_TEXT_H_
#define DMDAX_TOOLS_DIFF_STEP_TEXT_H_

#include <ostream>

#include "absl/strings/string_view.h"
#include "base/trace.h"
#include "block/block_device.h"
#include "nlohmann/json.hpp"
#include "state/session.h"

namespace dmdax {

// The call, then its arithmetic and what cut it short; `indent` is put in front
// of every line.
void PrintStep(std::ostream& out, const Session& session, const TraceStep& s,
               absl::string_view indent);

nlohmann::ordered_json StepToJson(const Session& session, const TraceStep& s);

// Where a partition is on its disk.
nlohmann::ordered_json PartitionToJson(BlockDevice& part);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DIFF_STEP_TEXT_H_
