// SPDX-License-Identifier: Apache-2.0
#include "tools/stream/answer_bytes.h"

#include <bit>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "tools/print_json.h"
#include "tools/stream/answer_lines.h"

namespace dmdax {
namespace {

struct RawRun {
  uint64_t pfn;
  int64_t ret;
};

// A pfn has the layout of its number, so an array of them is what kRaw prints.
static_assert(std::endian::native == std::endian::little,
              "the raw forms are little-endian");

void AppendJson(uint64_t page, uint64_t pfn, int64_t ret, std::string* out) {
  absl::StrAppend(out, ",\n    {\"pgoff\": ", JsonNumber(page));
  if (ret < 0) {
    absl::StrAppend(out, ", \"errno\": \"", ErrnoName(static_cast<int>(-ret)),
                    "\"}");
  } else {
    absl::StrAppend(out, ", \"pfn\": ", pfn,
                    ", \"phys\": ", JsonNumber(PfnPhys(pfn_t(pfn))),
                    ", \"pages\": ", ret, "}");
  }
}

}  // namespace

char* AnswerBytes::Room(size_t bytes) {
  if (room_ < bytes) {
    memory_ = std::make_unique_for_overwrite<char[]>(bytes);
    room_ = bytes;
  }
  return memory_.get();
}

void AnswerBytes::Fill(AnswerForm form, absl::Span<const pgoff_t> pages,
                       absl::Span<const uint64_t> pfns,
                       absl::Span<const int64_t> rets) {
  const size_t n = pages.size();
  switch (form) {
    case AnswerForm::kText: {
      char* const begin = Room(n * kLongestAnswerLine);
      char* const end = PutAnswerLines(begin, pages, pfns, rets);
      view_ = {begin, static_cast<size_t>(end - begin)};
      return;
    }
    case AnswerForm::kJson:
      json_.clear();
      for (size_t i = 0; i < n; ++i) {
        AppendJson(pages[i].value(), pfns[i], rets[i], &json_);
      }
      view_ = json_;
      return;
    case AnswerForm::kRaw:
      view_ = {reinterpret_cast<const char*>(pfns.data()),
               n * sizeof(uint64_t)};
      return;
    case AnswerForm::kRawRuns: {
      char* const begin = Room(n * sizeof(RawRun));
      for (size_t i = 0; i < n; ++i) {
        const RawRun run = {pfns[i], rets[i]};
        memcpy(begin + i * sizeof run, &run, sizeof run);
      }
      view_ = {begin, n * sizeof(RawRun)};
      return;
    }
  }
}

}  // namespace dmdax
