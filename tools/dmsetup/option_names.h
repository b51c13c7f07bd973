// SPDX-License-Identifier: Apache-2.0
//
// The names of dmsetup's options, as getopt_long(3) wants them, and what it
// prints of a word that is none of them.
//
// Mirrors: long_options of _process_switches, dmsetup.c (1.02.185).
#ifndef DMDAX_TOOLS_DMSETUP_OPTION_NAMES_H_
#define DMDAX_TOOLS_DMSETUP_OPTION_NAMES_H_

#include <getopt.h>

#include <string>
#include <vector>

#include "absl/types/span.h"

namespace dmdax {

// Long options get numbers above any character.
enum LongOption : int {
  kChecks = 256,
  kConcise,
  kCount,
  kDeferred,
  kExec,
  kInactive,
  kInterval,
  kMangle,
  kNamePrefixes,
  kNoFlush,
  kNoHeadings,
  kNoLockFs,
  kNoOpenCount,
  kNoUdevRules,
  kNoUdevSync,
  kReadAhead,
  kRetry,
  kRows,
  kSeparator,
  kSetUuid,
  kShowKeys,
  kTable,
  kTarget,
  kTree,
  kUdevCookie,
  kUnbuffered,
  kUnits,
  kUnquoted,
  kVerifyUdev,
  kVersion,
  kAddOnResume,
  kAddOnCreate,
  kStats,
  kStatsArg,
  kReportFormat,
};

inline constexpr char kShortOptions[] = "cCfG:hj:m:M:no:O:rS:u:U:vy";

// What a program of this name reads, the entry of zeros at its end included.
std::vector<option> LongOptionsOf(const std::string& program);

// What getopt_long() would have printed about argv[index], over which it
// stumbled; argv[0] is the program.  Reads getopt's `optopt`.
std::string GetoptComplaint(absl::Span<const std::string> argv, int index);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_OPTION_NAMES_H_
