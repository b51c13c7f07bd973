// SPDX-License-Identifier: Apache-2.0
//
// A Protobuf message as textproto, JSON or binary, told apart by content.
//
//   proto::World world;
//   absl::Status s = ParseMessage(bytes, "world.json", &world);
//
// Errors are EINVAL and begin with "<file>:<line>:<column>: " for the two
// text forms and "<file>: byte <n>: " for binary.  Nothing in the input can
// make parsing recurse deeply or use memory out of proportion.
//
// Printing is stable: parsing what was printed and printing it again gives
// the same bytes.
#ifndef DMDAX_FORMATS_PROTO_TEXT_H_
#define DMDAX_FORMATS_PROTO_TEXT_H_

#include <google/protobuf/message.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "formats/source_map.h"

namespace dmdax {

enum class MessageFormat { kTextproto, kJson, kBinary };

// By the first bytes: '{' is JSON, control characters are binary, the rest
// textproto.
MessageFormat DetectMessageFormat(absl::string_view bytes);

// Parses `bytes`, whichever form they have.  `map` (or null) learns where
// each field of the text stands.
absl::Status ParseMessage(absl::string_view bytes, const std::string& file,
                          google::protobuf::Message* message,
                          SourceMap* map = nullptr);

// The message in the given form; JSON with the schema's field names.
absl::StatusOr<std::string> PrintMessage(
    const google::protobuf::Message& message, MessageFormat format);

}  // namespace dmdax

#endif  // DMDAX_FORMATS_PROTO_TEXT_H_
