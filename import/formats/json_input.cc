// SPDX-License-Identifier: Apache-2.0
#include "import/formats/json_input.h"

#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "formats/json_syntax.h"

namespace dmdax {
namespace {

// A value takes some ten times its text.
constexpr size_t kMaxJson = size_t{64} << 20;

void SkipBlanks(absl::string_view* text) {
  *text = absl::StripLeadingAsciiWhitespace(*text);
}

}  // namespace

absl::StatusOr<nlohmann::json> ParseJsonInput(const ImportInput& input) {
  if (input.text.size() > kMaxJson) {
    return ErrnoError(EFBIG,
                      absl::StrCat(input.name, ": ", input.text.size(),
                                   " bytes of JSON; at most ", kMaxJson));
  }
  absl::Status s = CheckJsonSyntax(input.text, input.name);
  if (!s.ok()) return s;
  return nlohmann::json::parse(input.text, nullptr, /*allow_exceptions=*/false);
}

bool LooksLikeJson(absl::string_view text) {
  SkipBlanks(&text);
  return !text.empty() && (text[0] == '{' || text[0] == '[');
}

std::string FirstJsonKey(absl::string_view text) {
  SkipBlanks(&text);
  if (!text.empty() && text[0] == '[') {
    text.remove_prefix(1);
    SkipBlanks(&text);
  }
  if (text.empty() || text[0] != '{') return "";
  text.remove_prefix(1);
  SkipBlanks(&text);
  if (text.empty() || text[0] != '"') return "";
  text.remove_prefix(1);
  const size_t end = text.find('"');
  constexpr size_t kMostKey = 64;
  return end == text.npos || end > kMostKey ? ""
                                            : std::string(text.substr(0, end));
}

JsonValue JsonValue::operator[](absl::string_view key) const {
  std::string path =
      path_.empty() ? std::string(key) : absl::StrCat(path_, ".", key);
  const nlohmann::json* found = nullptr;
  if (json_ != nullptr && json_->is_object()) {
    auto it = json_->find(std::string(key));
    if (it != json_->end()) found = &*it;
  }
  return JsonValue(input_, found, std::move(path));
}

std::vector<JsonValue> JsonValue::Elements() const {
  std::vector<JsonValue> all;
  if (!is_list()) return all;
  size_t i = 0;
  for (const nlohmann::json& element : *json_) {
    all.push_back(
        JsonValue(input_, &element, absl::StrCat(path_, "[", i++, "]")));
  }
  return all;
}

std::string JsonValue::Text() const {
  if (!exists()) return "";
  if (json_->is_string()) return json_->get<std::string>();
  if (json_->is_number_unsigned()) {
    return absl::StrCat(json_->get<uint64_t>());
  }
  if (json_->is_number()) return json_->dump();
  if (json_->is_boolean()) return json_->get<bool>() ? "1" : "0";
  return "";
}

absl::StatusOr<std::optional<uint64_t>> JsonValue::Number() const {
  if (!exists()) return std::optional<uint64_t>();
  const std::string text = Text();
  uint64_t value;
  const bool ok = absl::StartsWith(text, "0x")
                      ? absl::SimpleHexAtoi(text, &value)
                      : absl::SimpleAtoi(text, &value);
  if (!ok) return Expected("a number");
  return std::optional<uint64_t>(value);
}

absl::StatusOr<std::optional<SizeRange>> JsonValue::Size() const {
  if (!exists()) return std::optional<SizeRange>();
  std::optional<SizeRange> size = ParseSize(Text());
  if (!size) return Expected("a size");
  return size;
}

std::optional<bool> JsonValue::Flag() const {
  const std::string text = Text();
  if (text == "1" || text == "true") return true;
  if (text == "0" || text == "false") return false;
  return std::nullopt;
}

absl::Status JsonValue::Expected(absl::string_view what) const {
  std::string is =
      exists()
          ? json_->dump(-1, ' ', true, nlohmann::json::error_handler_t::replace)
          : "nothing";
  return place().Error(absl::StrCat(what, " is expected, not ", Quoted(is)));
}

}  // namespace dmdax
