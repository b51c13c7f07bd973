// SPDX-License-Identifier: Apache-2.0
//
// What a namespace with struct pages has in front of its data.
//
//   std::optional<uint64_t> bytes =
//       NdPfnDataOffset(0x100000000, 1 << 30, 2 << 20, NdPfnMap::kDev);
//   // 18 MiB of 1 GiB
// Mirrors: nd_pfn_init of drivers/nvdimm/pfn_devs.c (5.3 and later; the struct
// pages are not padded by themselves, as they were before).
// Threading: pure function.
#ifndef DMDAX_IMPORT_ND_PFN_H_
#define DMDAX_IMPORT_ND_PFN_H_

#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/kernel_profile.h"
#include "base/round_up.h"
#include "base/units.h"

namespace dmdax {

// What the kernel maps by struct pages begins at a multiple of this.
inline constexpr uint64_t kNdPfnSubsection = uint64_t{2} << 20;

// Whether a namespace that starts there can be made with struct pages.  Until
// 5.2 the kernel pads what is before the boundary.  Later it maps all of the
// namespace, and the start has to be at one: 5.3 to 5.6 make the info block but
// not the device, 5.7 and later refuse both.
// Mirrors: check_pfn_span of mm/memory_hotplug.c (5.3), nd_pfn_init (5.7).
inline bool NdPfnCanStart(uint64_t start, const KernelProfile& profile) {
  return profile.nd_pfn_pads_start || start % kNdPfnSubsection == 0;
}

// Where the struct pages are: in the namespace or in memory.
enum class NdPfnMap { kDev, kMem };

// The info block, and the struct pages if they are in there, in bytes.  `start`
// is the namespace's physical address, `raw` its size, `align` a power of two
// or less than 2 MiB.  Nothing: it has no room for an info block, or the
// numbers are none of a namespace.
inline std::optional<uint64_t> NdPfnDataOffset(uint64_t start, uint64_t raw,
                                               uint64_t align, NdPfnMap map) {
  constexpr uint64_t kInfoBlock = 8192, kStructPage = 64;
  if (raw < kInfoBlock || start > UINT64_MAX / 2 || raw > UINT64_MAX / 2) {
    return std::nullopt;
  }
  align = std::max(align, kNdPfnSubsection);
  if ((align & (align - 1)) != 0) return std::nullopt;
  uint64_t end = start + kInfoBlock;
  if (map == NdPfnMap::kDev) {
    end += kStructPage * ((raw - kInfoBlock) / kPageSize);
  }
  return RoundUp(end, align) - start;
}

// What of a namespace is data in whole pages of `align` bytes: what does not
// fill one at the end is left out.
inline uint64_t NdPfnRoom(uint64_t start, uint64_t raw, uint64_t align,
                          NdPfnMap map) {
  const std::optional<uint64_t> offset =
      NdPfnDataOffset(start, raw, align, map);
  if (!offset) return 0;
  const uint64_t end =
      RoundDown(start + raw, std::max(align, kNdPfnSubsection));
  return end > start + *offset ? end - start - *offset : 0;
}

}  // namespace dmdax

#endif  // DMDAX_IMPORT_ND_PFN_H_
