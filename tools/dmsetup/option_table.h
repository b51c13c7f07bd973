// SPDX-License-Identifier: Apache-2.0
//
// dmsetup's options, one table: what each is called, and what it sets.
//
// Mirrors: long_options of _process_switches, dmsetup.c (1.02.185), and what
// getopt_long(3) prints of a word that is none of them.  Threading: constants.
#ifndef DMDAX_TOOLS_DMSETUP_OPTION_TABLE_H_
#define DMDAX_TOOLS_DMSETUP_OPTION_TABLE_H_

#include <getopt.h>

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "tools/dmsetup/options.h"

namespace dmdax {

inline constexpr char kShortOptions[] = "cCfG:hj:m:M:no:O:rS:u:U:vy";

// An option.  Its target says whether it has an argument: a bool has none, a
// number is read as atoi() does, and a function appends dmsetup's message and
// returns false when the argument will not do.
struct OptionRow {
  // Of options that change nothing here: those of udev, of the node's owner,
  // and of dmstats, which dmsetup takes with every verb.
  enum Ignored { kIgnored, kIgnoredWithArgument };
  using Read = bool (*)(const char* arg, DmsetupOptions& o, std::string* err);
  using Target =
      std::variant<bool DmsetupOptions::*, std::optional<int> DmsetupOptions::*,
                   std::optional<std::string> DmsetupOptions::*, Read, Ignored>;

  const char* name;
  Target target;
  char letter = 0;  // of the short form, if there is one
};

// In dmsetup's order, which getopt shows.
absl::Span<const OptionRow> OptionTable();

// What a program of this name reads, the entry of zeros at its end included.
std::vector<option> LongOptionsOf(const std::string& program);

// `c` is what getopt has returned, `arg` the option's argument or null.  False
// after appending what is wrong with it.
bool ApplyOption(int c, const char* arg, DmsetupOptions& o, std::string* err);

// What getopt_long() would have printed about argv[index], over which it
// stumbled; argv[0] is the program.  Reads getopt's `optopt`.
std::string GetoptComplaint(absl::Span<const std::string> argv, int index);

// "none", "auto" or "hex" in any case; false for another word.
bool ParseMangling(absl::string_view word, MangleMode& mode);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_OPTION_TABLE_H_
