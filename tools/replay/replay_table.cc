// SPDX-License-Identifier: Apache-2.0
#include "tools/replay/replay_table.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "base/units.h"

namespace dmdax {
namespace {

constexpr size_t kNoOutcome = SIZE_MAX;

const char* Gets(const SweepOutcome& out) {
  if (out.sig != 0) return "signal";
  // What a write to it gets is decided with its blocks.
  if (out.zero_page) return "hole";
  return out.order > 0 ? "huge" : "4k";
}

// Whether a fault would be as small wherever the file lies: its own mapping or
// access is why.
bool OfMapping(FaultReasonCode why) {
  return why == FaultReasonCode::kVmaColour ||
         why == FaultReasonCode::kVmaStart || why == FaultReasonCode::kVmaEnd ||
         why == FaultReasonCode::kPrivateWrite;
}

}  // namespace

SlotRun RunAt(const DaxSweep& sweep, uint64_t slot) {
  const auto block =
      std::upper_bound(
          sweep.blocks.begin(), sweep.blocks.end(), slot,
          [](uint64_t at, const SweepBlock& b) { return at < b.first; }) -
      1;
  const uint64_t at = block->first + (slot - block->first) % block->repeat;
  const auto begin =
      sweep.ranges.begin() + static_cast<ptrdiff_t>(block->first_range);
  const auto range =
      std::upper_bound(
          begin, begin + static_cast<ptrdiff_t>(block->nr_ranges), at,
          [](uint64_t place, const SweepRange& r) { return place < r.first; }) -
      1;
  return {range->outcome, range->first + range->slots - at};
}

void ReplayTable::Add(const LoggedAccess& access, const SweptFile* here) {
  ++accesses_;
  const uint64_t end = access.offset + access.length;
  uint64_t at = access.offset;
  const auto count = [&](ReplayRow& row, uint64_t until) {
    if (row.accesses++ == 0) row.first = at;
    row.bytes = CheckedAdd(row.bytes, until - at).value_or(UINT64_MAX);
    at = until;
  };
  if (here == nullptr) return count(RowOf(access, here, "", kNoOutcome), end);
  const DaxSweep& sweep = here->SweepFor(access);
  std::vector<const ReplayRow*> touched;
  while (at < end && at < here->size) {
    const SlotRun run = RunAt(sweep, at / sweep.slot_bytes);
    const uint64_t until =
        std::min({end, here->size,
                  (at / sweep.slot_bytes + run.slots) * sweep.slot_bytes});
    ReplayRow& row = RowOf(
        access, here, Gets(sweep.totals[run.outcome].outcome), run.outcome);
    // An access counts once in a row.
    const bool again =
        std::find(touched.begin(), touched.end(), &row) != touched.end();
    if (!again) touched.push_back(&row);
    count(row, until);
    row.accesses -= again ? 1 : 0;
  }
  if (at < end) count(RowOf(access, here, "beyond the end", kNoOutcome), end);
}

std::vector<ReplayRow> ReplayTable::Rows() const {
  std::vector<ReplayRow> rows;
  for (const auto* some : {&rows_, &others_}) {
    for (const auto& [key, row] : *some) rows.push_back(row);
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const ReplayRow& a, const ReplayRow& b) {
                     return a.accesses > b.accesses;
                   });
  return rows;
}

ReplayRow& ReplayTable::RowOf(const LoggedAccess& access, const SweptFile* here,
                              const char* gets, size_t outcome) {
  const SweepOutcome* swept =
      outcome == kNoOutcome ? nullptr
                            : &here->SweepFor(access).totals[outcome].outcome;
  const bool mapping =
      OfMapping(access.why) && swept != nullptr && swept->order > 0;
  if (mapping) gets = "4k";
  // A sweep has an outcome for each level; a row is of a reason.
  const FaultReason* reason = swept == nullptr ? nullptr : &swept->reason;
  const int code = reason == nullptr ? 0 : static_cast<int>(reason->code);
  Key key(access.file, access.write, access.got, static_cast<int>(access.why),
          access.not_tried, gets, code);
  auto it = rows_.find(key);
  if (it != rows_.end()) return it->second;
  const bool others = rows_.size() >= kMaxRows;
  if (others) std::get<0>(key).clear();
  bool fresh;
  std::tie(it, fresh) = (others ? others_ : rows_).try_emplace(std::move(key));
  ReplayRow& row = it->second;
  if (!fresh) return row;
  row.others = others;
  if (!others) row.file = access.file;
  row.write = access.write;
  row.got = access.got;
  if (access.not_tried) row.why = "not_tried";
  if (access.why != FaultReasonCode::kNone) {
    row.why = FaultReasonName(access.why);
  }
  row.here = gets;
  if (here != nullptr && !others) row.path = here->path;
  if (reason != nullptr) row.reason = *reason;
  if (row.reason) {
    row.here_why = FaultReasonName(row.reason.code);
  } else if (mapping) {
    row.here_why = row.why;
  }
  return row;
}

}  // namespace dmdax
