// SPDX-License-Identifier: Apache-2.0
#include "formats/json_numbers.h"

#include <google/protobuf/descriptor.pb.h>

#include <cstdint>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace dmdax {
namespace {

namespace pb = google::protobuf;

constexpr uint64_t kMaxSafe = (uint64_t{1} << 53) - 1;

bool Has64Bits(const pb::FieldDescriptor* field) {
  return field != nullptr &&
         (field->cpp_type() == pb::FieldDescriptor::CPPTYPE_INT64 ||
          field->cpp_type() == pb::FieldDescriptor::CPPTYPE_UINT64);
}

bool IsSafe(absl::string_view digits) {
  int64_t number = 0;
  return absl::SimpleAtoi(digits, &number) &&
         number <= static_cast<int64_t>(kMaxSafe) &&
         number >= -static_cast<int64_t>(kMaxSafe);
}

// Where the string that begins at `at` ends, behind its quote.
size_t EndOfString(absl::string_view json, size_t at) {
  for (size_t i = at + 1; i < json.size(); ++i) {
    if (json[i] == '\\') {
      ++i;
    } else if (json[i] == '"') {
      return i + 1;
    }
  }
  return json.size();
}

// An object that is open: its type, or null for what is none of ours; and the
// field whose value comes next.
struct Level {
  const pb::Descriptor* type = nullptr;
  const pb::FieldDescriptor* field = nullptr;
};

const pb::FieldDescriptor* FieldNamed(const Level& level,
                                      absl::string_view key) {
  if (level.type == nullptr) return nullptr;
  // The keys of a map are its own.
  if (level.type->options().map_entry()) {
    return level.type->FindFieldByName("value");
  }
  return level.type->FindFieldByName(std::string(key));
}

Level Inside(const Level& level) {
  const bool message =
      level.field != nullptr &&
      level.field->cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE;
  return {.type = message ? level.field->message_type() : nullptr};
}

}  // namespace

std::string JsonNumbers(absl::string_view json, const pb::Descriptor& type) {
  std::string out;
  out.reserve(json.size());
  std::vector<Level> levels;
  for (size_t i = 0; i < json.size();) {
    const char c = json[i];
    if (c == '{') {
      levels.push_back(levels.empty() ? Level{.type = &type}
                                      : Inside(levels.back()));
    } else if (c == '}' && !levels.empty()) {
      levels.pop_back();
    } else if (c == '"' && !levels.empty()) {
      const size_t end = EndOfString(json, i);
      const absl::string_view text = json.substr(i + 1, end - i - 2);
      const bool is_key = end < json.size() && json[end] == ':';
      if (is_key) levels.back().field = FieldNamed(levels.back(), text);
      const bool bare =
          !is_key && Has64Bits(levels.back().field) && IsSafe(text);
      absl::StrAppend(&out, bare ? text : json.substr(i, end - i));
      i = end;
      continue;
    }
    out.push_back(c);
    ++i;
  }
  return out;
}

}  // namespace dmdax
