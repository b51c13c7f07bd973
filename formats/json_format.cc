// SPDX-License-Identifier: Apache-2.0
//
// JSON in two passes.  First the event parser of nlohmann::json checks the
// syntax, better than Protobuf's and with positions; then Protobuf's parser
// reads it.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>

#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "formats/format.h"
#include "formats/json_locator.h"
#include "formats/json_numbers.h"
#include "formats/json_syntax.h"

namespace dmdax {
namespace {

namespace pb = google::protobuf;

std::string Prefix(const std::string& file, absl::string_view text,
                   size_t offset) {
  const TextPosition p = PositionOf(text, offset);
  return absl::StrCat(file, ":", p.line, ":", p.column, ": ");
}

// Protobuf names the place as "(mapped_device[0].table) foo: Cannot find
// field." or "(pmem[0].size): invalid value ...": the path, and for a field
// that there is none of, its name.
size_t PlaceOf(absl::string_view json, absl::string_view what) {
  std::string path;
  if (absl::StartsWith(what, "(")) {
    const size_t close = std::min(what.find(')'), what.size());
    path = std::string(what.substr(1, close - 1));
    what.remove_prefix(std::min(close + 1, what.size()));
  }
  const size_t unknown = what.find(": Cannot find field.");
  if (unknown == what.npos) return LocateJson(json, path);
  const std::string name(absl::StripAsciiWhitespace(what.substr(0, unknown)));
  const size_t value =
      LocateJson(json, absl::StrCat(path, path.empty() ? "" : ".", name));
  // Back from the value to the key.
  const size_t key =
      json.substr(0, value).rfind(absl::StrCat("\"", name, "\""));
  return key == json.npos ? value : key;
}

Likeness Detect(const FormatProbe& probe) {
  const bool begins =
      !probe.text.empty() && (probe.text[0] == '{' || probe.text[0] == '[');
  return begins ? Likeness::kBegins : Likeness::kNot;
}

absl::Status Read(std::string bytes, const std::string& file,
                  pb::Message* message, SourceMap* map) {
  const auto text = WithoutByteOrderMark(std::move(bytes));
  absl::Status s = CheckJsonSyntax(*text, file, JsonNulls::kNotInLists);
  if (!s.ok()) return s;
  const auto status = pb::util::JsonStringToMessage(*text, message);
  if (!status.ok()) {
    const std::string what(status.message());
    return ErrnoError(
        EINVAL, absl::StrCat(Prefix(file, *text, PlaceOf(*text, what)), what));
  }
  map->Set([text, file](const std::string& path) {
    return Prefix(file, *text, LocateJson(*text, path));
  });
  return absl::OkStatus();
}

absl::StatusOr<std::string> Print(const pb::Message& message) {
  if (absl::Status s = CheckUtf8(message, kJsonFormat); !s.ok()) return s;
  pb::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  std::string out;
  const auto status = pb::util::MessageToJsonString(message, &out, options);
  if (!status.ok()) return ErrnoError(EINVAL, status.ToString());
  return JsonNumbers(out, *message.GetDescriptor());
}

}  // namespace

extern const Format kJsonFormat = {"json", "JSON", Detect, Read, Print};

}  // namespace dmdax
