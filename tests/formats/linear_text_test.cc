// SPDX-License-Identifier: Apache-2.0
//
// ParseLinearText() at every level of the machine, with ParseTableText() as
// its judge.
#include "formats/linear_text.h"

#include <random>

#include "absl/strings/str_cat.h"
#include "formats/table_text.h"
#include "gtest/gtest.h"

namespace dmdax {
namespace {

std::string Text(const LinearRows& rows) {
  return *PrintTableText(SpecsOf(rows));
}

std::vector<SimdLevel> Levels() {
  std::vector<SimdLevel> levels{SimdLevel::kPlain};
  for (SimdLevel level : {SimdLevel::kAvx2, SimdLevel::kAvx512}) {
    if (level <= BestSimd()) levels.push_back(level);
  }
  return levels;
}

// Whether it was taken; in any case as the judge would.
bool Taken(const std::string& text) {
  const TableText judged = ParseTableText(text, "");
  bool taken = false;
  for (SimdLevel level : Levels()) {
    // As the last bytes of what the process may read, for what reads on.
    const std::string copy = text;
    const auto rows = ParseLinearText(copy, level);
    if (level != SimdLevel::kPlain) {
      EXPECT_EQ(rows != nullptr, taken) << text;
    }
    taken = rows != nullptr;
    if (!taken) continue;
    EXPECT_TRUE(judged.ok()) << text;
    EXPECT_EQ(rows->size(), judged.rows.size()) << text;
    EXPECT_EQ(Text(*rows), *PrintTableText(judged.Specs())) << text;
  }
  return taken;
}

std::string RandomTable(std::mt19937_64& random, size_t rows) {
  std::string text;
  uint64_t begin = 0;
  const auto device = [&] {
    const uint64_t n = random() % 30;
    if (n == 0) return std::string("a");
    if (n == 1) return absl::StrCat("/dev/mapper/", std::string(20, 'v'), n);
    if (n == 2) return absl::StrCat("/dev/mapper/", std::string(70, 'w'));
    if (n < 6) return absl::StrCat("259:", n);
    return absl::StrCat("/dev/pmem", n);
  };
  for (; rows > 0; --rows) {
    const uint64_t length = (random() >> (random() % 30 + 30)) + 1;
    absl::StrAppend(&text, begin, " ", length, " linear ", device(), " ",
                    random() >> (random() % 64), "\n");
    begin += length;
  }
  return text;
}

TEST(LinearText, TakesWhatIsPrinted) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 300; ++i) {
    std::string text = RandomTable(random, 1 + random() % 200);
    // Starts of 20 digits are the judge's, who takes them too.
    EXPECT_TRUE(Taken(text)) << text;
    text.pop_back();  // no newline at the end
    EXPECT_TRUE(Taken(text)) << text;
  }
}

TEST(LinearText, TakesCommentsAndOddBlanks) {
  const std::string rows =
      "0 8 linear /dev/a 0\n8 8 linear /dev/b 8\n16 8 linear /dev/a 16\n";
  EXPECT_TRUE(Taken("# one\n\n" + rows + "# two\n"));
  EXPECT_TRUE(Taken(rows + "\t24   8 linear /dev/a 7 \n32 8 linear /dev/b 1"));
  EXPECT_TRUE(Taken(rows + "024 +8 linear /dev/a 7\n"));
  EXPECT_TRUE(Taken(rows + rows.substr(0, 0) + "24 0 linear /dev/a 7\r\n"));
}

TEST(LinearText, LeavesTheRestToTheJudge) {
  const std::string rows = "0 8 linear /dev/a 0\n8 8 linear /dev/b 8\n";
  for (const char* last :
       {"16 8 zero", "17 8 linear /dev/a 0", "16 8 linear /dev/a 08",
        "16 8 linear /dev/a  0", "16 8 linear /dev/a", "16 8 linear /dev/a 0 1",
        "16 8 linear /dev/a\\ b 0", "16 8 linear /dev/a#b 0", "x",
        "16 8 linear /dev/\xa0 0", "16 8 linear /dev/a -1", "16 8 linearx a 0",
        "16 8 linear /dev/a 18446744073709551616", "16 8 linear /dev/a 0x1"}) {
    EXPECT_FALSE(Taken(rows + last)) << last;
    EXPECT_FALSE(Taken(rows + last + "\n" + rows)) << last;
  }
  EXPECT_FALSE(Taken(""));
  EXPECT_FALSE(Taken("# nothing\n"));
  EXPECT_FALSE(Taken(rows + std::string("16 8 linear /dev/a 0\0\n", 22)));
}

// One byte of a table changed, left out or put in.
TEST(LinearText, AgreesOnSpoiltTables) {
  std::mt19937_64 random(2);
  const std::string alphabet = "0123456789 \n\t#-+\\alinear/:\xa0\r";
  int taken = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string text = RandomTable(random, 6);
    const size_t at = random() % text.size();
    const char c = alphabet[random() % alphabet.size()];
    switch (random() % 3) {
      case 0:
        text[at] = c;
        break;
      case 1:
        text.erase(at, 1);
        break;
      default:
        text.insert(at, 1, c);
    }
    taken += Taken(text) ? 1 : 0;
  }
  EXPECT_GT(taken, 3000);
  EXPECT_LT(taken, 17000);
}

}  // namespace
}  // namespace dmdax
