// SPDX-License-Identifier: Apache-2.0
//
// The examples of tools/stream/.
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "state/world_load.h"
#include "tests/examples/examples.h"
#include "tests/testing.h"
#include "tools/dax_query.h"
#include "tools/stream/answer_bytes.h"
#include "tools/stream/answer_lines.h"
#include "tools/stream/ordered_blocks.h"
#include "tools/stream/page_stream.h"
#include "tools/stream/page_words.h"
#include "tools/stream/stream_input.h"

namespace dmdax {
namespace {

TEST(StreamExamples, AnswerBytes) {
  const std::vector<pgoff_t> pages = {pgoff_t(16)};
  const std::vector<uint64_t> pfns = {0x100110};
  const std::vector<int64_t> rets = {1};
#include "tests/examples/tools/stream/answer_bytes.inc"
}

TEST(StreamExamples, AnswerLines) {
#include "tests/examples/tools/stream/answer_lines.inc"
  EXPECT_EQ(std::string(line, end),
            "16 pfn 0x100110 phys 0x100110000 pages 1\n");
}

TEST(StreamExamples, OrderedBlocks) {
  using Next = OrderedBlocks::Next;
  int nr_read = 0, nr_written = 0;
  const auto read = [&](size_t, int) {
    return ++nr_read < 10 ? Next::kMore : Next::kLast;
  };
  const auto work = [](size_t) {};
  const auto write = [&](size_t) {
    ++nr_written;
    return OrderedBlocks::Wish::kGoOn;
  };
#include "tests/examples/tools/stream/ordered_blocks.inc"
  EXPECT_EQ(nr_written, 10);
}

// The others are not called: they would read what the test has on its standard
// input.
TEST(StreamExamples, PageStream) {
  const Session session = NewSession(DefaultKernelProfile(), 254);
  ASSERT_THAT(session.machine->AddPmem(
                  {.name = "pmem0", .base = 1ull << 32, .size = 64 << 20}),
              IsOk());
  const DaxQuery query = *DaxQuery::Create(session, "pmem0");
  [[maybe_unused]] const auto answer = [&] {
#include "tests/examples/tools/stream/page_stream.inc"
    return all;
  };
}

TEST(StreamExamples, PageWords){
#include "tests/examples/tools/stream/page_words.inc"
}

TEST(StreamExamples, StreamInput) {
  [[maybe_unused]] const auto read = [] {
    TextBlock block;
#include "tests/examples/tools/stream/stream_input.inc"
    return next;
  };
}

}  // namespace
}  // namespace dmdax
