// SPDX-License-Identifier: Apache-2.0
#include "process/sweep/sweep_outcomes.h"

#include <utility>

#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"

namespace dmdax {
namespace {

// The size of the entry or, negative, the signal.
int SizeOf(const SweepOutcome& o) { return o.sig != 0 ? -o.sig : o.order; }

uint32_t HashOf(const SweepOutcome& o) {
  const FaultReason& r = o.reason;
  const uint64_t begin = r.level ? r.level.begin().value() : 0;
  return static_cast<uint32_t>(absl::HashOf(
      SizeOf(o), o.zero_page, static_cast<int>(r.code), begin,
      r.level ? absl::string_view(r.level.device()) : absl::string_view()));
}

}  // namespace

bool SweepOutcome::Equals(const SweepOutcome& other) const {
  const FaultReason& a = reason;
  const FaultReason& b = other.reason;
  if (SizeOf(*this) != SizeOf(other) || si_code != other.si_code ||
      zero_page != other.zero_page || a.code != b.code || a.order != b.order ||
      a.err != b.err || a.level.has_value() != b.level.has_value()) {
    return false;
  }
  if (!a.level.has_value()) return true;
  const FaultLevel& at = a.level;
  const FaultLevel& to = b.level;
  return at.begin() == to.begin() && at.len() == to.len() &&
         at.function() == to.function() && at.device() == to.device() &&
         at.target() == to.target();
}

size_t SweepOutcomes::Add(SweepOutcome&& outcome, uint64_t slot) {
  const Wanted wanted{outcome, HashOf(outcome)};
  const auto it = numbers_.lazy_emplace(wanted, [&](const auto& emplace) {
    const auto number = static_cast<uint32_t>(totals_->size());
    totals_->push_back({.outcome = std::move(outcome), .first = slot});
    emplace(Number{number, wanted.hash});
  });
  return it->number;
}

}  // namespace dmdax
