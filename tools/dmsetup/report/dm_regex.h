// SPDX-License-Identifier: Apache-2.0
//
// DmRegex: the regular expressions of =~ and !~, which are libdevmapper's own
// and no POSIX ones.
//
//   std::optional<DmRegex> regex = DmRegex::Compile("^vg-(lv|root)$", err);
//   if (regex->Matches("vg-root")) ...
//
// Characters, `.`, `[a-z]`, `[^a-z]`, `\n` `\r` `\t` and other quoted
// characters, `( )`, `|`, `*`, `+`, `?`.  A brace is a character like others,
// and so is the `]` that does not close.  `^` and `$` are characters too: the
// ends of a text count as two, which `.` and `[^a]` match as well.  An empty
// pattern or alternative is an error; a group that is empty is one unless more
// follows it in its group.
//
// Mirrors: rx_parse_tok of libdm/regex/parse_rx.c and dm_regex_match of
// libdm/regex/matcher.c (1.02.185), the optimiser included, since it changes
// what `(ab)*|(ac)*` means.  Threading: const after Compile().
#ifndef DMDAX_TOOLS_DMSETUP_REPORT_DM_REGEX_H_
#define DMDAX_TOOLS_DMSETUP_REPORT_DM_REGEX_H_

#include <bitset>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace dmdax {

class DmRegex {
 public:
  // At most so many characters; libdevmapper takes what memory there is.
  static constexpr size_t kMaxPattern = 4096;

  using Charset = std::bitset<256>;

  // Nothing after saying on `err` what is wrong, in libdevmapper's words.
  static std::optional<DmRegex> Compile(absl::string_view pattern,
                                        std::string& err);

  // Whether some part of `text` matches.
  bool Matches(absl::string_view text) const;

 private:
  friend class DmRegexBuilder;

  // Positions: a pattern's, those of the ".*" before it and of its end.
  using Positions = std::bitset<kMaxPattern + 2>;

  // A character of the pattern: what it stands for, and which may be next.
  struct Position {
    Charset charset;
    Positions next;
  };

  std::vector<Position> positions_;
  Positions first_;
  Positions targets_;  // the ends of the pattern
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_REPORT_DM_REGEX_H_
