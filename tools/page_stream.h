// SPDX-License-Identifier: Apache-2.0
//
// PageStream: page offsets in, page frames out, by the million: what
// `dmdax translate` reads and writes.
//
//   PageStream stream(query, /*nr=*/1, /*json=*/false);
//   absl::Status s = stream.AnswerText(STDIN_FILENO);
//   bool all = stream.Finish();
//
// Pages are collected and asked a block at a time (DaxQuery::AskMany), and
// answers written a block at a time.  They come in the order of the pages, and
// all those before an error in the input are given.
// Threading: thread-compatible.
#ifndef DMDAX_TOOLS_PAGE_STREAM_H_
#define DMDAX_TOOLS_PAGE_STREAM_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tools/dax_query.h"

namespace dmdax {

// "16", "0x10".  EINVAL.
absl::StatusOr<pgoff_t> ParsePage(absl::string_view text);

class PageStream {
 public:
  // Asks for `nr` pages at each; writes to std::cout.
  PageStream(const DaxQuery& query, int64_t nr, bool json);

  void Answer(pgoff_t page) {
    pages_.push_back(page);
    if (pages_.size() == kPages) AskAll();
  }
  // Page offsets separated by white space.  EINVAL with line and column, or
  // the errno of read(2).
  absl::Status AnswerText(int fd);
  // Little-endian u64s.  EINVAL when the last one is cut, or the errno of
  // read(2).
  absl::Status AnswerRaw(int fd);

  // Gives the answers that are left, and in JSON the error that ended the
  // input.  True: every page had an address.
  bool Finish(const absl::Status& input = absl::OkStatus());

 private:
  static constexpr size_t kPages = 4096;  // asked at once

  void AskAll();
  void Text(pgoff_t page, uint64_t pfn, int64_t ret);
  void Json(pgoff_t page, uint64_t pfn, int64_t ret);
  void Flush();

  const DaxQuery& query_;
  const int64_t nr_;
  const bool json_;
  bool first_ = true;
  bool failed_ = false;
  bool too_deep_ = false;
  absl::Status beyond_;  // of the first page past the end
  std::vector<pgoff_t> pages_;
  std::vector<uint64_t> pfns_;
  std::vector<int64_t> rets_;
  std::string out_;
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_PAGE_STREAM_H_
