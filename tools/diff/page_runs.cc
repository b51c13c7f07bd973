// SPDX-License-Identifier: Apache-2.0
#include "tools/diff/page_runs.h"

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/types/span.h"
#include "base/errno_status.h"

namespace dmdax {
namespace {

constexpr size_t kBlock = 4096;

std::string AnswerText(int64_t frame, int64_t answer) {
  return answer < 0 ? absl::StrCat("-", ErrnoName(static_cast<int>(-answer)))
                    : absl::StrFormat("pfn 0x%x and %d pages",
                                      static_cast<uint64_t>(frame), answer);
}

}  // namespace

absl::Status DiffQuestions::TooMany() const {
  return ErrnoError(
      EFBIG,
      absl::StrCat("a limit of dmdax: more than ",
                   bounds_.most_asked / static_cast<uint64_t>(bounds_.levels),
                   " pages or runs would have to be asked one by one: "
                   "too little of these devices repeats"));
}

PageRunReader::PageRunReader(const DaxQuery& query, int64_t nr_pages,
                             DiffQuestions* questions)
    : query_(query), nr_pages_(nr_pages), questions_(questions) {}

absl::Status PageRunReader::Read(uint64_t begin, uint64_t end,
                                 std::vector<PageRun>* runs) {
  runs->clear();
  const uint64_t last = std::min(end, query_.nr_pages());
  if (begin < last && ReadRuns(begin, last, runs) == Found::kEachPage) {
    runs->clear();
    ReadPages(begin, last, runs);
  }
  if (questions_->over()) return questions_->TooMany();
  if (absl::Status s = CompareWithChain(*runs); !s.ok()) return s;
  if (const uint64_t behind = std::max(begin, last); behind < end) {
    const int64_t err = Ask(query_.nr_pages(), 1);
    runs->push_back({behind, end, err, err, true});
  }
  return absl::OkStatus();
}

PageRunReader::Found PageRunReader::ReadRuns(uint64_t begin, uint64_t end,
                                             std::vector<PageRun>* runs) {
  // A request at the last page reaches so far.
  const uint64_t far =
      end + std::min(static_cast<uint64_t>(nr_pages_), query_.nr_pages() - end);
  std::vector<DaxExtent> extents(std::min<uint64_t>(kBlock, far - begin));
  uint64_t page = begin;
  for (uint64_t next = begin; next < far && !questions_->over();) {
    const size_t n = query_.Extents(&next, far, absl::MakeSpan(extents));
    questions_->Ask(n);
    for (size_t i = 0; i < n; ++i) {
      if (Add(page, extents[i], runs) == Found::kEachPage) {
        return Found::kEachPage;
      }
      page += extents[i].pages;
    }
  }
  while (!runs->empty() && runs->back().begin >= end) runs->pop_back();
  return Found::kRuns;
}

PageRunReader::Found PageRunReader::Add(uint64_t page, const DaxExtent& extent,
                                        std::vector<PageRun>* runs) const {
  PageRun* before = runs->empty() ? nullptr : &runs->back();
  const uint64_t end = page + extent.pages;
  if (extent.pfn < 0) {
    // It is that of a long request.  On some kernels a poisoned page is the end
    // of all requests that reach to it, so each page must be asked.
    if (extent.pages == 1 &&
        (Ask(page, 1) != extent.pfn || Ask(page, nr_pages_) != extent.pfn)) {
      return Found::kEachPage;
    }
    if (before != nullptr && before->fixed && before->frame == extent.pfn) {
      before->end = end;
    } else {
      runs->push_back({page, end, extent.pfn, extent.pfn, true});
    }
    return Found::kRuns;
  }
  const bool goes_on = before != nullptr && before->frame >= 0 &&
                       before->FrameAt(page) == extent.pfn &&
                       Ask(page - 1, 2) == 2;
  if (!goes_on) {
    runs->push_back({.begin = page, .end = end, .frame = extent.pfn});
    return Found::kRuns;
  }
  // A request that begins one page before gets more, so it was not an end that
  // cut the one before: it had as many pages as any may have.
  before->most =
      std::min(before->most, static_cast<int64_t>(page - before->begin));
  before->end = end;
  return Found::kRuns;
}

void PageRunReader::ReadPages(uint64_t begin, uint64_t end,
                              std::vector<PageRun>* runs) {
  std::vector<pgoff_t> pages(kBlock);
  std::vector<uint64_t> pfns(kBlock), ignored(kBlock);
  std::vector<int64_t> ones(kBlock), answers(kBlock);
  while (begin < end && !questions_->over()) {
    const size_t n = std::min<uint64_t>(kBlock, end - begin);
    questions_->Ask(2 * n);
    for (size_t i = 0; i < n; ++i) pages[i] = pgoff_t(begin + i);
    const auto asked = absl::MakeConstSpan(pages).subspan(0, n);
    query_.AskMany(asked, 1, absl::MakeSpan(pfns), absl::MakeSpan(ones));
    query_.AskMany(asked, nr_pages_, absl::MakeSpan(ignored),
                   absl::MakeSpan(answers));
    for (size_t i = 0; i < n; ++i) {
      const int64_t frame =
          ones[i] > 0 ? static_cast<int64_t>(pfns[i]) : ones[i];
      runs->push_back({begin + i, begin + i + 1, frame, answers[i], true});
    }
    begin += n;
  }
}

int64_t PageRunReader::Ask(uint64_t page, int64_t nr_pages) const {
  questions_->Ask();
  return query_.Ask(pgoff_t(page), nr_pages, nullptr).ret;
}

absl::Status PageRunReader::CompareWithChain(const std::vector<PageRun>& runs) {
  for (const PageRun& run : runs) {
    if (to_compare_ == 0) break;
    --to_compare_;
    Trace trace;
    const DaxAccess access = query_.Ask(pgoff_t(run.begin), nr_pages_, &trace);
    const auto frame = static_cast<int64_t>(access.pfn.value());
    const int64_t answer = run.AnswerAt(run.begin, nr_pages_);
    if (access.ret == answer && (answer < 0 || frame == run.frame)) continue;
    return ErrnoError(
        EINVAL,
        absl::StrCat(query_.bdev().name(), ": of page ", run.begin,
                     " a target's dax_layout says ",
                     AnswerText(run.frame, answer), ", its direct_access ",
                     AnswerText(frame, access.ret),
                     "; --chain asks direct_access alone"));
  }
  return absl::OkStatus();
}

}  // namespace dmdax
