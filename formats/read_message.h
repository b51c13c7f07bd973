// SPDX-License-Identifier: Apache-2.0
//
// One reader a format, for world_format.cc.  Each fills `message` and lets
// `map` find places in `text`, which it shares; errors and bounds are those
// of world_format.h.
#ifndef DMDAX_FORMATS_READ_MESSAGE_H_
#define DMDAX_FORMATS_READ_MESSAGE_H_

#include <google/protobuf/message.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "state/source_map.h"

namespace dmdax {

inline constexpr size_t kMaxInputBytes = size_t{1} << 30;
inline constexpr size_t kMaxMessages = size_t{8} << 20;
inline constexpr int kMaxDepth = 64;

using SharedText = std::shared_ptr<const std::string>;

absl::Status ReadTextproto(SharedText text, const std::string& file,
                           google::protobuf::Message* message, SourceMap* map);
absl::Status ReadJson(SharedText text, const std::string& file,
                      google::protobuf::Message* message, SourceMap* map);
absl::Status ReadBinary(absl::string_view bytes, const std::string& file,
                        google::protobuf::Message* message, SourceMap* map);

// Whether `bytes` are wholly made of fields that a message like `message`
// has.  What a textproto happens to fit is not told from what is binary.
bool LooksBinary(absl::string_view bytes,
                 const google::protobuf::Message& message);

}  // namespace dmdax

#endif  // DMDAX_FORMATS_READ_MESSAGE_H_
