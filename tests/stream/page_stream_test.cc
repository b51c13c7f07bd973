// SPDX-License-Identifier: Apache-2.0
//
// Inputs and outputs that are no files: pipes that are slow, stay open, or take
// no more.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "tests/stream/stream_world.h"

namespace dmdax {
namespace {

using PageStreamTest = StreamWorld;

struct Pipe {
  Pipe() {
    int both[2];
    EXPECT_EQ(pipe2(both, O_CLOEXEC), 0);
    in = Fd(both[0]);
    out = Fd(both[1]);
  }
  void Put(absl::string_view bytes) const {
    EXPECT_EQ(write(out.get(), bytes.data(), bytes.size()),
              static_cast<ssize_t>(bytes.size()));
  }
  Fd in, out;
};

std::string Numbers(int n) {
  std::string text;
  for (int i = 0; i < n; ++i) absl::StrAppend(&text, i % 512, "\n");
  return text;
}

TEST_F(PageStreamTest, ReadsThatAreShort) {
  const DaxQuery query = Query("two");
  const std::string text = Numbers(3000);
  for (const size_t threads : {1, 2}) {
    Pipe pipe;
    std::thread writer([&] {
      for (size_t i = 0; i < text.size(); i += 7) pipe.Put(text.substr(i, 7));
      pipe.out = Fd();
    });
    const Fd out = MemoryFile(), whole = MemoryFile();
    PageStream pieces(
        query, {.out = out.get(), .block_bytes = 1024, .threads = threads});
    EXPECT_THAT(pieces.Finish(pieces.AnswerText(pipe.in.get())), IsOk());
    writer.join();
    const Fd in = MemoryFile(text);
    PageStream stream(query, {.out = whole.get()});
    EXPECT_THAT(stream.Finish(stream.AnswerText(in.get())), IsOk());
    EXPECT_EQ(AllOf(out), AllOf(whole));
  }
}

// What ends the stream ends it at once, and not when there is more input.
TEST_F(PageStreamTest, AnInputThatStaysOpenBehindAnError) {
  const DaxQuery query = Query("two");
  for (const size_t threads : {1, 2, 3}) {
    Pipe pipe;
    std::string text = Numbers(100) + "x\n";
    text.resize(1024 + 100, ' ');  // the second block is not full
    pipe.Put(text);
    const Fd out = MemoryFile();
    PageStream stream(
        query, {.out = out.get(), .block_bytes = 1024, .threads = threads});
    const absl::Status s = stream.Finish(stream.AnswerText(pipe.in.get()));
    EXPECT_THAT(std::string(s.message()),
                testing::HasSubstr("<stdin>:101:1: 'x'"));
    EXPECT_EQ(ErrnoOf(s), EINVAL);
    const std::string answers = AllOf(out);
    EXPECT_EQ(std::count(answers.begin(), answers.end(), '\n'), 100);
  }
}

TEST_F(PageStreamTest, AnOutputThatTakesNoMore) {
  const DaxQuery query = Query("two");
  const Fd full(open("/dev/full", O_WRONLY | O_CLOEXEC));
  for (const size_t threads : {1, 2}) {
    for (const AnswerForm form : {AnswerForm::kText, AnswerForm::kJson,
                                  AnswerForm::kRaw, AnswerForm::kRawRuns}) {
      Pipe pipe;  // which nobody closes
      pipe.Put(Numbers(1000));
      PageStream stream(query, {.form = form,
                                .out = full.get(),
                                .block_bytes = 256,
                                .threads = threads});
      const absl::Status s = stream.Finish(stream.AnswerText(pipe.in.get()));
      EXPECT_EQ(s.message(),
                "cannot write to standard output: No space left on device");
      EXPECT_EQ(ErrnoOf(s), ENOSPC);
    }
  }
}

TEST_F(PageStreamTest, AnInputThatCanNotBeRead) {
  const DaxQuery query = Query("two");
  const Fd directory(open("/", O_RDONLY | O_CLOEXEC));
  PageStream stream(query, {.out = -1});
  EXPECT_EQ(ErrnoOf(stream.AnswerText(directory.get())), EISDIR);
  EXPECT_EQ(ErrnoOf(stream.AnswerRaw(directory.get())), EISDIR);
  EXPECT_EQ(ErrnoOf(stream.AnswerText(-1)), EBADF);
}

TEST_F(PageStreamTest, AnAnswerThatIsReadSlowly) {
  const DaxQuery query = Query("two");
  const std::string text = Numbers(40000);
  Pipe pipe;
  std::string answers;
  std::thread reader([&] { answers = *ReadFd(pipe.in.get(), "pipe"); });
  const Fd in = MemoryFile(text);
  PageStream stream(query, {.out = pipe.out.get(), .threads = 2});
  EXPECT_THAT(stream.Finish(stream.AnswerText(in.get())), IsOk());
  pipe.out = Fd();
  reader.join();
  EXPECT_EQ(std::count(answers.begin(), answers.end(), '\n'), 40000);
}

TEST_F(PageStreamTest, WhatIsSaidOfPagesWithoutAnAddress) {
  const DaxQuery query = Query("two");
  for (const AnswerForm form : {AnswerForm::kText, AnswerForm::kRaw}) {
    const Fd in = MemoryFile("1 515 700 800"), out = MemoryFile();
    PageStream stream(query, {.form = form, .out = out.get()});
    EXPECT_THAT(stream.Finish(stream.AnswerText(in.get())), IsOk());
    EXPECT_FALSE(stream.all_have_addresses());
    EXPECT_THAT(stream.notes(),
                testing::ElementsAre(testing::HasSubstr(
                    "page 700 is beyond the end of two, which has 520 pages")));
  }
}

}  // namespace
}  // namespace dmdax
