// SPDX-License-Identifier: Apache-2.0
//
// DaxFastPath: what a DaxDevice has worked out beforehand about all that lies
// below it.
//
// DaxDirectAccess() asks the fast path of the device first.  Only if that has
// no answer it asks the operations:
//
//   if (page < fast_path.window.pages) return fast_path.window.At(page, 512);
//   if (page < fast_path.runs.pages) {
//     const DaxRuns::Run* const run = fast_path.runs.Find(page);
//     if (run->value < DaxRuns::kSpecial) {
//       return fast_path.At(DaxRuns::FramesAt(run, page, 512));
//     }
//   }
//   if (page < fast_path.stripes.pages) {
//     return fast_path.At(fast_path.stripes.At(page, 512));
//   }
//   const DaxFrames frames = fast_path.shortcut(fast_path, pgoff_t(page), 512);
//   if (frames.ret > 0) return fast_path.At(frames);
//   // kAskOperations: down the chain; else frames.ret is the errno
//
// Every translation comes this way, so it must cost little.  A device that is
// one window, however deep its stack, is answered without a call, and so are
// one of up to 65,536 runs, the usual form of a table, and a plain stripe: the
// call, and what must be moved for it, would be a fifth of the time, of a
// stripe a quarter.  For other devices each form of fast path has a function of
// its own.  It is called without a look at anything else and answers in two
// registers; At() adds what follows from the frame, only if the caller needs
// it.  A function that enters the read section itself and writes its answer to
// memory is slower, twice as slow for one window (measured with the benchmark
// families `depth:D` and `targets:N`).
//
// Mirrors: nothing; the kernel asks level by level.  What is answered is
// dax_direct_access()'s.
// Threading: immutable once offered (see DaxDevice::SetFastPath()).
#ifndef DMDAX_DAX_DAX_FAST_PATH_H_
#define DMDAX_DAX_DAX_FAST_PATH_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "base/units.h"
#include "dax/dax_access.h"

namespace dmdax {

// ret > 0: that many pages from frame `pfn` on.  Else -errno, or
// DaxFastPath::kAskOperations; there is no frame.
struct DaxFrames {
  int64_t ret;
  uint64_t pfn;
};

// Where the bytes behind a range of frames are.
struct DaxLeaf {
  uint64_t first = 0;  // frame from which on it is this leaf; 0 in the lowest
  uint64_t pfn = 0;    // of the first byte
  uint32_t pfn_flags = 0;
  char* kaddr = nullptr;  // of frame `pfn`; null when the leaf has no bytes
};

// Pages from `start` on are frames from `value` on, up to the next's start.
template <typename Word>
struct ExtentEntry {
  Word start, value;
};

// The first pages of a device in many runs.  The directory has a slot every
// 2^shift pages: the number of the run that holds the slot's first page, from
// which the search goes on.
struct DaxRuns {
  using Run = ExtentEntry<uint32_t>;
  // A value from here on is no frame.
  static constexpr uint32_t kSpecial = 0xf0000000;

  uint64_t pages = 0;  // below 2^32; 0: there are none
  const uint16_t* slots = nullptr;
  // Ascending; the one that begins at `pages` ends them.
  const Run* entries = nullptr;
  uint32_t shift = 0;

  // The run of a page of them.  If its value is special, the shortcut must be
  // asked.
  const Run* Find(uint64_t page) const {
    const Run* run = entries + slots[page >> shift];
    while (run[1].start <= page) ++run;
    return run;
  }
  // For a page of a run of frames; nr_pages >= 1.
  static DaxFrames FramesAt(const Run* run, uint64_t page, int64_t nr_pages) {
    return {std::min(static_cast<int64_t>(run[1].start - page), nr_pages),
            run->value + (page - run->start)};
  }
};

// The first pages of a device that is a stripe in its plainest form: chunks
// dealt out in turn, none of them cut.  See dm/map/stripe_kernels.h, whose
// numbers these are.
struct DaxStripes {
  uint64_t pages = 0;  // 0: there are none
  uint64_t period = 0, chunk = 0;
  uint64_t by_period = 0, by_chunk = 0;  // ceil(2^64 / .)
  uint64_t gain = 0;
  const uint64_t* moved = nullptr;  // by chunk of the period
  // Whether both are powers of two, and which.
  bool shifts = false;
  uint8_t period_log2 = 0, chunk_log2 = 0;

  // For a page of them; nr_pages >= 1.
  DaxFrames At(uint64_t page, int64_t nr_pages) const {
    uint64_t round = 0, part = 0, left = 0;
    if (shifts) {
      round = page >> period_log2;
      part = (page & (period - 1)) >> chunk_log2;
      left = chunk - (page & (chunk - 1));
    } else {
      round = MultiplyHigh(page, by_period);
      const uint64_t rest = page - round * period;
      part = MultiplyHigh(rest, by_chunk);
      left = (part + 1) * chunk - rest;
    }
    return {std::min(static_cast<int64_t>(left), nr_pages),
            page + moved[part] + round * gain};
  }

 private:
  static uint64_t MultiplyHigh(uint64_t a, uint64_t b) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<uint64_t>((Wide{a} * b) >> 64);
  }
};

struct DaxFastPath {
  static constexpr int64_t kAskOperations = std::numeric_limits<int64_t>::min();
  using Shortcut = DaxFrames (*)(const DaxFastPath& fast_path, pgoff_t pgoff,
                                 int64_t nr_pages);

  // The whole answer; frames.ret > 0.
  DaxAccess At(DaxFrames frames) const {
    // Memory without bytes, as most has: no leaf is looked for, or at.
    if (bare) [[likely]] {
      return {frames.ret, pfn_t(frames.pfn), bare_flags, nullptr};
    }
    // Halves that are never mispredicted; most devices have one leaf.
    const DaxLeaf* leaf = leaves;
    for (size_t n = nr_leaves; n > 1;) {
      const size_t half = n / 2;
      leaf += frames.pfn >= leaf[half].first ? half : 0;
      n -= half;
    }
    return {frames.ret, pfn_t(frames.pfn), leaf->pfn_flags,
            KaddrOf(leaf->kaddr, frames.pfn - leaf->pfn)};
  }

  // The first pages of the device, or none.
  DaxWindow window;
  DaxRuns runs;
  DaxStripes stripes;
  // Answers for any page, nr_pages >= 1.
  Shortcut shortcut = AskOperations;
  // In ascending order, owned by the fast path; none if it finds no frames.
  const DaxLeaf* leaves = nullptr;
  size_t nr_leaves = 0;
  // Whether there is one leaf, which has no bytes, and its flags.
  bool bare = false;
  uint32_t bare_flags = 0;

 private:
  static DaxFrames AskOperations(const DaxFastPath&, pgoff_t, int64_t) {
    return {kAskOperations, 0};
  }
};

// The fast path of a device that has none.
inline constexpr DaxFastPath kNoDaxFastPath;

}  // namespace dmdax

#endif  // DMDAX_DAX_DAX_FAST_PATH_H_
