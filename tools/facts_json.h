// SPDX-License-Identifier: Apache-2.0
//
// FactsToJson: what dmsetup's verbs say of devices, as --json has it.
// Threading: pure function.
#ifndef DMDAX_TOOLS_FACTS_JSON_H_
#define DMDAX_TOOLS_FACTS_JSON_H_

#include "nlohmann/json.hpp"
#include "tools/dmsetup/facts.h"

namespace dmdax {

// An object with "devices", and "targets" and "driver_version" of verbs about
// those.
nlohmann::ordered_json FactsToJson(const DmsetupFacts& facts);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_FACTS_JSON_H_
