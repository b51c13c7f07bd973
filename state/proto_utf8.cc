// SPDX-License-Identifier: Apache-2.0
#include "state/proto_utf8.h"

#include <google/protobuf/descriptor.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "base/utf8.h"

namespace dmdax {

namespace pb = google::protobuf;

std::string FindNonUtf8(const pb::Message& message) {
  const pb::Reflection& reflection = *message.GetReflection();
  std::vector<const pb::FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const pb::FieldDescriptor* field : fields) {
    const int n =
        field->is_repeated() ? reflection.FieldSize(message, field) : 1;
    for (int i = 0; i < n; ++i) {
      const auto step = [&] {
        return field->is_repeated() ? absl::StrCat(field->name(), "[", i, "]")
                                    : field->name();
      };
      if (field->type() == pb::FieldDescriptor::TYPE_MESSAGE) {
        const std::string below =
            FindNonUtf8(field->is_repeated()
                            ? reflection.GetRepeatedMessage(message, field, i)
                            : reflection.GetMessage(message, field));
        if (!below.empty()) return absl::StrCat(step(), ".", below);
      } else if (field->type() == pb::FieldDescriptor::TYPE_STRING) {
        std::string scratch;
        const std::string& text =
            field->is_repeated()
                ? reflection.GetRepeatedStringReference(message, field, i,
                                                        &scratch)
                : reflection.GetStringReference(message, field, &scratch);
        if (!IsUtf8(text)) return step();
      }
    }
  }
  return "";
}

}  // namespace dmdax
