// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/dm_log.h"

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"

namespace dmdax {

void LibdmLog::Line(LogLevel level, absl::string_view text, bool to_stderr) {
  if (level > LogLevel::kWarn && !verbose_) return;
  const bool error = to_stderr || level < LogLevel::kWarn;
  absl::StrAppend(error ? &err_ : &out_, text, "\n");
}

void LibdmLog::SysDebug(absl::string_view call, absl::string_view path,
                        int err) {
  Debug(absl::StrCat(path, ": ", call, " failed: ", ErrnoText(err)));
}

}  // namespace dmdax
