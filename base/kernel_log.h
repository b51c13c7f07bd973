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
// At most kMaxLines are kept (a ring, like the kernel's), so that a run of
// millions of failing loads stays small.  Threading: thread-safe.
#ifndef DMDAX_BASE_KERNEL_LOG_H_
#define DMDAX_BASE_KERNEL_LOG_H_

#include <cstddef>
#include <deque>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"

namespace dmdax {

// Severities of include/linux/kern_levels.h that dm and dax use.
enum class KernLevel { kCrit = 2, kErr = 3, kWarn = 4, kInfo = 6, kDebug = 7 };

class KernelLog {
 public:
  static constexpr size_t kMaxLines = 4096;

  // Appends one line.  kDebug is dropped, as by a kernel without dyndbg.
  void Printk(KernLevel level, absl::string_view line);

  // The lines since the last TakeNew(), oldest first (at most kMaxLines).
  std::vector<std::string> TakeNew();

 private:
  absl::Mutex mu_;
  std::deque<std::string> lines_ ABSL_GUARDED_BY(mu_);
};

}  // namespace dmdax

#endif  // DMDAX_BASE_KERNEL_LOG_H_
