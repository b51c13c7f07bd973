// SPDX-License-Identifier: Apache-2.0
//
// PrintJson: an answer of --json, on standard output.
#ifndef DMDAX_TOOLS_PRINT_JSON_H_
#define DMDAX_TOOLS_PRINT_JSON_H_

#include <iostream>

#include "nlohmann/json.hpp"

namespace dmdax {

// Names may be any bytes; those that are no text become U+FFFD.
inline void PrintJson(const nlohmann::ordered_json& json) {
  std::cout << json.dump(2, ' ', false,
                         nlohmann::ordered_json::error_handler_t::replace)
            << "\n";
}

}  // namespace dmdax

#endif  // DMDAX_TOOLS_PRINT_JSON_H_
