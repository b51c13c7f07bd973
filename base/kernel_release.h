// SPDX-License-Identifier: Apache-2.0
//
// KernelRelease: which Linux, as the two numbers that a profile is of.
//
//   profile.release == k6_1;  KernelRelease{5, 17} < k6_1
//
// The constants are the releases that have a profile; any other release is
// written with its numbers, KernelRelease{6, 19}. Releases are for data that
// says "since" (a target's versions, names people use for kernels).  Code asks
// a profile for a named behaviour instead.
#ifndef DMDAX_BASE_KERNEL_RELEASE_H_
#define DMDAX_BASE_KERNEL_RELEASE_H_

#include <compare>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"

namespace dmdax {

struct KernelRelease {
  uint32_t major = 0;
  uint32_t minor = 0;

  friend constexpr auto operator<=>(const KernelRelease&,
                                    const KernelRelease&) = default;
  // "6.1"
  std::string ToString() const { return absl::StrCat(major, ".", minor); }
};

inline constexpr KernelRelease k4_14{4, 14};
inline constexpr KernelRelease k5_10{5, 10};
inline constexpr KernelRelease k6_1{6, 1};
inline constexpr KernelRelease k6_12{6, 12};
inline constexpr KernelRelease k6_16{6, 16};
inline constexpr KernelRelease k6_18{6, 18};
inline constexpr KernelRelease k7_2{7, 2};
inline constexpr KernelRelease k7_3{7, 3};

}  // namespace dmdax

#endif  // DMDAX_BASE_KERNEL_RELEASE_H_
