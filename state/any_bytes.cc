// SPDX-License-Identifier: Apache-2.0
#include "state/any_bytes.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/utf8.h"
#include "state/proto_utf8.h"

namespace dmdax {
namespace {

namespace pb = google::protobuf;

// U+10FFFF, which is no character.
constexpr absl::string_view kMark = "\xf4\x8f\xbf\xbf";

// Puts edit(text) in place of each string that is wanted.  Whether there was
// any.
bool EditStrings(pb::Message& message,
                 absl::FunctionRef<bool(const std::string& text)> wanted,
                 absl::FunctionRef<std::string(const std::string& text)> edit) {
  const pb::Reflection& reflection = *message.GetReflection();
  std::vector<const pb::FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  bool changed = false;
  for (const pb::FieldDescriptor* field : fields) {
    const bool repeated = field->is_repeated();
    const int n = repeated ? reflection.FieldSize(message, field) : 1;
    for (int i = 0; i < n; ++i) {
      if (field->type() == pb::FieldDescriptor::TYPE_MESSAGE) {
        changed |= EditStrings(
            repeated ? *reflection.MutableRepeatedMessage(&message, field, i)
                     : *reflection.MutableMessage(&message, field),
            wanted, edit);
      } else if (field->type() == pb::FieldDescriptor::TYPE_STRING) {
        std::string scratch;
        const std::string& seen =
            repeated ? reflection.GetRepeatedStringReference(message, field, i,
                                                             &scratch)
                     : reflection.GetStringReference(message, field, &scratch);
        if (!wanted(seen)) continue;
        std::string text = edit(seen);
        changed = true;
        if (repeated) {
          reflection.SetRepeatedString(&message, field, i, std::move(text));
        } else {
          reflection.SetString(&message, field, std::move(text));
        }
      }
    }
  }
  return changed;
}

}  // namespace

bool EscapeAnyBytes(pb::Message& message) {
  return EditStrings(
      message,
      [](const std::string& text) {
        return !IsUtf8(text) || absl::StartsWith(text, kMark);
      },
      [](const std::string& text) {
        return absl::StrCat(kMark, absl::BytesToHexString(text));
      });
}

void UnescapeAnyBytes(pb::Message& message) {
  EditStrings(
      message,
      [](const std::string& text) { return absl::StartsWith(text, kMark); },
      [](const std::string& text) {
        return BytesFromHex(text.substr(kMark.size())).value_or(text);
      });
}

std::optional<std::string> BytesFromHex(absl::string_view hex) {
  if (hex.size() % 2 != 0 ||
      !std::all_of(hex.begin(), hex.end(),
                   [](unsigned char c) { return absl::ascii_isxdigit(c); })) {
    return std::nullopt;
  }
  const auto digit = [&](size_t i) {
    return hex[i] <= '9' ? hex[i] - '0' : (hex[i] | 0x20) - 'a' + 10;
  };
  std::string bytes(hex.size() / 2, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>(digit(2 * i) * 16 + digit(2 * i + 1));
  }
  return bytes;
}

}  // namespace dmdax
