// SPDX-License-Identifier: Apache-2.0
#include "tools/draw/draw_strip.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "absl/strings/str_cat.h"
#include "mm/fault_reason.h"
#include "tools/check_report.h"

namespace dmdax {
namespace {

// More sentences than this nobody reads; from here on those of one name and
// device are one.
constexpr size_t kMostReasons = 512;

constexpr ShareOf kShares[kDrawKinds] = {
    &PageShares::pud,  &PageShares::pmd,  &PageShares::pte,
    &PageShares::tail, &PageShares::hole, &PageShares::signal,
};

DrawKind KindOf(ShareOf share) {
  return static_cast<DrawKind>(
      std::find(std::begin(kShares), std::end(kShares), share) -
      std::begin(kShares));
}

// Adds `bytes` of something to ranges that only say how much there is.
void AddShare(std::vector<DrawRange>& ranges, const DrawRange& what,
              uint64_t bytes) {
  if (bytes == 0) return;
  for (DrawRange& range : ranges) {
    if (range.kind == what.kind && range.reason == what.reason) {
      range.bytes += bytes;
      return;
    }
  }
  ranges.push_back({bytes, what.kind, what.reason});
}

// Calls fn(at, bytes) for the part of each bin that [at, end) has.
template <typename Fn>
void ForEachBin(uint64_t at, uint64_t end, uint64_t bin, Fn fn) {
  while (at < end) {
    const uint64_t next = std::min(end, (at / bin + 1) * bin);
    fn(at, next - at);
    at = next;
  }
}

// Spreads a block over the bins that it reaches into.
void PutIntoBins(const DrawBlock& block, uint64_t start, uint64_t bin,
                 std::vector<DrawBlock>& bins) {
  if (block.repeat < block.bytes) {
    // Of something that repeats each bin has its share.
    ForEachBin(start, start + block.bytes, bin, [&](uint64_t at, uint64_t n) {
      uint64_t left = n;
      for (const DrawRange& range : block.ranges) {
        const uint64_t part = std::min<uint64_t>(
            left, static_cast<uint64_t>(static_cast<double>(n) *
                                            static_cast<double>(range.bytes) /
                                            static_cast<double>(block.repeat) +
                                        0.5));
        AddShare(bins[at / bin].ranges, range, part);
        left -= part;
      }
      AddShare(bins[at / bin].ranges, block.ranges.back(), left);
    });
    return;
  }
  for (const DrawRange& range : block.ranges) {
    ForEachBin(start, start + range.bytes, bin, [&](uint64_t at, uint64_t n) {
      AddShare(bins[at / bin].ranges, range, n);
    });
    start += range.bytes;
  }
}

std::vector<DrawBlock> Summarised(const std::vector<DrawBlock>& blocks,
                                  uint64_t size, uint64_t unit, size_t most) {
  const uint64_t units = (size - 1) / unit + 1;
  const uint64_t bin = ((units - 1) / most + 1) * unit;
  std::vector<DrawBlock> bins((size - 1) / bin + 1);
  uint64_t start = 0;
  for (const DrawBlock& block : blocks) {
    PutIntoBins(block, start, bin, bins);
    start += block.bytes;
  }
  for (DrawBlock& b : bins) {
    for (const DrawRange& range : b.ranges) b.bytes += range.bytes;
    b.repeat = b.bytes;
    b.mixed = b.ranges.size() > 1;
  }
  return bins;
}

}  // namespace

int DrawReasons::Put(DrawReason reason, const std::string& to_blame) {
  const Key key(reason.name, to_blame);
  const auto [known, fresh] = by_text_.try_emplace(
      absl::StrCat(reason.name, "\n", to_blame, "\n", reason.text),
      static_cast<int>(model_.reasons.size()));
  if (!fresh) return known->second;
  const auto same = by_key_.find(key);
  if (same != by_key_.end() && model_.reasons.size() >= kMostReasons) {
    known->second = same->second;
    return known->second;
  }
  by_key_.try_emplace(key, known->second);
  model_.reasons.push_back(std::move(reason));
  keys_.push_back(key);
  return known->second;
}

int DrawReasons::Add(const FaultReason& reason, const std::string& of) {
  if (!reason) return -1;
  DrawReason drawn{.name = FaultReasonName(reason.code),
                   .text = FaultReasonText(reason)};
  std::string to_blame;
  if (reason.level.has_value()) {
    drawn.level = LevelText(reason.level);
    to_blame = reason.level.device();
  }
  return Put(std::move(drawn), to_blame.empty() ? of : to_blame);
}

int DrawReasons::Add(const Obstacle& o, const std::string& of) {
  const std::string& to_blame = o.device.empty() ? of : o.device;
  const int reason =
      Put({.name = o.name, .text = o.text, .level = o.level}, to_blame);
  if (o.cure == nullptr) return reason;
  const auto [known, fresh] = cures_.try_emplace(
      Key(o.name, to_blame), static_cast<int>(model_.cures.size()));
  if (fresh) {
    DrawCure cure{.commands = o.cure->Commands(), .remark = o.cure->remark};
    if (o.tried) {
      cure.after = o.after_open ? "not known" : SharesText(o.after);
    } else {
      cure.untried = o.untried;
    }
    model_.cures.push_back(std::move(cure));
  }
  return reason;
}

void DrawReasons::AddCures() {
  for (size_t i = 0; i < keys_.size(); ++i) {
    const auto cure = cures_.find(keys_[i]);
    if (cure != cures_.end()) model_.reasons[i].cure = cure->second;
  }
}

void AddStrip(const DaxSweep& sweep, const FaultProfile& faults,
              size_t most_ranges, DrawReasons& reasons, DrawNode& node) {
  std::vector<DrawRange> kinds;  // of each outcome, without its bytes
  for (const SweepTotal& total : sweep.totals) {
    const ShareOf share = ShareOfOutcome(total.outcome, faults);
    kinds.push_back({.kind = KindOf(share),
                     .reason = reasons.Add(total.outcome.reason, node.name)});
    // The last slot may be a part of one.
    node.shares.*share += std::min(total.slots * sweep.slot_bytes,
                                   node.size - total.first * sweep.slot_bytes);
  }
  uint64_t at = 0;
  size_t ranges = 0;
  for (const SweepBlock& block : sweep.blocks) {
    DrawBlock drawn{
        .bytes = std::min(block.slots * sweep.slot_bytes, node.size - at)};
    for (size_t i = 0; i < block.nr_ranges; ++i) {
      const SweepRange& range = sweep.ranges[block.first_range + i];
      DrawRange part = kinds[range.outcome];
      part.bytes = range.slots * sweep.slot_bytes;
      drawn.repeat += part.bytes;
      if (drawn.repeat > drawn.bytes) {
        part.bytes -= drawn.repeat - drawn.bytes;
        drawn.repeat = drawn.bytes;
      }
      drawn.ranges.push_back(part);
    }
    at += drawn.bytes;
    ranges += drawn.ranges.size();
    node.blocks.push_back(std::move(drawn));
  }
  node.all_ranges = sweep.NrRanges();
  if (ranges > most_ranges) {
    node.blocks =
        Summarised(node.blocks, node.size, sweep.slot_bytes, most_ranges);
  }
}

}  // namespace dmdax
