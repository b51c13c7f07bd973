// SPDX-License-Identifier: Apache-2.0
//
// Striped rows of a compiled map.
//
// Stripes upon stripes repeat.  If every leg advances A pages in L (a common
// multiple of the chunk c and of the periods below), n legs advance A pages
// in n * L, and inside that period the map is made of granules: g pages, g
// dividing every chunk and every offset.  The period's table has n * L / g
// entries; when that is more than a budget (chunks of 256 and 257 pages:
// g = 1) the legs' own maps are kept instead.
#include <algorithm>
#include <cerrno>
#include <numeric>
#include <utility>

#include "dm/compiled_map_build.h"
#include "dm/mapped_device.h"

namespace dmdax {
namespace {

// Entries of a composed period: 12 bytes each.
constexpr uint64_t kMostGranules = 4096;
// Longer periods are not composed; their table would exceed the budget.
constexpr uint64_t kMostPeriod = uint64_t{1} << 40;

}  // namespace

void CompiledMapBuilder::AddStriped(const DmTarget& ti, uint64_t first,
                                    uint64_t last) {
  const KernelProfile& profile = ProfileOf(ti);
  const uint64_t count = layout_.legs.size();
  if (ti.begin.value() % kPageSectors != 0 ||
      layout_.chunk % kPageSectors != 0 ||
      ti.len.value() % (count * layout_.chunk) != 0) {
    return AddChain(first);
  }
  uint64_t cap = ~uint64_t{0};
  if (profile.dm_max_io_len_has_max_sectors) {
    cap = md_.disk().queue().max_sectors() / kPageSectors;
    if (cap == 0) return AddError(first, EIO);
  }
  const uint64_t chunk = layout_.chunk / kPageSectors;
  std::vector<Leg> legs;
  for (const DaxLayout::Leg& l : layout_.legs) {
    std::optional<Leg> leg = ResolveLeg(l, (last - first) / count);
    if (!leg) return AddChain(first);
    legs.push_back(*std::move(leg));
  }
  Special special{.cap = cap, .offset = 0 - first};
  special.period = Compose(chunk, legs, last - first);
  if (special.period != nullptr) {
    special.kind = Kind::kPeriod;
    // Compose() has checked that all legs have the same cap.
    special.cap = std::min(cap, legs[0].cap);
    return AddSpecial(first, std::move(special));
  }
  // The legs have no common period: a query goes one hop down on each leg that
  // is not plain memory.
  auto hops = std::make_shared<StripeHops>();
  hops->chunk = Reciprocal(chunk);
  hops->count = Reciprocal(count);
  for (size_t j = 0; j < legs.size(); ++j) {
    Leg& leg = legs[j];
    if (leg.below == nullptr && leg.period == nullptr) {
      hops->legs.push_back({nullptr, leg.first});
      continue;
    }
    pgoff_t q;
    DmDaxPgoff(profile, *layout_.legs[j].dev, layout_.legs[j].start, &q);
    hops->legs.push_back({Resolve(*layout_.legs[j].dev).map, q.value()});
  }
  special.kind = Kind::kHops;
  special.hops = std::move(hops);
  AddSpecial(first, std::move(special));
}

// Nothing: only the chain can answer for this leg.
std::optional<CompiledMapBuilder::Leg> CompiledMapBuilder::ResolveLeg(
    const DaxLayout::Leg& leg, uint64_t pages) {
  const uint64_t sector =
      leg.start.value() + leg.dev->bdev->start_sect().value();
  pgoff_t pgoff;
  if (sector < leg.start.value() || sector + pages * kPageSectors < sector ||
      !DmDaxPgoff(md_.machine().profile(), *leg.dev, leg.start, &pgoff)) {
    return std::nullopt;
  }
  const uint64_t q = pgoff.value();
  const Below& below = Resolve(*leg.dev);
  if (below.window) {
    if (q + pages > below.window->pages) return std::nullopt;
    return Leg{.first = below.window->pfn.value() + q};
  }
  if (below.map == nullptr || q + pages > below.map->pages_) {
    return std::nullopt;
  }
  const CompiledMap& map = *below.map;
  const auto resolve = [&](const auto& extents) {
    const size_t i = extents.Find(q);
    const auto& extent = extents[i];
    if (extents[i + 1].start >= q + pages) {
      if (extent.value < extents.kSpecial) {
        return Leg{.first = extent.value + (q - extent.start)};
      }
      const uint64_t number = extent.value - extents.kSpecial;
      if (number < CompiledMap::kErrors)
        return Leg{.below = below.map, .first = q};
      const Special& s = map.specials_[number - CompiledMap::kErrors];
      if (s.kind == Kind::kPeriod) {
        return Leg{.period = s.period, .first = q + s.offset, .cap = s.cap};
      }
    }
    return Leg{.below = below.map, .first = q};
  };
  return map.narrow_ ? resolve(map.narrow_extents_)
                     : resolve(map.wide_extents_);
}

std::shared_ptr<const StripePeriod> CompiledMapBuilder::Compose(
    uint64_t chunk, const std::vector<Leg>& legs, uint64_t pages) const {
  uint64_t common = chunk, granule = chunk;
  for (const Leg& leg : legs) {
    if (leg.below != nullptr || leg.cap != legs[0].cap) return nullptr;
    if (leg.period == nullptr) continue;
    common = BoundedLcm(common, leg.period->period.divisor(), kMostPeriod);
    if (common == 0) return nullptr;
    granule = std::gcd(granule, leg.period->granule.divisor());
    granule = std::gcd(granule, leg.first);
  }
  const auto advance = [&](const Leg& leg) {
    if (leg.period == nullptr) return common;
    return common / leg.period->period.divisor() * leg.period->advance;
  };
  for (const Leg& leg : legs) {
    if (advance(leg) != advance(legs[0])) return nullptr;
  }
  const uint64_t whole = common * legs.size();
  // A row shorter than its period needs no more than its own granules.
  const uint64_t granules = std::min(whole, pages) / granule;
  if (granules > std::max<uint64_t>(kMostGranules, 4 * legs.size())) {
    return nullptr;
  }
  auto period = std::make_shared<StripePeriod>();
  period->period = Reciprocal(whole);
  period->granule = Reciprocal(granule);
  period->advance = advance(legs[0]);
  for (uint64_t i = 0; i < granules; ++i) {
    const uint64_t in_chunk = i * granule % chunk;
    const uint64_t number = i * granule / chunk;
    const Leg& leg = legs[number % legs.size()];
    const uint64_t y = number / legs.size() * chunk + in_chunk;
    const StripePeriod::Run run =
        leg.period == nullptr ? StripePeriod::Run{leg.first + y, ~uint64_t{0}}
                              : leg.period->At(leg.first + y);
    period->base.push_back(run.pfn);
    period->left.push_back(
        static_cast<uint32_t>(std::min(run.pages, chunk - in_chunk) / granule));
  }
  if (std::all_of(period->left.begin(), period->left.end(),
                  [](uint32_t left) { return left == 1; })) {
    period->left.clear();
  }
  return period;
}

}  // namespace dmdax
