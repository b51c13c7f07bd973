// SPDX-License-Identifier: Apache-2.0
//
// What `dmdax fault` and `dmdax explain` for faults share: one touch of a
// fresh mapping, told in short or with the kernel's calls.
#ifndef DMDAX_TOOLS_CMD_FAULT_H_
#define DMDAX_TOOLS_CMD_FAULT_H_

#include "tools/app.h"
#include "tools/fault_target.h"

namespace dmdax {

enum class FaultDetail { kOutcome, kCallChain };

// Prints the answer; sets the exit code.
void RunFault(App& app, const FaultRequest& o, FaultDetail detail);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CMD_FAULT_H_
