// SPDX-License-Identifier: Apache-2.0
#include "state/any_bytes.h"

#include <google/protobuf/descriptor.h>

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
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

// Puts what edit(text) changes, if it returns true, in place of each string.
// Whether any was changed.
bool EditStrings(pb::Message& message,
                 absl::FunctionRef<bool(std::string& text)> edit) {
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
            edit);
      } else if (field->type() == pb::FieldDescriptor::TYPE_STRING) {
        std::string text = repeated
                               ? reflection.GetRepeatedString(message, field, i)
                               : reflection.GetString(message, field);
        if (!edit(text)) continue;
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
  if (FindNonUtf8(message).empty()) return false;
  return EditStrings(message, [](std::string& text) {
    if (IsUtf8(text) && !absl::StartsWith(text, kMark)) return false;
    text = absl::StrCat(kMark, absl::BytesToHexString(text));
    return true;
  });
}

void UnescapeAnyBytes(pb::Message& message) {
  EditStrings(message, [](std::string& text) {
    if (!absl::StartsWith(text, kMark)) return false;
    text = absl::HexStringToBytes(text.substr(kMark.size()));
    return true;
  });
}

}  // namespace dmdax
