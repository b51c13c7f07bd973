// SPDX-License-Identifier: Apache-2.0
#include "import/bare_regions.h"

#include <cstddef>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "base/round_up.h"
#include "base/units.h"
#include "import/build_world.h"
#include "import/nd_pfn.h"

namespace dmdax {

BareRegions::BareRegions(const Facts& facts) : facts_(facts) {
  const auto& all = facts.iomem;
  for (size_t i = 0; i < all.size(); ++i) {
    if (!absl::StartsWith(all[i].name, "Persistent Memory")) continue;
    const bool shown = i + 1 < all.size() && all[i + 1].depth > all[i].depth;
    if (!shown && all[i].end > all[i].start) regions_.push_back(&all[i]);
  }
}

bool BareRegions::Begins(uint64_t start) const {
  return absl::c_any_of(regions_,
                        [&](const IomemRange* r) { return r->start == start; });
}

bool BareRegions::AnyIsOff() const {
  return absl::c_any_of(regions_, [](const IomemRange* r) {
    return r->start % kNdPfnSubsection != 0;
  });
}

const IomemRange* BareRegions::Of(const proto::Pmem& pmem) const {
  const auto has_size = [&](const IomemRange* r) {
    return r->end - r->start + 1 == pmem.size();
  };
  const bool is_other = absl::c_any_of(facts_.disks, [&](const auto& other) {
    const Disk& disk = other.second;
    return IsPmemName(disk.name) && disk.name != pmem.name() && disk.size &&
           RoundDown(disk.size->value.Likeliest(), kPageSize) == pmem.size();
  });
  if (is_other || absl::c_count_if(regions_, has_size) != 1) return nullptr;
  return *absl::c_find_if(regions_, has_size);
}

}  // namespace dmdax
