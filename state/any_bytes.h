// SPDX-License-Identifier: Apache-2.0
//
// AnyBytes: names, uuids and parameters may be any bytes; Protobuf's strings
// may not.  What is not UTF-8 is kept as a mark and hexadecimal digits.
//
//   EscapeAnyBytes(message);
//   // written, and read again
//   UnescapeAnyBytes(message);
//
//   BytesFromHex("2f6D").value();      // "/m"
//   BytesFromHex("2f6").has_value();   // false
#ifndef DMDAX_STATE_ANY_BYTES_H_
#define DMDAX_STATE_ANY_BYTES_H_

#include <google/protobuf/message.h>

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace dmdax {

// Escapes each string in `message`, at any depth, that is not UTF-8, and those
// that look like an escaped one.  Whether there was any; if not, `message` is
// as it was.
bool EscapeAnyBytes(google::protobuf::Message& message);

// The reverse.
void UnescapeAnyBytes(google::protobuf::Message& message);

// Nothing if a digit is none, or one is left over.  (Abseil's own has two
// forms, of which each of its releases has only one that is not deprecated.)
std::optional<std::string> BytesFromHex(absl::string_view hex);

}  // namespace dmdax

#endif  // DMDAX_STATE_ANY_BYTES_H_
