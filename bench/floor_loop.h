// SPDX-License-Identifier: Apache-2.0
//
// The loops of floor.h's floors: small enough to count their instructions
// (floor_mca.cc).
//
//   FloorOfRuns<uint16_t> ask{&live, slots, shift, &leaf};
//   sum += ask(page);
//
// Threading: as a read section.
#ifndef DMDAX_BENCH_FLOOR_LOOP_H_
#define DMDAX_BENCH_FLOOR_LOOP_H_

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "base/units.h"
#include "bench/whole.h"
#include "dax/dax_fast_path.h"

namespace dmdax::bench {

// The least read section: a thread says since when it reads, and that it reads
// no more.
class FloorSection {
 public:
  FloorSection() {
    since_.store(epoch_.load(std::memory_order_acquire),
                 std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  ~FloorSection() {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    since_.store(0, std::memory_order_release);
  }
  FloorSection(const FloorSection&) = delete;
  FloorSection& operator=(const FloorSection&) = delete;

 private:
  friend class FloorNestedSection;
  [[gnu::tls_model(
      "initial-exec")]] static thread_local constinit std::atomic<uint64_t>
      since_;
  static constinit std::atomic<uint64_t> epoch_;
};

// The least of a thread that may be in one already, as every level of a stack
// below the first is: the inner one leaves the word alone.
class FloorNestedSection {
 public:
  FloorNestedSection()
      : before_(FloorSection::since_.load(std::memory_order_relaxed)) {
    if (before_ == 0) [[likely]] {
      FloorSection::since_.store(
          FloorSection::epoch_.load(std::memory_order_acquire),
          std::memory_order_relaxed);
    }
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  ~FloorNestedSection() {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if (before_ == 0) [[likely]] {
      FloorSection::since_.store(0, std::memory_order_release);
    }
  }
  FloorNestedSection(const FloorNestedSection&) = delete;
  FloorNestedSection& operator=(const FloorNestedSection&) = delete;

 private:
  const uint64_t before_;
};

struct FloorRun {
  uint32_t start, value;
};

[[gnu::always_inline]] inline uint64_t Answer(uint64_t pfn, uint64_t pages,
                                              const DaxLeaf& leaf) {
  const uintptr_t address = reinterpret_cast<uintptr_t>(leaf.kaddr) +
                            ((pfn - leaf.pfn) << kPageShift);
  return Whole(pfn, std::min(static_cast<long>(pages), kAskedPages),
               reinterpret_cast<const void*>(address));
}

// One page, as a contender.
//
// A floor knows beforehand what it may be asked, and that nothing changes.  The
// whole one is the least of what answers as a device must: from within another
// section, for any page (none: kFloorError), where a run may be an error,
// through one pointer that a writer may replace.
inline constexpr uint64_t kFloorError = ~uint64_t{0};

template <typename Slot>
struct FloorOfRuns {
  const std::atomic<const FloorRun*>* live;
  const Slot* slots;
  uint32_t shift;
  const DaxLeaf* leaf;

  uint64_t operator()(uint64_t page) const {
    FloorSection section;
    const FloorRun* run =
        live->load(std::memory_order_acquire) + slots[page >> shift];
    while (run[1].start <= page) ++run;
    return Answer(run->value + (page - run->start), run[1].start - page, *leaf);
  }
};

template <typename Slot>
struct FloorIndex {
  uint64_t pages;
  const Slot* slots;
  const FloorRun* runs;
  uint32_t shift;
  const DaxLeaf* leaf;
};

template <typename Slot>
struct FloorWholeOfRuns {
  const std::atomic<const FloorIndex<Slot>*>* live;

  uint64_t operator()(uint64_t page) const {
    FloorNestedSection section;
    const FloorIndex<Slot>& index = *live->load(std::memory_order_acquire);
    if (page >= index.pages) [[unlikely]]
      return kFloorError;
    const FloorRun* run = index.runs + index.slots[page >> index.shift];
    while (run[1].start <= page) ++run;
    if (run->value >= DaxRuns::kSpecial) [[unlikely]]
      return kFloorError;
    return Answer(run->value + (page - run->start), run[1].start - page,
                  *index.leaf);
  }
};

struct FloorStripeShape {
  uint64_t pages = 0;
  uint64_t chunk = 0, period = 0, rows = 0;  // pages; rows: ceil(2^64 / period)
  uint64_t chunks = 0;                       // ceil(2^64 / chunk)
  int chunk_log2 = 0, period_log2 = 0;
  std::vector<uint64_t> base;
};

// kShifts: chunk and number of legs are powers of two.  kWhole: as above.
template <bool kShifts, bool kWhole = false>
struct FloorOfStripe {
  const std::atomic<const FloorStripeShape*>* live;
  const DaxLeaf* leaf;

  uint64_t operator()(uint64_t page) const {
    std::conditional_t<kWhole, FloorNestedSection, FloorSection> section;
    const FloorStripeShape& s = *live->load(std::memory_order_acquire);
    if constexpr (kWhole) {
      if (page >= s.pages) [[unlikely]]
        return kFloorError;
    }
    uint64_t row = 0, leg = 0, in_chunk = 0;
    if constexpr (kShifts) {
      row = page >> s.period_log2;
      leg = (page & (s.period - 1)) >> s.chunk_log2;
      in_chunk = page & (s.chunk - 1);
      return Answer(s.base[leg] + (row << s.chunk_log2) + in_chunk,
                    s.chunk - in_chunk, *leaf);
    }
    __extension__ using Wide = unsigned __int128;
    row = static_cast<uint64_t>((Wide{page} * s.rows) >> 64);
    const uint64_t rest = page - row * s.period;
    leg = static_cast<uint64_t>((Wide{rest} * s.chunks) >> 64);
    in_chunk = rest - leg * s.chunk;
    return Answer(s.base[leg] + row * s.chunk + in_chunk, s.chunk - in_chunk,
                  *leaf);
  }
};

}  // namespace dmdax::bench

#endif  // DMDAX_BENCH_FLOOR_LOOP_H_
