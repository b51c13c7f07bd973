// SPDX-License-Identifier: Apache-2.0
//
// DmRegex: the regular expressions of =~ and !~, which are libdevmapper's own
// and no POSIX ones.
//
//   std::optional<DmRegex> regex = DmRegex::Compile("^vg-(lv|root)$", err);
//   regex && regex->Matches("vg-root");   // true
//
// Characters, `.`, `[a-z]`, `[^a-z]`, `\n` `\r` `\t` and other quoted
// characters, `( )`, `|`, `*`, `+`, `?`.  A brace is a character like others,
// and so is the `]` that does not close.  `^` and `$` are characters too: the
// ends of a text count as two, which `.` and `[^a]` match as well.  An empty
// pattern or alternative is an error; a group that is empty is one unless more
// follows it in its group.
//
// Time and memory have bounds: a pattern beyond is an error, where libdevmapper
// takes gigabytes (7 for 100,000 characters), or may never answer.
//
// Mirrors: rx_parse_tok of libdm/regex/parse_rx.c and dm_regex_match of
// libdm/regex/matcher.c (1.02.185), the optimiser included, since it changes
// what `(ab)*|(ac)*` means.  Threading: const after Compile().
#ifndef DMDAX_TOOLS_DMSETUP_REPORT_DM_REGEX_H_
#define DMDAX_TOOLS_DMSETUP_REPORT_DM_REGEX_H_

#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace dmdax {

class DmRegex {
 public:
  // At most so many characters, and visits of nodes for each of them.
  static constexpr size_t kMaxPattern = 32768;
  static constexpr size_t kMaxVisits = 1024;

  // Nothing after saying on `err` what is wrong, in libdevmapper's words.
  static std::optional<DmRegex> Compile(absl::string_view pattern,
                                        std::string& err);

  // Whether some part of `text` matches.  At worst a visit of each state for
  // each character.
  bool Matches(absl::string_view text) const;

 private:
  friend class DmRegexBuilder;
  friend class DmRegexRun;

  // Takes one of `charset` and goes on with `next`; or, without a `charset`,
  // goes on with both `next` and `other` and takes none.  0 is no state.
  struct State {
    uint32_t next = 0, other = 0;
    std::optional<uint32_t> charset;
  };

  std::vector<std::bitset<256>> charsets_;
  std::vector<State> states_;
  uint32_t first_ = 0;
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_REPORT_DM_REGEX_H_
