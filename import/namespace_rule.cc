// SPDX-License-Identifier: Apache-2.0
#include "import/namespace_rule.h"

#include "import/nd_pfn.h"
#include "state/world_load.h"

namespace dmdax {
namespace {

NdPfnMap MapOf(const Namespace& space) {
  return space.map == "dev" ? NdPfnMap::kDev : NdPfnMap::kMem;
}

}  // namespace

std::optional<uint64_t> RuleOffset(const Namespace& space, uint64_t start,
                                   uint64_t raw) {
  return NdPfnDataOffset(start, raw, space.align, MapOf(space));
}

std::optional<uint64_t> RuleOffsetFor(const Namespace& space, uint64_t start,
                                      uint64_t raw, const SizeRange& data) {
  const uint64_t room = NdPfnRoom(start, raw, space.align, MapOf(space));
  if (room < data.least || data.most < room) return std::nullopt;
  return RuleOffset(space, start, raw);
}

bool MayBeginAnywhere(const Namespace* space, const proto::World& world) {
  if (space == nullptr || space->mode != "fsdax" || space->has_uuid) {
    return false;
  }
  const KernelAnswer kernel = KernelOf(world);
  return kernel.profile->nd_pfn_pads_start ||
         (kernel.above != nullptr && kernel.above->nd_pfn_pads_start);
}

}  // namespace dmdax
