// SPDX-License-Identifier: Apache-2.0
#include "base/fault_functions.h"

#include "base/fault_profile.h"

namespace dmdax {
namespace {

// Of the device stack: they keep their names.
constexpr const char* kStack[] = {
    "dm_dax_direct_access", "linear_dax_direct_access",
    "stripe_dax_direct_access", "log_writes_dax_direct_access",
    "pmem_dax_direct_access"};

}  // namespace

std::string FaultFunctionName(const FaultProfile& profile,
                              FaultFunction function) {
  const auto found = profile.functions.find(function);
  return found == profile.functions.end() ? "" : found->second;
}

std::set<std::string> ModelledFunctions(const FaultProfile& profile) {
  std::set<std::string> names(std::begin(kStack), std::end(kStack));
  for (const auto& [function, name] : profile.functions) names.insert(name);
  return names;
}

}  // namespace dmdax
