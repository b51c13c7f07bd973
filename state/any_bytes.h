// SPDX-License-Identifier: Apache-2.0
//
// AnyBytes: names, uuids and parameters may be any bytes; Protobuf's strings
// may not.  What is not UTF-8 is kept as a mark and hexadecimal digits.
//
//   EscapeAnyBytes(message);
//   // written, and read again
//   UnescapeAnyBytes(message);
#ifndef DMDAX_STATE_ANY_BYTES_H_
#define DMDAX_STATE_ANY_BYTES_H_

#include <google/protobuf/message.h>

namespace dmdax {

// Escapes each string in `message`, at any depth, that is not UTF-8, and those
// that look like an escaped one.  Whether there was any; if not, `message` is
// as it was.
bool EscapeAnyBytes(google::protobuf::Message& message);

// The reverse.
void UnescapeAnyBytes(google::protobuf::Message& message);

}  // namespace dmdax

#endif  // DMDAX_STATE_ANY_BYTES_H_
