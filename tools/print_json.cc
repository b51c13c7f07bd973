// SPDX-License-Identifier: Apache-2.0
#include "tools/print_json.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "tools/byte_count.h"

namespace dmdax {
namespace {

// Number.MAX_SAFE_INTEGER.
constexpr uint64_t kMaxSafe = (uint64_t{1} << 53) - 1;

}  // namespace

void MakeJsonSafe(nlohmann::ordered_json& j) {
  if (j.is_structured()) {
    for (nlohmann::ordered_json& part : j) MakeJsonSafe(part);
  } else if (j.is_number_unsigned()) {
    const uint64_t number = j.get<uint64_t>();
    if (number > kMaxSafe) j = absl::StrCat(number);
  } else if (j.is_number_integer()) {
    const int64_t number = j.get<int64_t>();
    const uint64_t size = number < 0 ? -static_cast<uint64_t>(number)
                                     : static_cast<uint64_t>(number);
    if (size > kMaxSafe) j = absl::StrCat(number);
  }
}

void PrintJson(std::ostream& out, absl::string_view kind,
               nlohmann::ordered_json object) {
  nlohmann::ordered_json json = {{"schema", kJsonSchema},
                                 {"kind", std::string(kind)}};
  for (auto& [key, value] : object.items()) json[key] = std::move(value);
  MakeJsonSafe(json);
  out << json.dump(2, ' ', false,
                   nlohmann::ordered_json::error_handler_t::replace)
      << "\n";
}

std::string JsonNumber(uint64_t number) {
  return number > kMaxSafe ? absl::StrCat("\"", number, "\"")
                           : absl::StrCat(number);
}

uint64_t NumberOfJson(const nlohmann::ordered_json& number) {
  if (number.is_number_unsigned()) return number.get<uint64_t>();
  if (!number.is_string()) return 0;
  return ParseNumber(number.get<std::string>()).value_or(0);
}

nlohmann::ordered_json ParsedJson(const std::string& text) {
  return nlohmann::ordered_json::parse(text, nullptr,
                                       /*allow_exceptions=*/false);
}

}  // namespace dmdax
