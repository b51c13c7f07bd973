// SPDX-License-Identifier: Apache-2.0
//
// PathTooLong: how long a path can be, and a name in it.
//
// Whoever makes an error of it says ENAMETOOLONG, as every call of the kernel
// that takes a path does.
//
// Mirrors: PATH_MAX, NAME_MAX of include/uapi/linux/limits.h.
// Threading: pure function.
#ifndef DMDAX_BASE_PATH_LENGTH_H_
#define DMDAX_BASE_PATH_LENGTH_H_

#include <string>

#include "absl/strings/string_view.h"

namespace dmdax {

// PATH_MAX without the NUL.
inline constexpr size_t kMaxPathBytes = 4095;
// NAME_MAX.
inline constexpr size_t kMaxNameBytes = 255;

// What of it is too long; "": nothing.
std::string PathTooLong(absl::string_view path);

}  // namespace dmdax

#endif  // DMDAX_BASE_PATH_LENGTH_H_
