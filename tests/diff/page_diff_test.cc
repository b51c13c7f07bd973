// SPDX-License-Identifier: Apache-2.0
//
// DiffPages() counts what a comparison page by page counts, whatever stands on
// what.
#include "tools/diff/page_diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/errno_status.h"
#include "base/kernel_profile.h"
#include "formats/world_format.h"
#include "state/world_load.h"
#include "tests/property/random_table.h"
#include "tests/property/seeds.h"
#include "tests/testing.h"

namespace dmdax {
namespace {

using property::Dice;

constexpr uint64_t kPmemPages = 6000;

// A machine in words, of which parts can be drawn anew.
class RandomMachine {
 public:
  explicit RandomMachine(uint64_t seed) : dice_(seed) {
    const auto kernels = AllKernelProfiles();
    kernel_ = kernels[dice_.Range(0, kernels.size() - 1)].name;
    for (int i = 0; i < 2; ++i) {
      DrawMemory(i);
      low_.push_back(DrawRows("/dev/pmem", 2));
    }
    for (int i = 0; i < 2; ++i) {
      top_.push_back(dice_.Percent(70) ? DrawRows("/dev/mapper/low", 2)
                                       : DrawRows("/dev/pmem", 2));
    }
  }

  // Another machine, much like this one.
  void Change() {
    const size_t i = dice_.Range(0, 1);
    switch (dice_.Range(0, 3)) {
      case 0:
        return DrawMemory(i);
      case 1:
        low_[i] = DrawRows("/dev/pmem", 2);
        return;
      case 2:
        max_sectors_kb_ = dice_.OneOf({4, 8, 1280});
        return;
      default:
        kernel_ = AllKernelProfiles()[0].name;
    }
  }

  std::string Text() const {
    std::string text = absl::StrCat("kernel: \"", kernel_, "\"\n");
    for (const std::string& bad : bad_) absl::StrAppend(&text, bad);
    for (size_t i = 0; i < low_.size(); ++i) Mapped("low", i, low_[i], &text);
    for (size_t i = 0; i < top_.size(); ++i) Mapped("top", i, top_[i], &text);
    return text;
  }

 private:
  void DrawMemory(size_t i) {
    bad_.resize(2);
    std::string& text = bad_[i];
    text = absl::StrCat("pmem { name: \"pmem", i, "\" base: ",
                        0x100000000 + i * 0x10000000 + dice_.Range(0, 2) * 4096,
                        " size: ", kPmemPages * 4096);
    for (int n = dice_.Percent(40) ? 2 : 0; n > 0; --n) {
      absl::StrAppend(
          &text, " badblocks { sector: ", dice_.Range(0, kPmemPages * 8 - 20),
          " count: ", dice_.Range(1, 12), " }");
    }
    absl::StrAppend(&text, " }\n");
  }

  std::string DrawRows(const std::string& below, uint64_t devices) {
    std::string rows;
    uint64_t start = 0;
    const uint64_t count = dice_.OneOf({1, 1, 2, 5});
    for (uint64_t n = 0; n < count; ++n) {
      const uint64_t kind = dice_.Range(0, 9);
      uint64_t length = dice_.Range(1, 1500) * 8;
      std::string spec;
      const auto device = [&](uint64_t number) {
        return absl::StrCat("\"", below, number % devices, "\"");
      };
      const uint64_t begin =
          dice_.Percent(90) ? dice_.Range(0, 400) * 8 : dice_.Range(0, 3200);
      if (kind == 0) {
        spec = "error {}";
      } else if (kind < 5) {
        if (dice_.Percent(20)) length += dice_.Range(1, 7);
        spec = absl::StrCat("linear { device: ", device(dice_.Range(0, 1)),
                            " start: ", begin, " }");
      } else {
        const uint64_t chunk = dice_.OneOf({8, 16, 24, 64, 4096, 12});
        length = std::max<uint64_t>(1, length / (2 * chunk)) * 2 * chunk;
        const uint64_t first = dice_.Range(0, 1);
        spec = absl::StrCat("striped { chunk: ", chunk,
                            " stripe { device: ", device(first),
                            " start: ", begin, " } stripe { device: ",
                            device(dice_.Percent(80) ? first + 1 : first),
                            " start: ", dice_.Range(0, 400) * 8, " } }");
      }
      absl::StrAppend(&rows, "  target { start: ", start, " length: ", length,
                      " ", spec, " }\n");
      start += length;
    }
    return rows;
  }

  void Mapped(const char* name, size_t i, const std::string& rows,
              std::string* text) const {
    absl::StrAppend(text, "mapped_device { name: \"", name, i, "\"");
    if (max_sectors_kb_ != 0) {
      absl::StrAppend(text, " max_sectors_kb: ", max_sectors_kb_);
    }
    absl::StrAppend(text, " table {\n", rows, "} }\n");
  }

  Dice dice_;
  std::string kernel_;
  uint64_t max_sectors_kb_ = 0;
  std::vector<std::string> bad_, low_, top_;
};

absl::StatusOr<Session> SessionOf(const std::string& text) {
  absl::StatusOr<ParsedWorld> parsed = ParseWorld(text, "test");
  if (!parsed.ok()) return parsed.status();
  return LoadWorld(parsed->world);
}

int64_t FrameOf(const DaxAccess& answer) {
  return answer.ret > 0 ? static_cast<int64_t>(answer.pfn.value()) : answer.ret;
}

void Count(uint64_t page, PageDiff::Count* count) {
  if (count->pages++ == 0) count->first = page;
}

PageDiff NaiveDiff(const DaxQuery& a, const DaxQuery& b, int64_t nr_pages) {
  PageDiff diff{.pages = std::max(a.nr_pages(), b.nr_pages())};
  for (uint64_t page = 0; page < diff.pages; ++page) {
    const auto ask = [&](const DaxQuery& query, int64_t nr) {
      // Behind its end all pages are as the first.
      return query.Ask(pgoff_t(std::min(page, query.nr_pages())), nr, nullptr);
    };
    if (FrameOf(ask(a, 1)) != FrameOf(ask(b, 1))) {
      Count(page, &diff.frames);
    } else if (ask(a, nr_pages).ret != ask(b, nr_pages).ret) {
      Count(page, &diff.runs);
    }
  }
  return diff;
}

std::string Text(const PageDiff& diff) {
  return absl::StrCat(diff.pages, " pages; frames ", diff.frames.pages,
                      " from ", diff.frames.first, "; runs ", diff.runs.pages,
                      " from ", diff.runs.first);
}

struct Tally {
  int pairs = 0, equal = 0, frames = 0, runs = 0;
};

void Compare(const Session& x, const std::string& a, const Session& y,
             const std::string& b, Tally* tally) {
  absl::StatusOr<DaxQuery> left = DaxQuery::Create(x, a);
  absl::StatusOr<DaxQuery> right = DaxQuery::Create(y, b);
  if (!left.ok() || !right.ok()) return;
  for (const int64_t nr : {1, 8, 512}) {
    const PageDiff naive = NaiveDiff(*left, *right, nr);
    for (const DiffBy by : {DiffBy::kLayout, DiffBy::kChain}) {
      absl::StatusOr<PageDiff> diff = DiffPages(*left, *right, nr, by);
      ASSERT_THAT(diff.status(), IsOk());
      ASSERT_EQ(Text(*diff), Text(naive))
          << a << " and " << b << " by " << nr << " pages, "
          << (by == DiffBy::kLayout ? "layout" : "chain");
    }
    ++tally->pairs;
    tally->equal += naive.equal();
    tally->frames += naive.frames.pages != 0;
    tally->runs += naive.runs.pages != 0;
  }
}

void Visit(uint64_t seed, Tally* tally) {
  RandomMachine machine(seed);
  const std::string text = machine.Text();
  absl::StatusOr<Session> first = SessionOf(text);
  if (!first.ok()) return;  // the kernel does not take it
  SCOPED_TRACE(absl::StrCat("DMDAX_PROPERTY_SEEDS=", seed, "\n", text));
  Compare(*first, "top0", *first, "top1", tally);
  Compare(*first, "low0", *first, "pmem0", tally);
  for (int i = 0; i < 3; ++i) {
    machine.Change();
    absl::StatusOr<Session> second = SessionOf(machine.Text());
    if (!second.ok()) continue;
    SCOPED_TRACE(machine.Text());
    Compare(*first, "top0", *second, "top0", tally);
    Compare(*first, "low1", *second, "low1", tally);
  }
}

TEST(PageDiffTest, CountsWhatPageByPageCounts) {
  constexpr uint64_t kLastSeed = 29;
  Tally tally;
  const std::vector<uint64_t> seeds = property::Seeds(0, kLastSeed);
  for (const uint64_t seed : seeds) {
    ASSERT_NO_FATAL_FAILURE(Visit(seed, &tally));
  }
  printf("%d pairs, %d equal, %d with other frames, %d with other runs\n",
         tally.pairs, tally.equal, tally.frames, tally.runs);
  if (seeds.size() <= kLastSeed) return;
  EXPECT_GT(tally.equal, 40);
  EXPECT_GT(tally.frames, 100);
  EXPECT_GT(tally.runs, 10);
}

// Of what does not repeat each page or run must be asked.
TEST(PageDiffTest, NoMoreQuestionsThanThereMayBe) {
  absl::StatusOr<Session> session = SessionOf(
      "pmem { name: \"pmem0\" base: 0x100000000 size: 0x4000000000 }\n"
      "mapped_device { name: \"a\" table { target { length: 0x10000000 "
      "striped { chunk: 8 stripe { device: \"/dev/pmem0\" } stripe { device: "
      "\"/dev/pmem0\" start: 0x10000000 } } } } }\n");
  ASSERT_THAT(session.status(), IsOk());
  absl::StatusOr<DaxQuery> a = DaxQuery::Create(*session, "a");
  ASSERT_THAT(a.status(), IsOk());
  const DiffBounds bounds{.most_asked = 1 << 20, .levels = 2};
  EXPECT_THAT(DiffPages(*a, *a, 512, DiffBy::kLayout, bounds).status(), IsOk());
  const absl::Status refused =
      DiffPages(*a, *a, 512, DiffBy::kChain, bounds).status();
  EXPECT_EQ(ErrnoOf(refused), EFBIG);
  EXPECT_THAT(std::string(refused.message()),
              testing::HasSubstr("a limit of dmdax: more than 524288 pages"));
}

// What repeats is not walked: page by page this would take days.
TEST(PageDiffTest, APebibyteOfStripesIsTwoPeriods) {
  const auto striped = [](int swapped, uint64_t start) {
    return absl::StrCat(
        "  table { target { length: 0x10000000000 striped { chunk: 8 stripe { "
        "device: \"/dev/pmem",
        swapped, "\" start: ", start, " } stripe { device: \"/dev/pmem",
        1 - swapped, "\" start: 8 } } } } }\n");
  };
  absl::StatusOr<Session> session = SessionOf(absl::StrCat(
      "pmem { name: \"pmem0\" base: 0x100000000 size: 0x2000000000000 }\n"
      "pmem { name: \"pmem1\" base: 0x4000000000000 size: 0x2000000000000 }\n"
      "mapped_device { name: \"a\"",
      striped(0, 8), "mapped_device { name: \"b\"", striped(0, 8),
      "mapped_device { name: \"c\"", striped(0, 16),
      "mapped_device { name: \"d\"", striped(1, 8)));
  ASSERT_THAT(session.status(), IsOk());
  const auto diff = [&](const std::string& a, const std::string& b) {
    absl::StatusOr<DaxQuery> left = DaxQuery::Create(*session, a);
    absl::StatusOr<DaxQuery> right = DaxQuery::Create(*session, b);
    EXPECT_THAT(left.status(), IsOk());
    EXPECT_THAT(right.status(), IsOk());
    absl::StatusOr<PageDiff> found =
        DiffPages(*left, *right, 512, DiffBy::kLayout);
    EXPECT_THAT(found.status(), IsOk());
    return Text(*found);
  };
  EXPECT_EQ(diff("a", "b"),
            "137438953472 pages; frames 0 from 0; runs 0 from 0");
  EXPECT_EQ(diff("a", "c"),
            "137438953472 pages; frames 68719476736 from 0; runs 0 from 0");
  EXPECT_EQ(diff("a", "d"),
            "137438953472 pages; frames 137438953472 from 0; runs 0 from 0");
}

// The frames of two stripes come closer, meet in one chunk, and part again.
TEST(PageDiffTest, FramesThatMeetOnce) {
  absl::StatusOr<Session> session = SessionOf(R"(
pmem { name: "pmem0" base: 0x100000000 size: 0x10000000000 }
mapped_device { name: "line" table {
  target { length: 4194304 linear { device: "/dev/pmem0" start: 0 } } } }
mapped_device { name: "stripe" table {
  target { length: 4194304 striped { chunk: 4096
    stripe { device: "/dev/pmem0" start: 1048576 }
    stripe { device: "/dev/pmem0" start: 6291456 } } } } }
)");
  ASSERT_THAT(session.status(), IsOk());
  absl::StatusOr<DaxQuery> a = DaxQuery::Create(*session, "line");
  absl::StatusOr<DaxQuery> b = DaxQuery::Create(*session, "stripe");
  ASSERT_THAT(a.status(), IsOk());
  ASSERT_THAT(b.status(), IsOk());
  absl::StatusOr<PageDiff> diff = DiffPages(*a, *b, 512, DiffBy::kLayout);
  ASSERT_THAT(diff.status(), IsOk());
  EXPECT_EQ(diff->frames.pages, 524288u - 512u);
  EXPECT_EQ(Text(*diff), Text(NaiveDiff(*a, *b, 512)));
}

}  // namespace
}  // namespace dmdax
