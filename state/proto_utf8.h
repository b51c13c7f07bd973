// SPDX-License-Identifier: Apache-2.0
//
// FindNonUtf8: which string of a message neither text nor JSON can carry.
#ifndef DMDAX_STATE_PROTO_UTF8_H_
#define DMDAX_STATE_PROTO_UTF8_H_

#include <google/protobuf/message.h>

#include <string>

namespace dmdax {

// The path of the first string in `message` that is not UTF-8, or "".
std::string FindNonUtf8(const google::protobuf::Message& message);

}  // namespace dmdax

#endif  // DMDAX_STATE_PROTO_UTF8_H_
