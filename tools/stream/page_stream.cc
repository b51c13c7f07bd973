// SPDX-License-Identifier: Apache-2.0
#include "tools/stream/page_stream.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/errno_status.h"
#include "nlohmann/json.hpp"
#include "tools/check/too_deep.h"
#include "tools/print_json.h"

namespace dmdax {
namespace {

using Next = OrderedBlocks::Next;
using Wish = OrderedBlocks::Wish;

// Blocks that stay in a processor's own cache with all that is made of them,
// and are long enough that nobody sees the cost of a call (measured with the
// benchmark family `stream`).
constexpr size_t kTextBytes = size_t{32} << 10;
constexpr size_t kRawBytes = size_t{64} << 10;
constexpr size_t kPages = 4096;  // of Answer()
// More would wait for each other's reads and writes.
constexpr int kMostThreads = 4;

constexpr uint64_t kNoPfn = ~uint64_t{0};

// Processors that this process may run on.
size_t UsableProcessors() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return static_cast<size_t>(std::clamp(CPU_COUNT(&set), 1, kMostThreads));
}

std::string JsonText(absl::string_view text) {
  return nlohmann::json(std::string(text))
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string JsonHead(const std::string& not_dax) {
  std::string head = absl::StrCat("{\n  \"schema\": ", kJsonSchema,
                                  ",\n  \"kind\": \"translate\",\n");
  if (!not_dax.empty()) {
    absl::StrAppend(&head, "  \"not_dax\": ", JsonText(not_dax), ",\n");
  }
  absl::StrAppend(&head, "  \"pages\": [");
  return head;
}

std::string JsonTail(const absl::Status& error) {
  if (error.ok()) return "\n}\n";
  return absl::StrCat(
      ",\n  \"error\": {\"message\": ", JsonText(error.message()),
      ", \"errno\": \"", ErrnoName(ErrnoOf(error)), "\", \"rc\": 1}\n}\n");
}

}  // namespace

PageStream::PageStream(const DaxQuery& query, const PageStreamOptions& options)
    : query_(query),
      options_(options),
      threads_(options.threads != 0 ? options.threads : UsableProcessors()) {}

absl::Status PageStream::Answer(pgoff_t page) {
  given_.pages.push_back(page);
  return given_.pages.size() < kPages ? absl::OkStatus() : AnswerGiven();
}

absl::Status PageStream::AnswerGiven() {
  given_.count = given_.pages.size();
  Ask(given_);
  absl::Status s = Write(given_);
  given_.pages.clear();
  return s;
}

absl::Status PageStream::AnswerText(int fd) {
  const size_t bytes =
      options_.block_bytes != 0 ? options_.block_bytes : kTextBytes;
  return AnswerAll(fd, bytes,
                   [](StreamInput& input, int interrupted, Block& block) {
                     return input.ReadText(interrupted, &block.text);
                   });
}

absl::Status PageStream::AnswerRaw(int fd) {
  const size_t bytes =
      options_.block_bytes != 0 ? options_.block_bytes : kRawBytes;
  return AnswerAll(fd, bytes / sizeof(uint64_t) * sizeof(uint64_t),
                   [](StreamInput& input, int interrupted, Block& block) {
                     const Next next = input.ReadRaw(interrupted, &block.pages);
                     block.count = block.pages.size();
                     return next;
                   });
}

absl::Status PageStream::AnswerAll(int fd, size_t block_bytes, ReadBlock read) {
  if (absl::Status s = AnswerGiven(); !s.ok()) return s;
  StreamInput input(fd, block_bytes);
  std::vector<Block> blocks(threads_);
  TextPlace place;
  absl::Status written;
  OrderedBlocks ordered(
      {.read =
           [&](size_t i, int interrupted) {
             return read(input, interrupted, blocks[i]);
           },
       .work = [&](size_t i) { Work(blocks[i]); },
       .write =
           [&](size_t i) {
             written = Write(blocks[i]);
             place = place.Then(blocks[i].place);
             if (written.ok() && !blocks[i].no_page.ok()) {
               written = ErrnoError(
                   EINVAL, absl::StrCat("<stdin>:", place.newlines + 1, ":",
                                        place.bytes + 1, ": ",
                                        blocks[i].no_page.message()));
             }
             return written.ok() ? Wish::kGoOn : Wish::kStop;
           }});
  ordered.Run(threads_);
  return written.ok() ? input.status() : written;
}

void PageStream::Work(Block& block) const {
  const absl::string_view text = block.text.text();
  if (text.data() != nullptr) {
    const char* const end = text.data() + text.size();
    block.pages.resize(std::max(block.pages.size(), text.size() / 2 + 1));
    const PageWords words = ReadPageWords(text.data(), end, block.pages.data());
    block.count = words.count;
    block.no_page = words.stop == end
                        ? absl::OkStatus()
                        : ParsePage(PageWordAt(words.stop, end)).status();
    block.place = TextPlace::Of(
        {text.data(), static_cast<size_t>(words.stop - text.data())});
  }
  Ask(block);
}

void PageStream::Ask(Block& block) const {
  const auto pages = absl::MakeConstSpan(block.pages).first(block.count);
  block.pfns.resize(std::max(block.pfns.size(), block.count));
  const auto pfns = absl::MakeSpan(block.pfns).first(block.count);
  // Only frames: the fastest batches of all.
  const bool lengths = options_.form != AnswerForm::kRaw;
  block.rets.resize(std::max(block.rets.size(), lengths ? block.count : 0));
  const auto rets = absl::MakeSpan(block.rets).first(lengths ? block.count : 0);
  query_.AskMany(pages, options_.nr, pfns, rets);
  block.failures = FailuresOf(block);
  block.bytes.Fill(options_.form, pages, pfns, rets);
}

PageStream::Failures PageStream::FailuresOf(const Block& block) const {
  const auto pages = absl::MakeConstSpan(block.pages).first(block.count);
  Failures failures;
  // Without a jump, as there are none as a rule.
  size_t nr_failed = 0;
  for (size_t i = 0; i < block.count; ++i) {
    nr_failed += block.pfns[i] == kNoPfn ? 1 : 0;
  }
  for (size_t i = 0; nr_failed != 0 && i < block.count; ++i) {
    if (block.pfns[i] != kNoPfn) continue;
    --nr_failed;
    failures.any = true;
    if (failures.beyond.ok()) failures.beyond = query_.BeyondEnd(pages[i]);
    const int64_t ret = options_.form == AnswerForm::kRaw
                            ? query_.Ask(pages[i], options_.nr, nullptr).ret
                            : block.rets[i];
    if (ret == -ELOOP) failures.too_deep = true;
  }
  return failures;
}

absl::Status PageStream::Write(const Block& block) {
  failures_.any = failures_.any || block.failures.any;
  failures_.too_deep = failures_.too_deep || block.failures.too_deep;
  if (failures_.beyond.ok()) failures_.beyond = block.failures.beyond;
  absl::string_view bytes = block.bytes.view();
  if (bytes.empty()) return absl::OkStatus();
  if (options_.form == AnswerForm::kJson && first_) {
    absl::Status s = WriteBytes(JsonHead(query_.not_dax()));
    if (!s.ok()) return s;
    bytes.remove_prefix(1);  // no comma in front of the first
  }
  first_ = false;
  return WriteBytes(bytes);
}

absl::Status PageStream::WriteBytes(absl::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t n = write(options_.out, bytes.data(), bytes.size());
    if (n >= 0) {
      bytes.remove_prefix(static_cast<size_t>(n));
    } else if (errno != EINTR) {
      const int err = errno;
      return ErrnoError(err, absl::StrCat("cannot write to standard output: ",
                                          ErrnoText(err)));
    }
  }
  return absl::OkStatus();
}

absl::Status PageStream::Finish(const absl::Status& input) {
  absl::Status written = AnswerGiven();
  if (written.ok() && options_.form == AnswerForm::kJson) {
    written = WriteBytes(absl::StrCat(
        first_ ? JsonHead(query_.not_dax()) + "]" : "\n  ]", JsonTail(input)));
  }
  return input.ok() ? written : input;
}

std::vector<std::string> PageStream::notes() const {
  std::vector<std::string> notes;
  if (!failures_.beyond.ok()) {
    notes.emplace_back(failures_.beyond.message());
  }
  if (failures_.too_deep) notes.emplace_back(StackTooDeep().message());
  return notes;
}

}  // namespace dmdax
