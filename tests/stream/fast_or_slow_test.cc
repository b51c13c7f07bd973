// SPDX-License-Identifier: Apache-2.0
//
// The fast way of `dmdax translate` and the slow one say the same of any input,
// wherever its blocks end and however many threads share them.
#include <charconv>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/stream/slow_stream.h"
#include "tests/stream/stream_world.h"
#include "tools/stream/answer_lines.h"

namespace dmdax {
namespace {

enum class Input { kText, kRaw };

class FastOrSlow : public StreamWorld {
 protected:
  void Compare(const DaxQuery& query, Input kind, const std::string& input,
               const PageStreamOptions& asked) {
    SCOPED_TRACE(absl::StrCat("block ", asked.block_bytes, ", threads ",
                              asked.threads, ", form ",
                              static_cast<int>(asked.form)));
    const SlowAnswers slow = kind == Input::kText
                                 ? SlowText(query, asked.nr, asked.form, input)
                                 : SlowRaw(query, asked.nr, asked.form, input);
    const Fd in = MemoryFile(input), out = MemoryFile();
    PageStreamOptions options = asked;
    options.out = out.get();
    PageStream stream(query, options);
    const absl::Status s =
        stream.Finish(kind == Input::kText ? stream.AnswerText(in.get())
                                           : stream.AnswerRaw(in.get()));
    ASSERT_EQ(s.message(), slow.error) << input.substr(0, 2000);
    ASSERT_TRUE(AllOf(out) == slow.out) << input.substr(0, 2000);
    ASSERT_EQ(stream.all_have_addresses(), slow.all_have_addresses);
  }

  std::string RandomNumber() {
    switch (random() % 6) {
      case 0:
        return absl::StrCat(random() >> random() % 64);
      case 1:
        return absl::StrCat("0x", absl::Hex(random() >> random() % 64));
      case 2:
        return absl::StrCat("0X", absl::Hex(random() >> random() % 64));
      case 3:
        return std::string(random() % 30, '0') + absl::StrCat(random() % 600);
      default:
        return absl::StrCat(random() % 520);
    }
  }

  // No page offset, as a rule.
  std::string RandomWord() {
    static const std::string bytes("0189afxX+-.,:/ \n\0\x7f\x80\xff", 20);
    switch (random() % 8) {
      case 0:  // around 2^64
        return absl::StrCat("1844674407370955161", random() % 10);
      case 1:
        return absl::StrCat("0x1", std::string(15 + random() % 2, '0'));
      case 2:
        return std::string(1, "+-"[random() % 2]) + RandomNumber();
      case 3:
        return std::string(60 + random() % 10, '0');
      case 4:
        return std::string(1 + random() % 300, '9');
      case 5: {
        std::string word = RandomNumber();
        word[random() % word.size()] = bytes[random() % bytes.size()];
        return word;
      }
      case 6:
        return RandomNumber() + std::string(1, '\0');
      default: {
        std::string word;
        for (size_t i = random() % 20; i > 0; --i) {
          word += bytes[random() % bytes.size()];
        }
        return word;
      }
    }
  }

  std::string RandomText(size_t words, size_t one_odd_in) {
    std::string text;
    for (size_t i = 0; i < words; ++i) {
      text += random() % one_odd_in == 0 ? RandomWord() : RandomNumber();
      const size_t spaces = random() % 5 == 0 ? random() % 80 : 1;
      for (size_t j = 0; j < spaces; ++j) {
        text += random() % 2 != 0 ? '\n' : " \t\n\v\f\r"[random() % 6];
      }
    }
    return text;
  }

  std::mt19937_64 random{20261129};
};

TEST_F(FastOrSlow, NumbersAsTheLibraryWritesThem) {
  std::vector<uint64_t> numbers = {0};
  for (uint64_t n = 1; n != 0; n = n > UINT64_MAX / 10 ? 0 : n * 10) {
    for (uint64_t m : {n - 1, n, n + 1}) numbers.push_back(m);
  }
  for (int i = 0; i < 64; ++i) {
    for (uint64_t d : {~uint64_t{0}, uint64_t{0}, uint64_t{1}}) {
      numbers.push_back((uint64_t{1} << i) + d);
    }
  }
  for (int i = 0; i < 200000; ++i) numbers.push_back(random() >> random() % 64);
  char fast[64], slow[64];
  for (const uint64_t n : numbers) {
    ASSERT_EQ(std::string(fast, PutDecimal(fast, n)),
              std::string(slow, std::to_chars(slow, slow + 64, n).ptr));
    ASSERT_EQ(std::string(fast, PutHex(fast, n)),
              std::string(slow, std::to_chars(slow, slow + 64, n, 16).ptr));
  }
}

TEST_F(FastOrSlow, TextWithABlockThatEndsAnywhere) {
  const DaxQuery query = Query("two");
  std::string text = RandomText(60, 1000) + std::string(64, '0') + " 7 " +
                     std::string(65, ' ') + "18446744073709551615\n";
  for (const char* end : {"", "12", "12\n", "\n\n 1x2 9", "0x", "\v"}) {
    const std::string input = text + end;
    for (size_t block = 1; block <= input.size() + 2; ++block) {
      Compare(query, Input::kText, input,
              {.block_bytes = block, .threads = 1 + block % 3});
    }
  }
  text += std::string(65, '0') + " 1 2 3\n4 5\n";
  for (size_t block = 1; block <= text.size() + 2; ++block) {
    Compare(query, Input::kText, text, {.block_bytes = block, .threads = 2});
  }
}

TEST_F(FastOrSlow, RandomText) {
  const DaxQuery queries[] = {Query("two"), Query("pmem0")};
  const size_t blocks[] = {1, 5, 8, 17, 63, 64, 65, 100, 300, 4096, 0};
  for (int i = 0; i < 3000; ++i) {
    const std::string text = RandomText(random() % 200, 1 + random() % 400);
    const PageStreamOptions options = {
        .nr = random() % 2 == 0 ? 1 : static_cast<int64_t>(random() % 600 + 1),
        .form = std::vector{AnswerForm::kText, AnswerForm::kRaw,
                            AnswerForm::kRawRuns}[random() % 3],
        .block_bytes = blocks[random() % std::size(blocks)],
        .threads = 1 + random() % 3};
    Compare(queries[random() % 2], Input::kText, text, options);
    if (HasFatalFailure()) return;
  }
}

TEST_F(FastOrSlow, RawNumbers) {
  const DaxQuery queries[] = {Query("two"), Query("pmem0")};
  for (int i = 0; i < 500; ++i) {
    std::string input;
    for (size_t n = random() % 300; n > 0; --n) {
      const uint64_t page =
          random() >> (random() % 8 == 0 ? random() % 64 : 55);
      for (int byte = 0; byte < 8; ++byte) {
        input.push_back(static_cast<char>(page >> 8 * byte));
      }
    }
    if (random() % 4 == 0) input.resize(input.size() - input.size() % 3);
    const PageStreamOptions options = {
        .nr = static_cast<int64_t>(random() % 600 + 1),
        .form = std::vector{AnswerForm::kText, AnswerForm::kRaw,
                            AnswerForm::kRawRuns}[random() % 3],
        .block_bytes = 8 * (random() % 20),
        .threads = 1 + random() % 3};
    Compare(queries[random() % 2], Input::kRaw, input, options);
    if (HasFatalFailure()) return;
  }
}

// Long enough for the threads to overtake each other if they could.
TEST_F(FastOrSlow, LongInput) {
  const DaxQuery query = Query("two");
  const std::string text = RandomText(200000, 10000000) + "last";
  for (const size_t threads : {1, 2, 4}) {
    Compare(query, Input::kText, text, {.threads = threads});
    Compare(query, Input::kText, text,
            {.form = AnswerForm::kRaw, .block_bytes = 999, .threads = threads});
  }
}

}  // namespace
}  // namespace dmdax
