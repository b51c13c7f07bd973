// SPDX-License-Identifier: Apache-2.0
//
// dmdax translate: page offsets to page frames, one or millions.
#include <cstring>
#include <iostream>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/errno_status.h"
#include "tools/app.h"
#include "tools/dax_query.h"

namespace dmdax {
namespace {

struct TranslateOptions {
  std::string device;
  std::vector<std::string> pages;
  int64_t nr = 1;
  bool raw = false;
};

// Writes answers in blocks, so that a stream of millions is not a stream of
// millions of system calls.
class AnswerWriter {
 public:
  AnswerWriter(const DaxQuery& query, int64_t nr, bool json)
      : query_(query), nr_(nr), json_(json) {
    if (json_) buffer_ = "[";
  }

  void Answer(pgoff_t pgoff) {
    const DaxAccess a = query_.Ask(pgoff, nr_, nullptr);
    if (a.ret < 0) failed_ = true;
    json_ ? Json(pgoff, a) : Text(pgoff, a);
    if (buffer_.size() > kBlock) Flush();
  }

  // True: every page had an address.
  bool Finish() {
    if (json_) absl::StrAppend(&buffer_, first_ ? "]\n" : "\n]\n");
    Flush();
    return !failed_;
  }

 private:
  static constexpr size_t kBlock = 1 << 16;

  void Text(pgoff_t pgoff, const DaxAccess& a) {
    if (a.ret < 0) {
      absl::StrAppend(&buffer_, pgoff.value(), " -",
                      ErrnoName(static_cast<int>(-a.ret)), "\n");
    } else {
      absl::StrAppend(&buffer_, pgoff.value(), " pfn 0x",
                      absl::Hex(a.pfn.value()), " phys 0x",
                      absl::Hex(PfnPhys(a.pfn)), " pages ", a.ret, "\n");
    }
  }

  void Json(pgoff_t pgoff, const DaxAccess& a) {
    absl::StrAppend(&buffer_, first_ ? "\n" : ",\n",
                    "  {\"pgoff\": ", pgoff.value());
    first_ = false;
    if (a.ret < 0) {
      absl::StrAppend(&buffer_, ", \"errno\": \"",
                      ErrnoName(static_cast<int>(-a.ret)), "\"}");
    } else {
      absl::StrAppend(&buffer_, ", \"pfn\": ", a.pfn.value(),
                      ", \"phys\": ", PfnPhys(a.pfn), ", \"pages\": ", a.ret,
                      "}");
    }
  }

  void Flush() {
    std::cout.write(buffer_.data(),
                    static_cast<std::streamsize>(buffer_.size()));
    buffer_.clear();
  }

  const DaxQuery& query_;
  const int64_t nr_;
  const bool json_;
  bool first_ = true;
  bool failed_ = false;
  std::string buffer_;
};

absl::StatusOr<pgoff_t> ParsePage(absl::string_view text) {
  uint64_t page = 0;
  const bool ok = absl::StartsWith(text, "0x")
                      ? absl::SimpleHexAtoi(text, &page)
                      : absl::SimpleAtoi(text, &page);
  if (!ok) {
    return ErrnoError(EINVAL, absl::StrCat("'", text.substr(0, 40),
                                           "' is not a page offset (0 to "
                                           "2^64-1, decimal or 0x...)"));
  }
  return pgoff_t(page);
}

// Text on standard input: page offsets separated by white space.
absl::Status StreamText(AnswerWriter& writer) {
  std::string word;
  uint64_t line = 1, column = 0, word_column = 0;
  constexpr size_t kLongest = 64;
  auto answer = [&]() -> absl::Status {
    if (word.empty()) return absl::OkStatus();
    absl::StatusOr<pgoff_t> page = ParsePage(word);
    word.clear();
    if (!page.ok()) {
      return ErrnoError(EINVAL, absl::StrCat("<stdin>:", line, ":", word_column,
                                             ": ", page.status().message()));
    }
    writer.Answer(*page);
    return absl::OkStatus();
  };
  std::vector<char> block(1 << 16);
  while (true) {
    std::cin.read(block.data(), static_cast<std::streamsize>(block.size()));
    const std::streamsize n = std::cin.gcount();
    if (n == 0) break;
    for (std::streamsize i = 0; i < n; ++i) {
      const char c = block[static_cast<size_t>(i)];
      ++column;
      if (!absl::ascii_isspace(static_cast<unsigned char>(c))) {
        if (word.empty()) word_column = column;
        word.push_back(c);
        if (word.size() <= kLongest) continue;
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

// Raw little-endian u64s on standard input.
absl::Status StreamRaw(AnswerWriter& writer) {
  std::vector<char> block(1 << 16);
  uint64_t at = 0;
  while (true) {
    std::cin.read(block.data(), static_cast<std::streamsize>(block.size()));
    const size_t n = static_cast<size_t>(std::cin.gcount());
    for (size_t i = 0; i + 8 <= n; i += 8) {
      uint64_t page = 0;
      for (size_t byte = 8; byte-- > 0;) {
        page = page << 8 | static_cast<unsigned char>(block[i + byte]);
      }
      writer.Answer(pgoff_t(page));
    }
    at += n;
    if (n % 8 != 0) {
      return ErrnoError(EINVAL, absl::StrCat("<stdin>: ends at byte ", at,
                                             ", in the middle of a u64"));
    }
    if (n < block.size()) return absl::OkStatus();
  }
}

absl::Status AnswerAll(const TranslateOptions& o, AnswerWriter& writer) {
  for (const std::string& text : o.pages) {
    if (text == "-") {
      absl::Status s = o.raw ? StreamRaw(writer) : StreamText(writer);
      if (!s.ok()) return s;
      continue;
    }
    absl::StatusOr<pgoff_t> page = ParsePage(text);
    if (!page.ok()) return page.status();
    writer.Answer(*page);
  }
  return absl::OkStatus();
}

void Translate(App& app, const TranslateOptions& o) {
  absl::StatusOr<Session> session = app.Ask();
  if (!session.ok()) return app.Report(session.status());
  absl::StatusOr<DaxQuery> query = DaxQuery::Create(*session, o.device);
  if (!query.ok()) return app.Report(query.status());
  if (!query->not_dax().empty()) {
    std::cerr << "dmdax: " << o.device << " is not DAX: " << query->not_dax()
              << "\n";
  }
  AnswerWriter writer(*query, o.nr, app.json);
  const absl::Status s = AnswerAll(o, writer);
  if (!writer.Finish()) app.exit_code = 1;
  app.Report(s);
}

}  // namespace

void RegisterTranslate(CLI::App& cli, App& app) {
  auto o = std::make_shared<TranslateOptions>();
  CLI::App* verb = cli.add_subcommand(
      "translate",
      "Page offsets of a device to page frames.\n\n"
      "  dmdax translate home 0 512 1024\n"
      "  dmdax translate home 0 --nr 512         (ask for 512 pages)\n"
      "  seq 0 999999 | dmdax translate home -   (one per word)\n"
      "  dmdax translate home - --raw < pages    (little-endian u64)\n\n"
      "Each answer is one line: the page offset, then the page frame, the\n"
      "physical address and how many pages from there are contiguous (at\n"
      "most --nr), or the error.  Exit 1 if any page had none.");
  verb->add_option("DEVICE", o->device, "Name, path or major:minor")
      ->required();
  verb->add_option("PGOFF", o->pages, "Page offsets, or - for standard input")
      ->required();
  verb->add_option("--nr", o->nr, "Pages to ask for")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 52));
  verb->add_flag("--raw", o->raw, "Standard input is little-endian u64s");
  verb->callback([o, &app] { Translate(app, *o); });
}

}  // namespace dmdax
