// SPDX-License-Identifier: Apache-2.0
//
// LibdmLog: prints what libdevmapper and dmsetup say to standard output or
// standard error.
//
//   LibdmLog log(out, err);
//   log.Debug("Created /dev/mapper/home");  // nothing: not asked for
//   log.set_verbose(true);
//   log.Debug("Created /dev/mapper/home");  // a line on `out`
//   return log.Error("No device specified.");  // a line on `err`; false
//
// There are more levels than ways to ask for them: -v makes verbs show what
// they did, -vv shows the lines of every level, and -vvv adds the time.
//
// Mirrors: log_error, log_debug, stack ... of lib/log/log.h, _default_log_line
// and dm_log_init_verbose of libdm/libdm-common.c (1.02.185).  Not the file
// and line that DM_DEBUG_WITH_LINE_NUMBERS asks for.
// Threading: none.
#ifndef DMDAX_TOOLS_DMSETUP_DM_LOG_H_
#define DMDAX_TOOLS_DMSETUP_DM_LOG_H_

#include <string>

#include "absl/strings/string_view.h"

namespace dmdax {

// _LOG_ERR and those after it; lower is graver.
enum class LogLevel { kErr = 3, kWarn, kNotice, kInfo, kDebug };

class LibdmLog {
 public:
  LibdmLog(std::string& out, std::string& err) : out_(out), err_(err) {}
  LibdmLog(const LibdmLog&) = delete;
  LibdmLog& operator=(const LibdmLog&) = delete;

  // dm_log_init_verbose().
  void set_verbose(bool verbose) { verbose_ = verbose; }
  bool verbose() const { return verbose_; }

  // log_error(): returns false, the failure that it tells of.
  bool Error(absl::string_view text) {
    Line(LogLevel::kErr, text);
    return false;
  }
  // log_warn().
  void Warn(absl::string_view text) { Line(LogLevel::kWarn, text, true); }
  // log_print(): a result.
  void Print(absl::string_view text) { Line(LogLevel::kWarn, text); }
  // log_verbose().
  void Verbose(absl::string_view text) { Line(LogLevel::kNotice, text); }
  // log_debug().
  void Debug(absl::string_view text) { Line(LogLevel::kDebug, text); }
  // log_sys_debug(): which call failed on what.
  void SysDebug(absl::string_view call, absl::string_view path, int err);
  // stack: a caller passes a failure on.  Returns false.
  bool Backtrace() {
    Debug("<backtrace>");
    return false;
  }

 private:
  void Line(LogLevel level, absl::string_view text, bool to_stderr = false);

  std::string& out_;
  std::string& err_;
  bool verbose_ = false;
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_DM_LOG_H_
