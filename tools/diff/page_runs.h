// SPDX-License-Identifier: Apache-2.0
//
// PageRun: pages of a device next to each other of which one rule says what a
// request gets; what two devices are compared by (page_diff.h).
//
//   DiffQuestions questions({.most_asked = 1000});
//   PageRunReader reader(query, /*nr_pages=*/512, &questions);
//   std::vector<PageRun> runs;
//   absl::Status s = reader.Read(0, query.nr_pages(), &runs);
//   // runs[0].FrameAt(0), runs[0].AnswerAt(0, 512)
//
// Where a request is cut by the end of a row, a chunk or the memory, a run
// ends; where max_sectors cuts it, a run has a `most` and goes on.
// Threading: as DaxQuery.
#ifndef DMDAX_TOOLS_DIFF_PAGE_RUNS_H_
#define DMDAX_TOOLS_DIFF_PAGE_RUNS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/status/status.h"
#include "tools/dax_query.h"
#include "tools/diff/page_diff.h"

namespace dmdax {

struct PageRun {
  uint64_t begin = 0, end = 0;  // pages
  // What a request for one page gets: the frame of the first page, of which
  // each other is as far away as it is; or -errno, of all.
  int64_t frame = 0;
  // The most pages that any request gets; or, if `fixed`, what each of nr_pages
  // gets, pages or -errno.
  int64_t most = std::numeric_limits<int64_t>::max();
  bool fixed = false;

  int64_t FrameAt(uint64_t page) const {
    return frame < 0 ? frame : frame + static_cast<int64_t>(page - begin);
  }
  int64_t AnswerAt(uint64_t page, int64_t nr_pages) const {
    if (fixed) return most;
    return std::min({nr_pages, most, static_cast<int64_t>(end - page)});
  }
};

// The questions that the readers of a comparison may still ask.
class DiffQuestions {
 public:
  explicit DiffQuestions(const DiffBounds& bounds)
      : bounds_(bounds), left_(bounds.most_asked) {}

  // One is asked, or more.
  void Ask(uint64_t questions = 1) {
    const uint64_t cost = questions * static_cast<uint64_t>(bounds_.levels);
    over_ |= cost > left_;
    left_ -= std::min(cost, left_);
  }
  // More were asked than there may be.
  bool over() const { return over_; }
  // EFBIG, in words for people.
  absl::Status TooMany() const;

 private:
  const DiffBounds bounds_;
  uint64_t left_;
  bool over_ = false;
};

class PageRunReader {
 public:
  // For requests of `nr_pages` (at least 1) at every page.  `query` and
  // `questions` outlive the reader.
  PageRunReader(const DaxQuery& query, int64_t nr_pages,
                DiffQuestions* questions);

  // The runs that begin before page `end`, from `begin` on, in order and
  // without gaps; the last may end behind `end`.  Pages behind the end of the
  // device have the errno that they get.  EINVAL: a target's dax_layout says
  // another frame than its direct_access, which the first few thousand runs are
  // asked for.  EFBIG: there are no questions left.
  absl::Status Read(uint64_t begin, uint64_t end, std::vector<PageRun>* runs);

 private:
  enum class Found { kRuns, kEachPage };

  Found ReadRuns(uint64_t begin, uint64_t end, std::vector<PageRun>* runs);
  void ReadPages(uint64_t begin, uint64_t end, std::vector<PageRun>* runs);
  Found Add(uint64_t page, const DaxExtent& extent,
            std::vector<PageRun>* runs) const;
  int64_t Ask(uint64_t page, int64_t nr_pages) const;
  absl::Status CompareWithChain(const std::vector<PageRun>& runs);

  const DaxQuery& query_;
  const int64_t nr_pages_;
  DiffQuestions* const questions_;
  size_t to_compare_ = 4096;
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DIFF_PAGE_RUNS_H_
