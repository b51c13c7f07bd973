// SPDX-License-Identifier: Apache-2.0
//
// JSON for programs, the same everywhere: an object with a schema number and
// its kind, which names the file in docs/schema/ that describes it.
//
//   PrintJson(std::cout, "mounts", {{"mounts", nlohmann::json::array()}});
//   // {"schema": 1, "kind": "mounts", "mounts": []}
//
// A verb calls App::Answer() instead, which keeps it to one object a command.
// Threading: pure functions.
#ifndef DMDAX_TOOLS_PRINT_JSON_H_
#define DMDAX_TOOLS_PRINT_JSON_H_

#include <cstdint>
#include <ostream>
#include <string>

#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace dmdax {

// Changes when a key goes or means something else, not when one is added.
inline constexpr int kJsonSchema = 1;

// Names may be any bytes; those that are no text become U+FFFD.
void PrintJson(std::ostream& out, absl::string_view kind,
               nlohmann::ordered_json object);

// Makes each number from 2^53 on a string, as PrintJson() does.
void MakeJsonSafe(nlohmann::ordered_json& json);

// A number as PrintJson() writes it: from 2^53 on, where JavaScript would round
// it, a string.
std::string JsonNumber(uint64_t number);
// The reverse; 0 for anything else.
uint64_t NumberOfJson(const nlohmann::ordered_json& number);

// JSON that was printed elsewhere in the program, as part of an answer.
nlohmann::ordered_json ParsedJson(const std::string& text);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_PRINT_JSON_H_
