// SPDX-License-Identifier: Apache-2.0
//
// Numbers, parsed exactly as the kernel's target constructors parse them.
//
// Two families with different manners; which one an argument gets decides
// whether "+8", " 8" or 2^64 is accepted, so they are never exchangeable:
//
//   Sscanf*   sscanf(s, "%llu%c") == 1: leading white space, digits, nothing
//             after; no sign; overflow wraps or saturates by kernel version.
//   Kstrto*   kstrtouint(s, 10): one '+', digits, one trailing newline;
//             overflow is ERANGE.
//
//   SscanfU64("18446744073709551616", SscanfOverflow::kWraps);  // 0
//   KstrtoU32("+8");                                            // 8
//
// Mirrors: lib/vsprintf.c vsscanf, lib/kstrtox.c, lib/ctype.c (6.1).
#ifndef DMDAX_BASE_KSTRTOX_H_
#define DMDAX_BASE_KSTRTOX_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace dmdax {

// What %llu makes of a number above 2^64-1.
enum class SscanfOverflow {
  kWraps,      // up to 6.12: modulo 2^64
  kSaturates,  // 7.2: 2^64-1
};

// The kernel's isspace(): 0x09-0x0d, 0x20 and 0xa0 (lib/ctype.c is Latin-1).
bool KernelIsSpace(char c);

// sscanf(s, "%llu%c", &v, &dummy) == 1.  EINVAL when anything but optional
// leading white space and digits is there.
absl::StatusOr<uint64_t> SscanfU64(absl::string_view s,
                                   SscanfOverflow overflow);

// sscanf(s, "%u%c", &v, &dummy) == 1: as SscanfU64, then cut to 32 bits.
absl::StatusOr<uint32_t> SscanfU32(absl::string_view s,
                                   SscanfOverflow overflow);

// kstrtou32(s, 10, &v), kstrtou64(s, 10, &v): EINVAL on any other character
// or none, ERANGE above the type's maximum.
absl::StatusOr<uint32_t> KstrtoU32(absl::string_view s);
absl::StatusOr<uint64_t> KstrtoU64(absl::string_view s);

}  // namespace dmdax

#endif  // DMDAX_BASE_KSTRTOX_H_
