// SPDX-License-Identifier: Apache-2.0
//
// Format: one way to write a table or a World, and the one list of formats.
//
//   const Format* format = FindFormat("json");
//   if (format != nullptr) text = format->print(world);
//
// A format is a file, <name>_format.cc, which recognises, reads and prints it.
// One more is a file and its name here, in both halves of the list.  Everybody
// else uses formats/world_format.h.
//
// Threading: pure functions and constants.
#ifndef DMDAX_FORMATS_FORMAT_H_
#define DMDAX_FORMATS_FORMAT_H_

#include <google/protobuf/message.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "state/source_map.h"

namespace dmdax {

inline constexpr size_t kMaxInputBytes = size_t{1} << 30;
inline constexpr size_t kMaxMessages = size_t{8} << 20;
inline constexpr int kMaxDepth = 64;

// Input whose format must be recognised.
struct FormatProbe {
  absl::string_view bytes;
  absl::string_view text;  // SignificantText(bytes)
  bool has_controls;       // control characters other than white space
  const google::protobuf::Descriptor& type;  // of what is asked for
};

// How much an input looks like a format, least first.
enum class Likeness {
  kNot,
  kByDefault,  // the format that an input has which looks like none
  kDoubtful,   // it has bytes that no text has, but they make no sense
  kOther,      // it begins as this format does, with what is not asked for
  kFits,       // all of it makes sense, as some texts do by chance
  kBegins,     // it begins as only this format does
  kCertain,    // all of it makes sense, and it is no text
};

struct Format {
  absl::string_view name;   // as --to takes it
  absl::string_view title;  // as sentences have it
  Likeness (*detect)(const FormatProbe& probe);
  // Fills `message` and lets `map` find places in the input, which is called
  // `file`.  Errors and bounds are those of world_format.h.
  absl::Status (*read)(std::string bytes, const std::string& file,
                       google::protobuf::Message* message, SourceMap* map);
  absl::StatusOr<std::string> (*print)(
      const google::protobuf::Message& message);
};

// As in <name>_format.cc.
extern const Format kDmsetupFormat, kTextprotoFormat, kJsonFormat,
    kBinaryFormat;

// All formats.  If an input looks like several equally, the first one wins.
inline constexpr const Format* kFormats[] = {&kDmsetupFormat, &kTextprotoFormat,
                                             &kJsonFormat, &kBinaryFormat};

// Null: there is none of this name.
const Format* FindFormat(absl::string_view name);

// The format that `bytes`, which should be a message of this type, look like.
const Format& DetectFormat(absl::string_view bytes,
                           const google::protobuf::Descriptor& type);

// `bytes` from the first character that is no blank, in no '#' line and in no
// byte order mark; "" if there is none, as in what a program prints that fails.
absl::string_view SignificantText(absl::string_view bytes);

// The text without a byte order mark, for a reader and the map it fills.
std::shared_ptr<const std::string> WithoutByteOrderMark(std::string bytes);

// EINVAL, with its path, for the first string that is not UTF-8: `format` can
// not express it.
absl::Status CheckUtf8(const google::protobuf::Message& message,
                       const Format& format);

}  // namespace dmdax

#endif  // DMDAX_FORMATS_FORMAT_H_
