// SPDX-License-Identifier: Apache-2.0
#include "tools/page_stream.h"

#include <bit>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <iostream>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/read_input.h"
#include "formats/plain_digits.h"
#include "nlohmann/json.hpp"
#include "tools/byte_count.h"
#include "tools/check/too_deep.h"
#include "tools/print_json.h"
#include "tools/tell.h"

namespace dmdax {
namespace {

constexpr size_t kBlock = 1 << 16;  // bytes read or written at once
constexpr char kInput[] = "<stdin>";
constexpr size_t kLongestWord = 64;
constexpr size_t kLongestLine = 128;

// Numbers and words put behind each other, without a test for room.
class LineWriter {
 public:
  explicit LineWriter(char* at) : at_(at) {}
  char* end() const { return at_; }

  template <size_t n>
  LineWriter& Put(const char (&text)[n]) {
    memcpy(at_, text, n - 1);
    at_ += n - 1;
    return *this;
  }
  LineWriter& Decimal(uint64_t n) {
    at_ = std::to_chars(at_, at_ + 20, n).ptr;
    return *this;
  }
  LineWriter& Hex(uint64_t n) {
    const int digits = n == 0 ? 1 : (std::bit_width(n) + 3) / 4;
    for (int i = digits; i-- > 0; n >>= 4) at_[i] = "0123456789abcdef"[n & 15];
    at_ += digits;
    return *this;
  }

 private:
  char* at_;
};

// A decimal number and the white space behind it, at `at`: the number's
// digits, or 0 when it is anything else.
size_t PlainNumber(const char* at, const char* end, uint64_t* value) {
  const size_t digits = PlainDigits(at, end, value);
  const bool ends = at + digits < end &&
                    absl::ascii_isspace(static_cast<unsigned char>(at[digits]));
  return ends ? digits : 0;
}

std::string JsonText(absl::string_view text) {
  return nlohmann::json(std::string(text))
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

absl::StatusOr<pgoff_t> ParsePage(absl::string_view text) {
  const std::optional<uint64_t> page = ParseNumber(text);
  if (!page) {
    return ErrnoError(EINVAL, absl::StrCat("'", text.substr(0, 40),
                                           "' is not a page offset (0 to "
                                           "2^64-1, decimal or 0x...)"));
  }
  return pgoff_t(*page);
}

PageStream::PageStream(const DaxQuery& query, int64_t nr, bool json)
    : query_(query), nr_(nr), json_(json), pfns_(kPages), rets_(kPages) {
  pages_.reserve(kPages);
  if (!json_) return;
  out_ = absl::StrCat("{\n  \"schema\": ", kJsonSchema,
                      ",\n  \"kind\": \"translate\",\n");
  if (!query_.not_dax().empty()) {
    absl::StrAppend(&out_, "  \"not_dax\": ", JsonText(query_.not_dax()),
                    ",\n");
  }
  absl::StrAppend(&out_, "  \"pages\": [");
}

// A word is usually a plain number inside the block, and is read where it lies.
// Any other word, and one that goes on in the next block, is collected first.
absl::Status PageStream::AnswerText(int fd) {
  std::string word;
  uint64_t line = 1, column = 0, word_column = 0;
  auto answer = [&]() -> absl::Status {
    if (word.empty()) return absl::OkStatus();
    absl::StatusOr<pgoff_t> page = ParsePage(word);
    word.clear();
    if (!page.ok()) {
      return ErrnoError(EINVAL, absl::StrCat("<stdin>:", line, ":", word_column,
                                             ": ", page.status().message()));
    }
    Answer(*page);
    return absl::OkStatus();
  };
  std::vector<char> block(kBlock);
  while (true) {
    absl::StatusOr<size_t> n =
        ReadBlock(fd, kInput, block.data(), block.size());
    if (!n.ok()) return n.status();
    if (*n == 0) break;
    const char* const end = block.data() + *n;
    for (const char* at = block.data(); at < end; ++at) {
      if (word.empty()) {
        uint64_t page = 0;
        if (const size_t digits = PlainNumber(at, end, &page)) {
          Answer(pgoff_t(page));
          at += digits;  // the white space is dealt with below
          column += digits;
        }
      }
      const char c = *at;
      ++column;
      if (!absl::ascii_isspace(static_cast<unsigned char>(c))) {
        if (word.empty()) word_column = column;
        word.push_back(c);
        if (word.size() <= kLongestWord) continue;
      }
      if (absl::Status s = answer(); !s.ok()) return s;
      if (c == '\n') {
        ++line;
        column = 0;
      }
    }
  }
  return answer();
}

absl::Status PageStream::AnswerRaw(int fd) {
  std::vector<char> block(kBlock);
  uint64_t at = 0;
  while (true) {
    absl::StatusOr<size_t> read =
        ReadBlock(fd, kInput, block.data(), block.size());
    if (!read.ok()) return read.status();
    const size_t n = *read;
    for (size_t i = 0; i + 8 <= n; i += 8) {
      uint64_t page = 0;
      for (size_t byte = 8; byte-- > 0;) {
        page = page << 8 | static_cast<unsigned char>(block[i + byte]);
      }
      Answer(pgoff_t(page));
    }
    at += n;
    if (n % 8 != 0) {
      return ErrnoError(EINVAL, absl::StrCat("<stdin>: ends at byte ", at,
                                             ", in the middle of a u64"));
    }
    if (n < block.size()) return absl::OkStatus();
  }
}

bool PageStream::Finish(const absl::Status& input) {
  AskAll();
  if (json_) {
    absl::StrAppend(&out_, first_ ? "]" : "\n  ]");
    if (!input.ok()) {
      absl::StrAppend(
          &out_, ",\n  \"error\": {\"message\": ", JsonText(input.message()),
          ", \"errno\": \"", ErrnoName(ErrnoOf(input)), "\", \"rc\": 1}");
    }
    absl::StrAppend(&out_, "\n}\n");
  }
  Flush();
  if (!beyond_.ok()) Tell(beyond_.message());
  if (too_deep_) Tell(StackTooDeep().message());
  return !failed_;
}

void PageStream::AskAll() {
  query_.AskMany(pages_, nr_, absl::MakeSpan(pfns_), absl::MakeSpan(rets_));
  for (size_t i = 0; i < pages_.size(); ++i) {
    if (rets_[i] < 0) {
      failed_ = true;
      if (beyond_.ok()) beyond_ = query_.BeyondEnd(pages_[i]);
    }
    if (rets_[i] == -ELOOP) too_deep_ = true;
    json_ ? Json(pages_[i], pfns_[i], rets_[i])
          : Text(pages_[i], pfns_[i], rets_[i]);
    if (out_.size() > kBlock) Flush();
  }
  pages_.clear();
}

void PageStream::Text(pgoff_t page, uint64_t pfn, int64_t ret) {
  if (ret < 0) {
    absl::StrAppend(&out_, page.value(), " -",
                    ErrnoName(static_cast<int>(-ret)), "\n");
    return;
  }
  char line[kLongestLine];
  LineWriter writer(line);
  writer.Decimal(page.value())
      .Put(" pfn 0x")
      .Hex(pfn)
      .Put(" phys 0x")
      .Hex(PfnPhys(pfn_t(pfn)))
      .Put(" pages ")
      .Decimal(static_cast<uint64_t>(ret))
      .Put("\n");
  out_.append(line, static_cast<size_t>(writer.end() - line));
}

void PageStream::Json(pgoff_t page, uint64_t pfn, int64_t ret) {
  absl::StrAppend(&out_, first_ ? "\n" : ",\n",
                  "    {\"pgoff\": ", JsonNumber(page.value()));
  first_ = false;
  if (ret < 0) {
    absl::StrAppend(&out_, ", \"errno\": \"", ErrnoName(static_cast<int>(-ret)),
                    "\"}");
  } else {
    absl::StrAppend(&out_, ", \"pfn\": ", pfn,
                    ", \"phys\": ", JsonNumber(PfnPhys(pfn_t(pfn))),
                    ", \"pages\": ", ret, "}");
  }
}

void PageStream::Flush() {
  std::cout.write(out_.data(), static_cast<std::streamsize>(out_.size()));
  out_.clear();
}

}  // namespace dmdax
