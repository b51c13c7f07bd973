// SPDX-License-Identifier: Apache-2.0
//
// The usage text of dmsetup 1.02.185.
#ifndef DMDAX_TOOLS_DMSETUP_USAGE_H_
#define DMDAX_TOOLS_DMSETUP_USAGE_H_

#include <string>

namespace dmdax {

struct DmsetupCommand;

// Byte for byte: scripts look at it.
std::string DmsetupUsage();

// The part of it that is about one verb.
std::string DmsetupVerbUsage(const DmsetupCommand& command);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_USAGE_H_
