// SPDX-License-Identifier: Apache-2.0
#include "base/fault_functions.h"

#include "base/fault_profile.h"

namespace dmdax {
std::string FaultFunctionName(const FaultProfile& profile,
                              FaultFunction function) {
  const auto found = profile.functions.find(function);
  return found == profile.functions.end() ? "" : found->second;
}

std::set<std::string> ModelledFunctions(const FaultProfile& profile) {
  std::set<std::string> names;
  for (const auto& [function, name] : profile.functions) names.insert(name);
  return names;
}

}  // namespace dmdax
