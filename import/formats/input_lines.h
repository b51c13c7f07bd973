// SPDX-License-Identifier: Apache-2.0
//
// Reads an input a line at a time, and a line a word at a time.
//
//   for (InputLines lines(input); lines.Next();) {
//     LineWords words = lines.Words();
//     absl::StatusOr<uint64_t> start = words.Number("a start in sectors");
//     absl::string_view type = words.Word();
//   }
//   // "t.txt:3:7: a start in sectors is expected, not 'x'"
//
// Blank lines are left out, and a carriage return at the end of a line.
// Threading: thread-compatible.
#ifndef DMDAX_IMPORT_FORMATS_INPUT_LINES_H_
#define DMDAX_IMPORT_FORMATS_INPUT_LINES_H_

#include <algorithm>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "import/import_input.h"

namespace dmdax {

class LineWords {
 public:
  // From byte `at` of the text on; nothing is left where that is past its end.
  LineWords(const ImportInput& input, size_t line, absl::string_view text,
            size_t at = 0)
      : input_(&input),
        line_(line),
        text_(text),
        at_(std::min(at, text.size())) {}

  // Up to the next blank; "" at the end.
  absl::string_view Word();
  // A word that is a decimal number.
  absl::StatusOr<uint64_t> Number(absl::string_view what);
  // The rest, without blanks around it.
  absl::string_view Rest();
  bool Done();

  // Of what was read last.
  Place place() const;
  // "`what` is expected, not ..." at what was read last.
  absl::Status Expected(absl::string_view what) const;

 private:
  void SkipBlanks();

  const ImportInput* input_;
  size_t line_;
  absl::string_view text_;
  size_t at_;
  size_t begin_ = 0, end_ = 0;  // of what was read last
};

class InputLines {
 public:
  explicit InputLines(const ImportInput& input) : input_(input) {}

  // The next line that is not blank, if there is one.
  bool Next();
  absl::string_view line() const { return line_; }
  size_t number() const { return number_; }
  LineWords Words() const { return LineWords(input_, number_, line_); }
  // Of a part of the line.
  Place At(absl::string_view part) const;
  Place place() const { return At(line_); }

 private:
  const ImportInput& input_;
  size_t next_ = 0;
  size_t number_ = 0;
  absl::string_view line_;
};

// The places of the parts of an input's text, wherever its lines end.  Parts in
// the order of the text cost no more than the text.
class PlaceFinder {
 public:
  explicit PlaceFinder(const ImportInput& input) : place_{&input, 1, 1} {}

  // Where `part` begins, which is a part of the input's text.
  Place At(absl::string_view part);

 private:
  Place place_;  // of byte `at_`
  size_t at_ = 0;
};

// The first line that is not blank, and does not begin with '#'; "" if it is
// not among the first 4096.
absl::string_view FirstLine(absl::string_view text);

}  // namespace dmdax

#endif  // DMDAX_IMPORT_FORMATS_INPUT_LINES_H_
