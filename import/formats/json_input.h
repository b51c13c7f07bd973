// SPDX-License-Identifier: Apache-2.0
//
// JSON inputs: parsed within bounds, and read with errors that name a place.
//
//   absl::StatusOr<nlohmann::json> root = ParseJsonInput(input);
//   JsonValue top{input, *root};
//   for (const JsonValue& d : top["blockdevices"].Elements()) {
//     std::string name = d["name"].Text();      // "" for null or none
//     absl::StatusOr<std::optional<SizeRange>> size = d["size"].Size();
//   }
//
// Threading: values.
#ifndef DMDAX_IMPORT_FORMATS_JSON_INPUT_H_
#define DMDAX_IMPORT_FORMATS_JSON_INPUT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "import/import_input.h"
#include "import/size_range.h"
#include "nlohmann/json.hpp"

namespace dmdax {

// EINVAL as CheckJsonSyntax(); EFBIG above 64 MiB.
absl::StatusOr<nlohmann::json> ParseJsonInput(const ImportInput& input);

// The first key of an object, or of the first object in a list: what tells
// the tools' outputs apart.  "" if the text does not begin that way.
std::string FirstJsonKey(absl::string_view text);
bool LooksLikeJson(absl::string_view text);

class JsonValue {
 public:
  JsonValue(const ImportInput& input, const nlohmann::json& root)
      : input_(&input), json_(&root) {}

  // The member, or one that is none.
  JsonValue operator[](absl::string_view key) const;
  bool exists() const { return json_ != nullptr && !json_->is_null(); }
  bool is_object() const { return exists() && json_->is_object(); }
  bool is_list() const { return exists() && json_->is_array(); }
  // Of a list; of anything else none.
  std::vector<JsonValue> Elements() const;

  // "" if there is none, or it is no string.  A number as its digits,
  // "-5", "1.5".
  std::string Text() const;
  // Nothing: there is none.  EINVAL: it is no number, or number in quotes
  // (decimal, or hexadecimal with 0x).
  absl::StatusOr<std::optional<uint64_t>> Number() const;
  // A number of bytes, or a text as ParseSize() takes it.
  absl::StatusOr<std::optional<SizeRange>> Size() const;
  // true, false, 1, 0 or those in quotes.
  std::optional<bool> Flag() const;

  Place place() const { return {input_, 0, 0, path_}; }
  absl::Status Expected(absl::string_view what) const;

 private:
  JsonValue(const ImportInput* input, const nlohmann::json* json,
            std::string path)
      : input_(input), json_(json), path_(std::move(path)) {}

  const ImportInput* input_;
  const nlohmann::json* json_;
  std::string path_;
};

}  // namespace dmdax

#endif  // DMDAX_IMPORT_FORMATS_JSON_INPUT_H_
