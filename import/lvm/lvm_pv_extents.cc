// SPDX-License-Identifier: Apache-2.0
#include "import/lvm/lvm_pv_extents.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"

namespace dmdax {

absl::Status LvmPvExtents::Add(const LvmLv& lv) {
  for (const LvmSegment& segment : lv.segments) {
    // Each stripe has its share, each mirror all.
    const uint64_t stripes =
        std::max<uint64_t>(segment.Number("stripe_count"), 1);
    for (const auto& [name, first] : segment.areas) {
      auto pv = group_.pvs.find(name);
      if (pv == group_.pvs.end()) continue;
      absl::Status s = Add(lv, segment, pv->second, name, first,
                           segment.extent_count / stripes);
      if (!s.ok()) return s;
    }
  }
  return absl::OkStatus();
}

absl::Status LvmPvExtents::Add(const LvmLv& lv, const LvmSegment& segment,
                               const LvmPv& pv, const std::string& name,
                               uint64_t first, uint64_t extents) {
  if (extents == 0) return absl::OkStatus();
  const std::string what = absl::StrCat("extents ", first, " to ",
                                        first + extents - 1, " of ", name);
  if (extents > pv.pe_count || first > pv.pe_count - extents) {
    return segment.place.Error(absl::StrCat(what, ", which has ", pv.pe_count));
  }
  std::map<uint64_t, Owner>& owners = owners_[name];
  auto other = owners.lower_bound(first + extents);
  if (other != owners.begin() && std::prev(other)->second.end > first) {
    const Owner& owner = std::prev(other)->second;
    return segment.place.Error(
        absl::StrCat(what, " for ", lv.name, " are also of ", owner.lv->name,
                     ", ", owner.segment->place.ToString()));
  }
  owners[first] = {first + extents, &lv, &segment};
  return absl::OkStatus();
}

}  // namespace dmdax
