// SPDX-License-Identifier: Apache-2.0
#include "tests/stream/slow_stream.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/errno_status.h"

namespace dmdax {
namespace {

std::optional<uint64_t> NumberOf(const std::string& word) {
  if (word.size() > 64) return std::nullopt;
  const bool hex =
      word.size() > 1 && word[0] == '0' && (word[1] == 'x' || word[1] == 'X');
  const std::string digits = hex ? word.substr(2) : word;
  if (digits.empty()) return std::nullopt;
  unsigned __int128 value = 0;
  for (const char c : digits) {
    const std::string known = hex ? "0123456789abcdef" : "0123456789";
    const size_t digit =
        known.find(c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c);
    if (digit == known.npos) return std::nullopt;
    value = value * known.size() + digit;
    if (value > UINT64_MAX) return std::nullopt;
  }
  return static_cast<uint64_t>(value);
}

void PutLittle(uint64_t n, std::string& out) {
  for (int i = 0; i < 8; ++i) out.push_back(static_cast<char>(n >> 8 * i));
}

void Answer(const DaxQuery& query, int64_t nr, AnswerForm form, uint64_t page,
            SlowAnswers& answers) {
  const DaxAccess access = query.Ask(pgoff_t(page), nr, nullptr);
  const bool found = access.ret > 0;
  answers.all_have_addresses = answers.all_have_addresses && found;
  const uint64_t pfn = found ? access.pfn.value() : ~uint64_t{0};
  std::string& out = answers.out;
  switch (form) {
    case AnswerForm::kText:
      out += found ? absl::StrFormat("%d pfn 0x%x phys 0x%x pages %d\n", page,
                                     pfn, pfn * 4096, access.ret)
                   : absl::StrFormat("%d -%s\n", page,
                                     ErrnoName(static_cast<int>(-access.ret)));
      return;
    case AnswerForm::kRawRuns:
      PutLittle(pfn, out);
      PutLittle(static_cast<uint64_t>(access.ret), out);
      return;
    case AnswerForm::kRaw:
      PutLittle(pfn, out);
      return;
    case AnswerForm::kJson:
      return;  // tests/golden/json.txt
  }
}

}  // namespace

SlowAnswers SlowText(const DaxQuery& query, int64_t nr, AnswerForm form,
                     const std::string& input) {
  const std::string spaces = " \t\n\v\f\r";
  SlowAnswers answers;
  std::string word;
  int line = 1, column = 1, word_column = 1;
  for (const char c : input + "\n") {
    if (spaces.find(c) == spaces.npos) {
      if (word.empty()) word_column = column;
      word += c;
    } else if (!word.empty()) {
      const std::optional<uint64_t> page = NumberOf(word);
      if (!page) {
        answers.error = absl::StrCat(
            "<stdin>:", line, ":", word_column, ": '", word.substr(0, 40),
            word.size() > 64 ? "...' is not a page offset: it has "
                               "more than 64 bytes"
                             : "' is not a page offset (0 to "
                               "2^64-1, decimal or 0x...)");
        return answers;
      }
      Answer(query, nr, form, *page, answers);
      word.clear();
    }
    ++column;
    if (c == '\n') {
      ++line;
      column = 1;
    }
  }
  return answers;
}

SlowAnswers SlowRaw(const DaxQuery& query, int64_t nr, AnswerForm form,
                    const std::string& input) {
  SlowAnswers answers;
  for (size_t i = 0; i + 8 <= input.size(); i += 8) {
    uint64_t page = 0;
    for (size_t byte = 8; byte-- > 0;) {
      page = page << 8 | static_cast<unsigned char>(input[i + byte]);
    }
    Answer(query, nr, form, page, answers);
  }
  if (input.size() % 8 != 0) {
    answers.error = absl::StrCat("<stdin>: ends at byte ", input.size(),
                                 ", in the middle of a u64");
  }
  return answers;
}

}  // namespace dmdax
