// SPDX-License-Identifier: Apache-2.0
#include "formats/utf8.h"

#include <google/protobuf/descriptor.h>

#include <vector>

#include "absl/strings/str_cat.h"

namespace dmdax {
namespace {

namespace pb = google::protobuf;

// Bytes that may follow the first, and the range of the second.
struct Follow {
  size_t count;
  unsigned char low = 0x80;
  unsigned char high = 0xbf;
};

// By the first byte; count 0: none may begin a character.
Follow FollowOf(unsigned char first) {
  if (first >= 0xc2 && first <= 0xdf) return {1};
  if (first == 0xe0) return {2, 0xa0, 0xbf};
  if (first == 0xed) return {2, 0x80, 0x9f};
  if (first >= 0xe1 && first <= 0xef) return {2};
  if (first == 0xf0) return {3, 0x90, 0xbf};
  if (first == 0xf4) return {3, 0x80, 0x8f};
  if (first >= 0xf1 && first <= 0xf3) return {3};
  return {0};
}

}  // namespace

bool IsUtf8(absl::string_view bytes) {
  size_t i = 0;
  while (i < bytes.size()) {
    const auto at = [&](size_t k) {
      return static_cast<unsigned char>(bytes[k]);
    };
    const unsigned char first = at(i++);
    if (first < 0x80) continue;
    const Follow follow = FollowOf(first);
    if (follow.count == 0 || follow.count > bytes.size() - i) return false;
    if (at(i) < follow.low || at(i) > follow.high) return false;
    for (size_t k = 1; k < follow.count; ++k) {
      if (at(i + k) < 0x80 || at(i + k) > 0xbf) return false;
    }
    i += follow.count;
  }
  return true;
}

std::string FindNonUtf8(const pb::Message& message) {
  const pb::Reflection& reflection = *message.GetReflection();
  std::vector<const pb::FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const pb::FieldDescriptor* field : fields) {
    const int n =
        field->is_repeated() ? reflection.FieldSize(message, field) : 1;
    for (int i = 0; i < n; ++i) {
      const std::string step = field->is_repeated()
                                   ? absl::StrCat(field->name(), "[", i, "]")
                                   : field->name();
      if (field->type() == pb::FieldDescriptor::TYPE_MESSAGE) {
        const std::string below =
            FindNonUtf8(field->is_repeated()
                            ? reflection.GetRepeatedMessage(message, field, i)
                            : reflection.GetMessage(message, field));
        if (!below.empty()) return absl::StrCat(step, ".", below);
      } else if (field->type() == pb::FieldDescriptor::TYPE_STRING) {
        std::string scratch;
        const std::string& text =
            field->is_repeated()
                ? reflection.GetRepeatedStringReference(message, field, i,
                                                        &scratch)
                : reflection.GetStringReference(message, field, &scratch);
        if (!IsUtf8(text)) return step;
      }
    }
  }
  return "";
}

}  // namespace dmdax
