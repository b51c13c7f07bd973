// SPDX-License-Identifier: Apache-2.0
//
// IsUtf8: whether Protobuf and JSON can carry some bytes as a string.
//
//   IsUtf8("/dev/m\xc3\xa4pper");   // true
//   IsUtf8("\xff");                // false
#ifndef DMDAX_BASE_UTF8_H_
#define DMDAX_BASE_UTF8_H_

#include "absl/strings/string_view.h"

namespace dmdax {

// Well-formed UTF-8 of Unicode's table 3-7: no surrogates, nothing overlong.
bool IsUtf8(absl::string_view bytes);

}  // namespace dmdax

#endif  // DMDAX_BASE_UTF8_H_
