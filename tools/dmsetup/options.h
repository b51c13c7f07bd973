// SPDX-License-Identifier: Apache-2.0
//
// The command line of dmsetup: the same options, anywhere on the line, read
// by the same getopt_long(3).
//
// Mirrors: _process_switches of libdm/dm-tools/dmsetup.c (1.02.185), and the
// mode of mangling that DM_DEFAULT_NAME_MANGLING_MODE asks for.
#ifndef DMDAX_TOOLS_DMSETUP_OPTIONS_H_
#define DMDAX_TOOLS_DMSETUP_OPTIONS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "formats/mangle.h"

namespace dmdax {

struct DmsetupOptions {
  bool readonly = false, checks = false, columns = false, concise = false;
  bool deferred = false, force = false, help = false, inactive = false;
  bool nameprefixes = false, noflush = false, noheadings = false;
  bool nolockfs = false, notable = false, retry = false, rows = false;
  bool setuuid = false, showkeys = false, tree = false;
  bool unquoted = false, version = false, yes = false;
  bool addnodeonresume = false, addnodeoncreate = false;
  int verbose = 0;
  std::optional<int> major, minor;
  std::optional<std::string> uuid, table, target, exec, options, separator;
  std::optional<std::string> sort, select, units;
  std::optional<int> count, interval;
  std::optional<int> read_ahead;    // sectors; -1: the kernel's own
  bool read_ahead_minimum = false;  // or more
  uint32_t udev_cookie = 0;
  MangleMode mangle = MangleMode::kAuto;
  std::optional<MangleMode> mangle_given;  // --manglename
  std::optional<std::string> report_format;

  std::optional<std::string> command;
  std::vector<std::string> args;  // what follows it
};

// A udev cookie; nothing after appending "Incorrect cookie value." to *err.
std::optional<uint32_t> CookieValue(const std::string& text, std::string* err);

// What concerns the line as a whole: false after appending what is wrong.
bool CheckDmsetupOptions(const DmsetupOptions& o, std::string* err);

// Parses argv (argv[0] is the program's name, for getopt's messages).  On a
// bad line, appends what getopt and dmsetup print to *err and returns false;
// the caller adds "Couldn't process command line.".  `o` has what stands
// before the mistake: after a -h it is forgiven.
bool ParseDmsetupOptions(absl::Span<const std::string> argv, DmsetupOptions& o,
                         std::string* err);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_OPTIONS_H_
