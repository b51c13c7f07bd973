// SPDX-License-Identifier: Apache-2.0
//
// What `dmdax translate DEVICE -` costs, from a file in memory to another:
//
//   stream:N/raw/...   u64s in, frames out (--raw --out raw)
//   stream:N/runs/...  u64s in, frames and pages out (--raw --out raw-runs)
//   stream:N/text/...  lines in and out
//
//   dmdax        a PageStream, with all processors
//   one_thread   the same in one thread
//   batch        TranslateBatch() of the same pages, from memory to memory
//   memcpy       the bytes of the input and of the output, copied
//   descriptors  the same bytes through read(2) and write(2)
//
// Times are of the clock on the wall, a page each.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/fd.h"
#include "base/read_input.h"
#include "bench/contenders.h"
#include "bench/families.h"
#include "tools/dax_query.h"
#include "tools/stream/page_stream.h"

namespace dmdax::bench {
namespace {

constexpr size_t kRounds = 8;  // a stream asks each query so often
constexpr size_t kBlock = size_t{64} << 10;  // of `descriptors`

// One kind of stream through one stack.
struct Case {
  std::string name;
  Stack* stack;
  AnswerForm form;
  bool text;  // of the input
  std::vector<pgoff_t> pages;
  std::string input, output;
  Fd in, out;
};

void Rewind(const Case& c) {
  lseek(c.in.get(), 0, SEEK_SET);
  lseek(c.out.get(), 0, SEEK_SET);
}

absl::Status Stream(const Case& c, size_t threads) {
  Rewind(c);
  const DaxQuery query = DaxQuery::Of(c.stack->shared_mapped());
  PageStream stream(query,
                    {.form = c.form, .out = c.out.get(), .threads = threads});
  return stream.Finish(c.text ? stream.AnswerText(c.in.get())
                              : stream.AnswerRaw(c.in.get()));
}

// What the stream should print, from TranslateBatch() and the C library.
std::string Expected(const Case& c) {
  std::vector<uint64_t> pfns(c.pages.size());
  std::vector<int64_t> rets(c.pages.size());
  c.stack->mapped().TranslateBatch(c.pages, absl::MakeSpan(pfns),
                                   absl::MakeSpan(rets));
  std::string out;
  for (size_t i = 0; i < pfns.size(); ++i) {
    if (c.form == AnswerForm::kText) {
      absl::StrAppend(&out, c.pages[i].value(), " pfn 0x", absl::Hex(pfns[i]),
                      " phys 0x", absl::Hex(pfns[i] << 12), " pages ", rets[i],
                      "\n");
      continue;
    }
    out.append(reinterpret_cast<const char*>(&pfns[i]), sizeof pfns[i]);
    if (c.form == AnswerForm::kRaw) continue;
    out.append(reinterpret_cast<const char*>(&rets[i]), sizeof rets[i]);
  }
  return out;
}

Fd MemoryFile(const std::string& bytes) {
  Fd fd(memfd_create("stream", MFD_CLOEXEC));
  if (write(fd.get(), bytes.data(), bytes.size()) !=
      static_cast<ssize_t>(bytes.size())) {
    perror("memfd_create");
    exit(1);
  }
  return fd;
}

void MustAgree(const Case& c) {
  for (size_t threads : {0, 1}) {
    const absl::Status s = Stream(c, threads);
    lseek(c.out.get(), 0, SEEK_SET);
    absl::StatusOr<std::string> out = ReadFd(c.out.get(), "output");
    if (s.ok() && out.ok() && *out == c.output) continue;
    fprintf(stderr, "%s: the stream prints something else\n", c.name.c_str());
    exit(1);
  }
}

template <typename Fn>
void Measure(const Case& c, const char* who, Fn fn) {
  benchmark::RegisterBenchmark(absl::StrCat(c.name, "/", who).c_str(),
                               [&c, fn](benchmark::State& state) {
                                 fn();
                                 const auto n =
                                     static_cast<int64_t>(c.pages.size());
                                 while (state.KeepRunningBatch(n)) {
                                   fn();
                                   benchmark::ClobberMemory();
                                 }
                               })
      ->UseRealTime();
}

void MeasureBatch(const Case& c) {
  auto pfns = std::make_shared<std::vector<uint64_t>>(c.pages.size());
  auto rets = std::make_shared<std::vector<int64_t>>(
      c.form == AnswerForm::kRaw ? 0 : c.pages.size());
  Measure(c, "batch", [&c, pfns, rets] {
    c.stack->mapped().TranslateBatch(c.pages, absl::MakeSpan(*pfns),
                                     absl::MakeSpan(*rets));
  });
}

void MeasureCopies(const Case& c) {
  auto copy =
      std::make_shared<std::string>(c.input.size() + c.output.size(), ' ');
  Measure(c, "memcpy", [&c, copy] {
    memcpy(copy->data(), c.input.data(), c.input.size());
    memcpy(copy->data() + c.input.size(), c.output.data(), c.output.size());
  });
  Measure(c, "descriptors", [&c] {
    Rewind(c);
    std::vector<char> block(kBlock);
    while (read(c.in.get(), block.data(), kBlock) > 0) {
    }
    for (size_t i = 0; i < c.output.size(); i += kBlock) {
      const size_t n = std::min(kBlock, c.output.size() - i);
      if (write(c.out.get(), c.output.data() + i, n) < 0) return;
    }
  });
}

void AddCase(size_t targets, Stack* stack, const char* measure, AnswerForm form,
             size_t n) {
  // They live as long as their benchmarks.
  static auto* cases = new std::vector<std::unique_ptr<Case>>;
  cases->push_back(std::make_unique<Case>());
  Case& c = *cases->back();
  c.name = absl::StrCat("stream:", targets, "/", measure);
  c.stack = stack;
  c.form = form;
  c.text = form == AnswerForm::kText;
  const absl::Span<const uint64_t> queries = stack->queries();
  for (size_t i = 0; i < n; ++i) {
    const uint64_t page = queries[i % queries.size()];
    c.pages.emplace_back(page);
    if (c.text) {
      absl::StrAppend(&c.input, page, "\n");
    } else {
      c.input.append(reinterpret_cast<const char*>(&page), sizeof page);
    }
  }
  c.output = Expected(c);
  c.in = MemoryFile(c.input);
  c.out = MemoryFile(c.output);
  MustAgree(c);
  Measure(c, "dmdax", [&c] { Stream(c, /*threads=*/0).IgnoreError(); });
  Measure(c, "one_thread", [&c] { Stream(c, /*threads=*/1).IgnoreError(); });
  MeasureBatch(c);
  MeasureCopies(c);
}

}  // namespace

void RegisterStreams(const Options& options) {
  static auto* stacks = new std::vector<std::unique_ptr<Stack>>;
  for (size_t targets : {1, 1024}) {
    if (targets > options.max_targets) continue;
    stacks->push_back(Stack::Wide(targets, options.queries));
    Stack* const stack = stacks->back().get();
    const size_t n = options.queries * kRounds;
    AddCase(targets, stack, "raw", AnswerForm::kRaw, n);
    AddCase(targets, stack, "runs", AnswerForm::kRawRuns, n);
    AddCase(targets, stack, "text", AnswerForm::kText, n);
  }
}

}  // namespace dmdax::bench
