// SPDX-License-Identifier: Apache-2.0
//
// RenamedTarget: recorded cases of one target as those of another, to hold a
// variant of it to what the kernel answered.
//
//   const RenamedTarget renamed = *RenamedTarget::Parse("striped=mine");
//   renamed.In("0 8 striped 1 8 /dev/pmem0 0");  // 0 8 mine 1 8 /dev/pmem0 0
//
// Words are replaced, and not parts of words: "unstriped" stays.
// Threading: plain values.
#ifndef DMDAX_TESTS_CONFORMANCE_RENAMED_TARGET_H_
#define DMDAX_TESTS_CONFORMANCE_RENAMED_TARGET_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace dmdax::conformance {

class RenamedTarget {
 public:
  // Nothing is renamed.
  RenamedTarget() = default;
  // "FROM=TO"; nothing: it is no such word.
  static std::optional<RenamedTarget> Parse(absl::string_view text);

  bool empty() const { return from_.empty(); }
  // A recorded line with the other name.
  std::string In(const std::string& line) const;
  // Whether a line that was renamed is about the target; all lines are if
  // nothing is renamed.
  bool IsIn(const std::string& line) const;

 private:
  std::string from_, to_;
};

}  // namespace dmdax::conformance

#endif  // DMDAX_TESTS_CONFORMANCE_RENAMED_TARGET_H_
