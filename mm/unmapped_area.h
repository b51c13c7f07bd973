// SPDX-License-Identifier: Apache-2.0
//
// Where mmap() puts a mapping: the get_unmapped_area family.
//
//   absl::StatusOr<uint64_t> addr = GetUnmappedArea(mm, request);
//
// A file's hook decides the alignment: none, transparent huge pages (ext4,
// xfs, ext2), or the device's own (device-dax).
//
// Mirrors: get_unmapped_area of mm/mmap.c, __thp_get_unmapped_area of
// mm/huge_memory.c, dax_get_unmapped_area of drivers/dax/device.c,
// arch_get_unmapped_area_topdown of arch/x86 (6.1; 4.14 to 6.12 by profile).
#ifndef DMDAX_MM_UNMAPPED_AREA_H_
#define DMDAX_MM_UNMAPPED_AREA_H_

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "mm/mm_struct.h"

namespace dmdax {

// mm->get_unmapped_area as the two aligning hooks see it: hint and length in,
// address or -errno (as a negative number) out.
using PlainArea = std::function<int64_t(uint64_t addr, uint64_t len)>;

// The arithmetic of __thp_get_unmapped_area(): 0 when it does not apply.
// `off` is the file offset in bytes, `size` the huge page's.
int64_t ThpUnmappedAddress(const FaultProfile& profile, const PlainArea& plain,
                           uint64_t addr, uint64_t len, uint64_t off,
                           uint64_t size);

// dax_get_unmapped_area(): `align` is the device's alignment in bytes.
int64_t DaxUnmappedAddress(const PlainArea& plain, uint64_t addr, uint64_t len,
                           uint64_t off, uint64_t align);

// The whole: task size, the file's hook, and the checks after it.  Errors:
// ENOMEM, EINVAL (not page aligned), EPERM (below mmap_min_addr).
absl::StatusOr<uint64_t> GetUnmappedArea(MmStruct& mm,
                                         const MmapRequest& request);

}  // namespace dmdax

#endif  // DMDAX_MM_UNMAPPED_AREA_H_
