// SPDX-License-Identifier: Apache-2.0
//
// DevT: a device number, the kernel's dev_t.
//
//   DevT dev{259, 1};
//   dev.ToString();       // "259:1", as dm tables print devices
//   dev.HugeEncode();     // what struct dm_ioctl carries in `dev`
//
// Ranges: major 0..4095, minor 0..1048575 (include/linux/kdev_t.h, 12 and 20
// bits); Fits() tells, MKDEV() of the kernel would silently cut.
// Mirrors: include/linux/kdev_t.h (6.1): MKDEV, huge_encode_dev, format_dev_t.
#ifndef DMDAX_BASE_DEV_T_H_
#define DMDAX_BASE_DEV_T_H_

#include <compare>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"

namespace dmdax {

struct DevT {
  uint32_t major_nr = 0;
  uint32_t minor_nr = 0;

  friend constexpr auto operator<=>(const DevT&, const DevT&) = default;

  // Both numbers survive MKDEV.
  constexpr bool Fits() const {
    return major_nr < (1u << 12) && minor_nr < (1u << 20);
  }

  std::string ToString() const { return absl::StrCat(major_nr, ":", minor_nr); }

  // huge_encode_dev: the 64-bit form of the ioctl interface.
  constexpr uint64_t HugeEncode() const {
    return (minor_nr & 0xff) | (uint64_t{major_nr} << 8) |
           (uint64_t{minor_nr & ~0xffu} << 12);
  }
  static constexpr DevT HugeDecode(uint64_t dev) {
    // huge_decode_dev truncates to the 32-bit encoding first.
    const uint32_t d = static_cast<uint32_t>(dev);
    return DevT{(d & 0xfff00) >> 8, (d & 0xff) | ((d >> 12) & 0xfff00)};
  }

  template <typename H>
  friend H AbslHashValue(H h, const DevT& d) {
    return H::combine(std::move(h), d.major_nr, d.minor_nr);
  }
};

}  // namespace dmdax

#endif  // DMDAX_BASE_DEV_T_H_
