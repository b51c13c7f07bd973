// SPDX-License-Identifier: Apache-2.0
//
// What the parsers of extents_text.h share: a line that is read from left to
// right, and a list that only grows in order.
//
//   LineScanner scan("0: 8..15", /*number=*/3);
//   uint64_t n, first, last;
//   absl::Status s = scan.Number(&n);
//   if (s.ok()) s = scan.Expect(":");
//   if (s.ok()) s = scan.Range(&first, &last);   // 8 and 15
//
// Threading: thread-compatible.
#ifndef DMDAX_FS_EXTENT_LINES_H_
#define DMDAX_FS_EXTENT_LINES_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "fs/extents_text.h"

namespace dmdax {

class LineScanner {
 public:
  LineScanner(absl::string_view line, size_t number)
      : line_(line), number_(number) {}

  // EINVAL "line 3, column 4: " and `what`.
  absl::Status Error(absl::string_view what) const;
  // The same: "`what` is expected, not ..." and what comes next.
  absl::Status Expected(absl::string_view what) const;
  void SkipBlanks();
  bool Done();
  // Takes `text` if it comes next.
  bool Take(absl::string_view text);
  absl::Status Expect(absl::string_view text);
  absl::Status Number(uint64_t* value);
  // first..last
  absl::Status Range(uint64_t* first, uint64_t* last);
  // Up to the next blank.
  std::string Word();

 private:
  std::string Rest() const;

  const absl::string_view line_;
  const size_t number_;
  size_t pos_ = 0;
};

// The lines that hold extents: "   0: ...".
bool IsExtentLine(absl::string_view line);

// Appends an extent whose numbers count `unit` bytes, not 0; null, or what is
// wrong with it.
const char* AppendExtent(uint64_t logical, uint64_t physical, uint64_t length,
                         uint64_t unit, uint32_t flags, ExtentList* list);

}  // namespace dmdax

#endif  // DMDAX_FS_EXTENT_LINES_H_
