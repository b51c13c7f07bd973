// SPDX-License-Identifier: Apache-2.0
#include "base/fault_profile.h"

#include "absl/strings/strip.h"

namespace dmdax {

bool ExportsSymbol(const FaultProfile& profile, absl::string_view symbol) {
  const bool prot = absl::ConsumeSuffix(&symbol, "_prot");
  if (prot != profile.insert_pfn_pmd_prot_symbol) return false;
  if (symbol == "vmf_insert_pfn_pmd") return true;
  return symbol == "vmf_insert_pfn_pud" && profile.has_pud_thp;
}

}  // namespace dmdax
