// SPDX-License-Identifier: Apache-2.0
#include "base/kernel_module.h"

#include <cerrno>

#include "absl/strings/str_format.h"
#include "base/errno_status.h"

namespace dmdax {

absl::Status LoadModule(const FaultProfile& profile, KernelLog& log,
                        const KernelModule& module) {
  bool missing = false;
  for (const std::string& symbol : module.imports) {
    if (ExportsSymbol(profile, symbol)) continue;
    log.Printk(KernLevel::kWarn,
               absl::StrFormat("%s: Unknown symbol %s (err %d)", module.name,
                               symbol, profile.unknown_symbol_err));
    missing = true;
  }
  if (missing) return ErrnoError(ENOENT, "Unknown symbol in module");
  return absl::OkStatus();
}

}  // namespace dmdax
