// SPDX-License-Identifier: Apache-2.0
#include "dm/stats.h"

#include <algorithm>
#include <cerrno>
#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/errno_status.h"
#include "dm/arg_set.h"

namespace dmdax {
namespace {

constexpr absl::string_view kMessages[] = {
    "@stats_create", "@stats_delete",      "@stats_clear",  "@stats_list",
    "@stats_print",  "@stats_print_clear", "@stats_set_aux"};

// The most areas that all regions have together.  The kernel allows as many as
// fit a quarter of the memory.
constexpr uint64_t kMaxAreas = 1 << 20;

// What the kernel allocates of a region: itself, and something for each area.
constexpr uint64_t kRegionBytes = 65664, kAreaBytes = 120;
constexpr uint64_t kMaxEntries = 8388608, kMaxHistogramEntries = 134217728;

// Whether dm_stats_create() can not even count that much.
bool Overflows(uint64_t areas, uint64_t histogram, bool has_limits) {
  constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();
  const uint64_t counts = histogram + 1;
  if (has_limits &&
      (areas > kMaxEntries || areas * counts > kMaxHistogramEntries)) {
    return true;
  }
  return areas > (kMax - kRegionBytes) / kAreaBytes ||
         areas > kMax / sizeof(uint64_t) / counts;
}

absl::Status Invalid() { return ErrnoError(EINVAL, "invalid parameters"); }

// "start+len", "-", or EINVAL.
bool ParseRange(const std::string& word, uint64_t size, SscanfOverflow overflow,
                uint64_t* start, uint64_t* end) {
  if (word == "-") {
    *start = 0;
    *end = std::max<uint64_t>(size, 1);
    return true;
  }
  const std::vector<std::string> parts =
      absl::StrSplit(word, absl::MaxSplits('+', 1));
  if (parts.size() != 2) return false;
  absl::StatusOr<uint64_t> first = SscanfU64(parts[0], overflow);
  absl::StatusOr<uint64_t> len = SscanfU64(parts[1], overflow);
  if (!first.ok() || !len.ok()) return false;
  *start = *first;
  *end = *first + *len;
  return *start < *end;
}

bool ParseStep(absl::string_view word, uint64_t len, SscanfOverflow overflow,
               uint64_t* step) {
  if (absl::ConsumePrefix(&word, "/")) {
    absl::StatusOr<uint32_t> divisor = SscanfU32(word, overflow);
    if (!divisor.ok() || *divisor == 0) return false;
    // do_div() and one more for a rest, which a sum could not count.
    *step = std::max<uint64_t>(1, len / *divisor + (len % *divisor != 0));
    return true;
  }
  absl::StatusOr<uint64_t> value = SscanfU64(word, overflow);
  if (!value.ok() || *value == 0) return false;
  *step = *value;
  return true;
}

bool ParseHistogram(absl::string_view text, SscanfOverflow overflow,
                    std::vector<uint64_t>* boundaries) {
  uint64_t last = 0;
  for (absl::string_view word : absl::StrSplit(text, ',')) {
    absl::StatusOr<uint64_t> value = SscanfU64(word, overflow);
    if (!value.ok() || *value <= last) return false;
    last = *value;
    boundaries->push_back(last);
  }
  return true;
}

absl::StatusOr<uint32_t> ParseId(const std::string& word,
                                 SscanfOverflow overflow) {
  absl::StatusOr<uint32_t> id = SscanfU32(word, overflow);
  // The numbers of regions are of type int in the kernel.
  if (!id.ok() || *id > 0x7fffffff) return Invalid();
  return id;
}

// The areas that `@stats_print id [first count]` names.
absl::StatusOr<std::pair<uint64_t, uint64_t>> Areas(
    absl::Span<const std::string> argv, const DmStats::Region& r,
    SscanfOverflow overflow) {
  uint64_t first = 0, count = ~uint64_t{0};
  if (argv.size() == 4) {
    for (uint64_t* number : {&first, &count}) {
      const std::string& word = argv[number == &first ? 2 : 3];
      if (word == "-") continue;
      absl::StatusOr<uint64_t> value = SscanfU64(word, overflow);
      if (!value.ok()) return Invalid();
      *number = *value;
    }
  }
  // A sum that wraps is the last area.
  const uint64_t last = first + count < first ? r.areas() : first + count;
  return std::pair(first, std::min(last, r.areas()));
}

}  // namespace

bool DmStats::Knows(absl::string_view message) {
  return std::any_of(std::begin(kMessages), std::end(kMessages),
                     [&](absl::string_view known) {
                       return absl::EqualsIgnoreCase(known, message);
                     });
}

bool DmStats::HasReply(absl::string_view message) {
  return absl::EqualsIgnoreCase(message, "@stats_create") ||
         absl::EqualsIgnoreCase(message, "@stats_list") ||
         // dm_stats_clear() returns 1, as if there were something to read.
         absl::EqualsIgnoreCase(message, "@stats_clear") ||
         absl::StartsWithIgnoreCase(message, "@stats_print");
}

bool DmStats::HasRoom(uint64_t areas) const {
  return areas <= kMaxAreas - areas_;
}

bool DmStats::Restore(uint32_t id, const Region& region) {
  if (region.start >= region.end || region.step == 0 || id > 0x7fffffff ||
      !HasRoom(region.areas())) {
    return false;
  }
  if (!regions_.emplace(id, region).second) return false;
  areas_ += region.areas();
  return true;
}

absl::StatusOr<std::string> DmStats::Create(absl::Span<const std::string> argv,
                                            uint64_t size,
                                            const KernelProfile& profile) {
  const SscanfOverflow overflow = profile.sscanf_overflow;
  Region r;
  if (argv.size() < 3 ||
      !ParseRange(argv[1], size, overflow, &r.start, &r.end) ||
      !ParseStep(argv[2], r.end - r.start, overflow, &r.step)) {
    return Invalid();
  }
  DmArgSet as(argv.subspan(3), overflow);
  // Features are optional: a word that is no number is the program id.
  absl::StatusOr<uint32_t> features = Invalid();
  if (as.argc() > 0) features = SscanfU32(as.rest()[0], overflow);
  if (features.ok()) {
    as.Shift();
    for (uint32_t i = 0; i < *features; ++i) {
      const std::string* word = as.Shift();
      if (word == nullptr) return Invalid();
      if (absl::EqualsIgnoreCase(*word, "precise_timestamps")) {
        r.precise_timestamps = true;
      } else if (!absl::StartsWithIgnoreCase(*word, "histogram:") ||
                 !r.histogram.empty() ||
                 !ParseHistogram(absl::string_view(*word).substr(10), overflow,
                                 &r.histogram)) {
        return Invalid();
      }
    }
  }
  if (const std::string* word = as.Shift()) r.program_id = *word;
  if (const std::string* word = as.Shift()) r.aux_data = *word;
  if (as.argc() > 0) return Invalid();
  if (Overflows(r.areas(), r.histogram.size(),
                profile.dm_stats_limits_entries)) {
    return ErrnoError(EOVERFLOW, "too many areas");
  }
  if (!HasRoom(r.areas())) return ErrnoError(ENOMEM, "too many areas");
  while (regions_.contains(first_free_)) ++first_free_;
  areas_ += r.areas();
  regions_[first_free_] = std::move(r);
  return absl::StrCat(first_free_);
}

absl::StatusOr<std::string> DmStats::List(
    absl::Span<const std::string> argv) const {
  if (argv.size() > 2) return Invalid();
  std::string out;
  for (const auto& [id, r] : regions_) {
    if (argv.size() == 2 && argv[1] != r.program_id) continue;
    absl::StrAppend(&out, id, ": ", r.start, "+", r.end - r.start, " ");
    absl::StrAppend(&out, r.step, " ", r.program_id, " ", r.aux_data);
    if (r.precise_timestamps) absl::StrAppend(&out, " precise_timestamps");
    if (!r.histogram.empty()) {
      absl::StrAppend(&out, " histogram:", absl::StrJoin(r.histogram, ","));
    }
    absl::StrAppend(&out, "\n");
  }
  return out;
}

absl::StatusOr<std::string> DmStats::Print(absl::Span<const std::string> argv,
                                           SscanfOverflow overflow) const {
  if (argv.size() != 2 && argv.size() != 4) return Invalid();
  absl::StatusOr<uint32_t> id = ParseId(argv[1], overflow);
  if (!id.ok()) return id.status();
  auto region = regions_.find(*id);
  const Region none{.start = 0, .end = 1, .step = 1};
  const bool found = region != regions_.end();
  const Region& r = found ? region->second : none;
  auto areas = Areas(argv, r, overflow);
  if (!areas.ok()) return areas.status();
  if (!found) return ErrnoError(ENOENT, "no such region");
  std::string out;
  for (uint64_t i = areas->first; i < areas->second; ++i) {
    auto touched = r.counts.find(i);
    const Region::Counts c =
        touched == r.counts.end() ? Region::Counts{} : touched->second;
    // The last area too is printed as if it were whole.
    absl::StrAppend(&out, r.start + i * r.step, "+", r.step);
    for (int rw : {0, 1}) {
      absl::StrAppend(&out, " ", c.ios[rw], " ", c.merges[rw], " ");
      absl::StrAppend(&out, c.sectors[rw], " 0");
    }
    absl::StrAppend(&out, " ", c.in_flight, " 0 0 0 0");
    if (!r.histogram.empty()) {
      absl::StrAppend(&out, " ", c.ios[0] + c.ios[1]);
      for (size_t n = 0; n < r.histogram.size(); ++n) {
        absl::StrAppend(&out, ":0");
      }
    }
    absl::StrAppend(&out, "\n");
  }
  return out;
}

void DmStats::Clear(absl::Span<const std::string> argv,
                    SscanfOverflow overflow) {
  absl::StatusOr<uint32_t> id = ParseId(argv[1], overflow);
  auto region = id.ok() ? regions_.find(*id) : regions_.end();
  if (region == regions_.end()) return;
  Region& r = region->second;
  auto areas = Areas(argv, r, overflow);
  if (!areas.ok()) return;
  const auto end = r.counts.lower_bound(std::max(areas->first, areas->second));
  for (auto at = r.counts.lower_bound(areas->first); at != end; ++at) {
    at->second = {.in_flight = at->second.in_flight};
  }
}

template <typename Visit>
void DmStats::ForAreas(uint64_t sector, uint64_t nr_sectors, Visit visit) {
  for (auto& [id, r] : regions_) {
    const uint64_t end = std::min(r.end, sector + nr_sectors);
    for (uint64_t at = std::max(r.start, sector); at < end;) {
      const uint64_t area = (at - r.start) / r.step;
      // An area may reach behind what there is of numbers.
      const uint64_t left = r.step - (at - r.start) % r.step;
      const uint64_t n = std::min(end - at, left);
      visit(r.counts[area], n);
      at += n;
    }
  }
}

bool DmStats::AccountBegin(ReqOp op, uint64_t sector, uint64_t nr_sectors,
                           DmStatsMerged merged) {
  const int rw = op == ReqOp::kWrite ? 1 : 0;
  // Before the first I/O nothing was written.
  const bool same = rw == std::max(last_rw_, 0);
  const uint64_t was_one = last_sector_ != 0 && same ? 1 : 0;
  const bool follows = merged == DmStatsMerged::kEndOfLast
                           ? sector == last_sector_ && same
                           : sector == was_one;
  last_sector_ = sector + nr_sectors;
  last_rw_ = rw;
  ForAreas(sector, nr_sectors,
           [](Region::Counts& counts, uint64_t) { ++counts.in_flight; });
  return follows;
}

void DmStats::AccountDone(const Done& done) {
  const int rw = done.op == ReqOp::kWrite ? 1 : 0;
  ForAreas(done.sector, done.nr_sectors,
           [&](Region::Counts& counts, uint64_t n) {
             --counts.in_flight;
             ++counts.ios[rw];
             counts.merges[rw] += done.follows;
             counts.sectors[rw] += n;
           });
}

absl::StatusOr<std::string> DmStats::Message(absl::Span<const std::string> argv,
                                             uint64_t size,
                                             const KernelProfile& profile) {
  const SscanfOverflow overflow = profile.sscanf_overflow;
  const absl::string_view name = argv[0];
  if (absl::EqualsIgnoreCase(name, "@stats_create")) {
    return Create(argv, size, profile);
  }
  if (absl::EqualsIgnoreCase(name, "@stats_list")) return List(argv);
  if (absl::StartsWithIgnoreCase(name, "@stats_print")) {
    absl::StatusOr<std::string> printed = Print(argv, overflow);
    if (printed.ok() && absl::EqualsIgnoreCase(name, "@stats_print_clear")) {
      Clear(argv, overflow);
    }
    return printed;
  }
  const bool sets_aux = absl::EqualsIgnoreCase(name, "@stats_set_aux");
  if (argv.size() != (sets_aux ? 3u : 2u)) return Invalid();
  absl::StatusOr<uint32_t> id = ParseId(argv[1], overflow);
  if (!id.ok()) return id.status();
  auto region = regions_.find(*id);
  if (region == regions_.end()) return ErrnoError(ENOENT, "no such region");
  if (sets_aux) region->second.aux_data = argv[2];
  if (absl::EqualsIgnoreCase(name, "@stats_clear")) Clear(argv, overflow);
  if (absl::EqualsIgnoreCase(name, "@stats_delete")) {
    first_free_ = std::min(first_free_, *id);
    areas_ -= region->second.areas();
    regions_.erase(region);
  }
  return "";
}

}  // namespace dmdax
