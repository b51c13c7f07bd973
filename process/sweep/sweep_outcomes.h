// SPDX-License-Identifier: Apache-2.0
//
// SweepOutcomes: the outcomes of a sweep, each once, by number.
//
//   SweepOutcomes outcomes(&sweep.totals);
//   size_t number = outcomes.Add(std::move(outcome), slot);
//
// A million rows may have as many outcomes, so nothing is kept of one but its
// number, and its hash: to look at the outcome itself would cost more than all
// the rest.  Threading: thread-compatible.
#ifndef DMDAX_PROCESS_SWEEP_SWEEP_OUTCOMES_H_
#define DMDAX_PROCESS_SWEEP_SWEEP_OUTCOMES_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "process/sweep/dax_sweep.h"

namespace dmdax {

class SweepOutcomes {
 public:
  // `totals` must outlive it; they are added to only here.
  explicit SweepOutcomes(std::vector<SweepTotal>* totals)
      : totals_(totals), numbers_(0, Hash(), Same{totals}) {}

  // The number of an equal outcome, or of this one, whose first slot it is.
  size_t Add(SweepOutcome&& outcome, uint64_t slot);

 private:
  struct Number {
    uint32_t number;
    uint32_t hash;
  };
  // What is looked for.
  struct Wanted {
    const SweepOutcome& outcome;
    uint32_t hash;
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(const Number& n) const { return Spread(n.hash); }
    size_t operator()(const Wanted& w) const { return Spread(w.hash); }
    static size_t Spread(uint64_t hash) { return hash << 32 | hash; }
  };
  struct Same {
    using is_transparent = void;
    bool operator()(const Number& a, const Number& b) const {
      return a.number == b.number;
    }
    bool operator()(const Number& a, const Wanted& b) const {
      return a.hash == b.hash && (*totals)[a.number].outcome.Equals(b.outcome);
    }
    bool operator()(const Wanted& a, const Number& b) const {
      return (*this)(b, a);
    }
    const std::vector<SweepTotal>* totals;
  };

  std::vector<SweepTotal>* const totals_;
  absl::flat_hash_set<Number, Hash, Same> numbers_;
};

}  // namespace dmdax

#endif  // DMDAX_PROCESS_SWEEP_SWEEP_OUTCOMES_H_
