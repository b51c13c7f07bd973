// SPDX-License-Identifier: Apache-2.0
//
// AnswerBytes: the answers to many pages as the bytes that `dmdax translate`
// prints.
//
//   AnswerBytes bytes;
//   bytes.Fill(AnswerForm::kText, pages, pfns, rets);
//   bytes.view();  // "16 pfn 0x100110 phys 0x100110000 pages 1\n"
//
// Threading: thread-compatible.
#ifndef DMDAX_TOOLS_STREAM_ANSWER_BYTES_H_
#define DMDAX_TOOLS_STREAM_ANSWER_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/units.h"

namespace dmdax {

enum class AnswerForm {
  kText,     // a line each
  kJson,     // an object each, with a comma in front
  kRaw,      // little-endian u64: the frame, ~0 if there is none
  kRawRuns,  // the same and an s64: pages, or -errno
};

class AnswerBytes {
 public:
  // Replaces what is there.  rets[i] is pages or -errno; where it is an error
  // pfns[i] is ~0.  kRaw reads no `rets`.
  void Fill(AnswerForm form, absl::Span<const pgoff_t> pages,
            absl::Span<const uint64_t> pfns, absl::Span<const int64_t> rets);

  // Until the next Fill(), and in kRaw only as long as `pfns`.
  absl::string_view view() const { return view_; }

 private:
  char* Room(size_t bytes);

  std::unique_ptr<char[]> memory_;
  size_t room_ = 0;
  std::string json_;
  absl::string_view view_;
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_STREAM_ANSWER_BYTES_H_
