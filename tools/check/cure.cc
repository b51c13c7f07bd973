// SPDX-License-Identifier: Apache-2.0
//
// The one list of reasons and their cures.
#include "tools/check/cure.h"

namespace dmdax {

std::optional<Cure> FindCure(const CureRequest& request, proto::World& world) {
  using C = FaultReasonCode;
  static constexpr struct {
    C code;
    CureFn* find;
  } kCures[] = {
      {C::kRunChunk, CureChunk},
      {C::kRunMaxSectors, CureMaxSectors},
      {C::kPfnTarget, CureTargetStart},
      {C::kRunTargetEnd, CureTargetEnd},
      {C::kPfnPartition, CurePartition},
      {C::kPfnDevice, CureNamespaceAlign},
      {C::kPfnNoDevmap, CureRawNamespace},
      {C::kRunBadBlocks, CureBadBlocks},
      {C::kPoison, CureBadBlocks},
      {C::kDevDaxAlignSmaller, CureDevDaxAlign},
      {C::kPfnExtent, CureExtents},
      {C::kExtentShort, CureExtents},
      {C::kNotDax, CureNotDax},
  };
  for (const auto& cure : kCures) {
    if (cure.code == request.reason.code) return cure.find(request, world);
  }
  return std::nullopt;
}

}  // namespace dmdax
