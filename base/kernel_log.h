// SPDX-License-Identifier: Apache-2.0
//
// KernelLog: where the emulated kernel's printk goes.
//
// The real device-mapper returns a bare EINVAL and says why only in dmesg;
// dmdax keeps those lines, so that a command can print the reason next to
// the error.  Lines are the kernel's bytes without time stamps:
//
//   KernelLog log;
//   log.Printk(KernLevel::kErr, "device-mapper: table: 254:0: Gap in table");
//   for (const std::string& line : log.TakeNew()) std::cerr << line << "\n";
//
// Lines that the kernel writes with printk_ratelimited() are no more than ten
// in five seconds from one place; before the next there is how many were left
// out.
//
// At most kMaxLines are kept (a ring, like the kernel's), so that a run of
// millions of failing loads stays small.  Threading: thread-safe.
#ifndef DMDAX_BASE_KERNEL_LOG_H_
#define DMDAX_BASE_KERNEL_LOG_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace dmdax {

// Severities of include/linux/kern_levels.h that dm and dax use.
enum class KernLevel { kCrit = 2, kErr = 3, kWarn = 4, kInfo = 6, kDebug = 7 };

class KernelLog {
 public:
  static constexpr size_t kMaxLines = 4096;

  // Appends one line.  kDebug is dropped, as by a kernel without dyndbg.
  void Printk(KernLevel level, absl::string_view line);

  // printk_ratelimited() in `function`, at `now`, which tests give.
  void PrintkRatelimited(absl::string_view function, KernLevel level,
                         absl::string_view line, absl::Time now = absl::Now());
  // Every line is logged, for whoever compares with a kernel that was at
  // another point of its limits.
  enum class Ratelimit { kOn, kOff };
  void SetRatelimit(Ratelimit limit);

  // The lines since the last TakeNew(), oldest first (at most kMaxLines).
  std::vector<std::string> TakeNew();

 private:
  // struct ratelimit_state.
  struct Limit {
    absl::Time begin = absl::InfinitePast();
    int printed = 0;
    uint64_t missed = 0;
  };
  void Append(KernLevel level, absl::string_view line)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  absl::Mutex mu_;
  Ratelimit ratelimit_ ABSL_GUARDED_BY(mu_) = Ratelimit::kOn;
  std::map<std::string, Limit> limits_ ABSL_GUARDED_BY(mu_);  // by function
  std::deque<std::string> lines_ ABSL_GUARDED_BY(mu_);
};

}  // namespace dmdax

#endif  // DMDAX_BASE_KERNEL_LOG_H_
