// SPDX-License-Identifier: Apache-2.0
#include "base/kernel_log.h"

#include "absl/strings/str_cat.h"

namespace dmdax {

void KernelLog::Printk(KernLevel level, absl::string_view line) {
  absl::MutexLock lock(&mu_);
  Append(level, line);
}

void KernelLog::SetRatelimit(Ratelimit limit) {
  absl::MutexLock lock(&mu_);
  ratelimit_ = limit;
}

// ___ratelimit().
void KernelLog::PrintkRatelimited(absl::string_view function, KernLevel level,
                                  absl::string_view line, absl::Time now) {
  constexpr absl::Duration kInterval = absl::Seconds(5);
  constexpr int kBurst = 10;
  absl::MutexLock lock(&mu_);
  if (ratelimit_ == Ratelimit::kOff) return Append(level, line);
  Limit& limit = limits_[std::string(function)];
  if (now > limit.begin + kInterval) {
    if (limit.missed > 0) {
      Append(KernLevel::kWarn, absl::StrCat(function, ": ", limit.missed,
                                            " callbacks suppressed"));
    }
    limit = {.begin = now};
  }
  if (limit.printed < kBurst) {
    ++limit.printed;
    Append(level, line);
  } else {
    ++limit.missed;
  }
}

void KernelLog::Append(KernLevel level, absl::string_view line) {
  if (level == KernLevel::kDebug) return;
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
