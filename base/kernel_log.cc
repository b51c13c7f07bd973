// SPDX-License-Identifier: Apache-2.0
#include "base/kernel_log.h"

namespace dmdax {

void KernelLog::Printk(KernLevel level, absl::string_view line) {
  if (level == KernLevel::kDebug) return;
  absl::MutexLock lock(&mu_);
  if (lines_.size() == kMaxLines) lines_.pop_front();
  lines_.emplace_back(line);
}

std::vector<std::string> KernelLog::TakeNew() {
  absl::MutexLock lock(&mu_);
  std::vector<std::string> taken(lines_.begin(), lines_.end());
  lines_.clear();
  return taken;
}

}  // namespace dmdax
