// SPDX-License-Identifier: Apache-2.0
//
// PageStream: page offsets in, page frames out, by the million: what
// `dmdax translate` reads and writes.
//
//   PageStream stream(query, {.form = AnswerForm::kText});
//   absl::Status s = stream.Finish(stream.AnswerText(STDIN_FILENO));
//   bool all = stream.all_have_addresses();
//
// A block of pages is read, asked (DaxQuery::AskMany) and written at a time,
// and of a long input several at once, by as many threads as there are
// processors (tools/stream/ordered_blocks.h).  Answers come in the order of the
// pages, and all those before an error in the input are given.
// Threading: thread-compatible.
#ifndef DMDAX_TOOLS_STREAM_PAGE_STREAM_H_
#define DMDAX_TOOLS_STREAM_PAGE_STREAM_H_

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "tools/dax_query.h"
#include "tools/stream/answer_bytes.h"
#include "tools/stream/ordered_blocks.h"
#include "tools/stream/page_words.h"
#include "tools/stream/stream_input.h"

namespace dmdax {

struct PageStreamOptions {
  int64_t nr = 1;  // pages to ask for at each
  AnswerForm form = AnswerForm::kText;
  int out = STDOUT_FILENO;
  // What tests and benchmarks set: bytes of input in a block (at least 8 when
  // they are u64s), and the most threads.  0: what is fastest here.
  size_t block_bytes = 0;
  size_t threads = 0;
};

class PageStream {
 public:
  PageStream(const DaxQuery& query, const PageStreamOptions& options);

  // Errors of all four: EINVAL with line and column of what is no page, the
  // errno of read(2) or write(2).  After one, only Finish() makes sense.
  absl::Status Answer(pgoff_t page);
  // Page offsets separated by white space.
  absl::Status AnswerText(int fd);
  // Little-endian u64s.  EINVAL when the last one is cut.
  absl::Status AnswerRaw(int fd);
  // Gives the answers that are left, and in JSON the error that ended the
  // input, which is returned if there is no other.
  absl::Status Finish(const absl::Status& input);

  // So far.
  bool all_have_addresses() const { return !failures_.any; }
  // What is to be said of pages that had none.
  std::vector<std::string> notes() const;

 private:
  // Pages without an address.
  struct Failures {
    bool any = false;
    bool too_deep = false;
    absl::Status beyond;  // the first past the end
  };
  // Pages, and what is made of them.
  struct Block {
    TextBlock text;
    std::vector<pgoff_t> pages;
    size_t count = 0;  // of them
    std::vector<uint64_t> pfns;
    std::vector<int64_t> rets;
    AnswerBytes bytes;
    TextPlace place;       // where the text ends, counted from its beginning
    absl::Status no_page;  // why the text ends there
    Failures failures;
  };

  // Reads a block of `input`.
  using ReadBlock = OrderedBlocks::Next (*)(StreamInput& input, int interrupted,
                                            Block& block);
  absl::Status AnswerAll(int fd, size_t block_bytes, ReadBlock read);
  absl::Status AnswerGiven();
  void Work(Block& block) const;
  void Ask(Block& block) const;
  Failures FailuresOf(const Block& block) const;
  absl::Status Write(const Block& block);
  absl::Status WriteBytes(absl::string_view bytes) const;

  const DaxQuery& query_;
  const PageStreamOptions options_;
  const size_t threads_;
  bool first_ = true;  // nothing has been written yet
  Failures failures_;
  Block given_;  // by Answer()
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_STREAM_PAGE_STREAM_H_
