// SPDX-License-Identifier: Apache-2.0
//
// Where a value stands in a JSON text that is known to be well-formed, and the
// other spelling of a key.
#ifndef DMDAX_FORMATS_JSON_LOCATOR_H_
#define DMDAX_FORMATS_JSON_LOCATOR_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace dmdax {

struct TextPosition {
  size_t line = 1;    // from 1
  size_t column = 1;  // from 1, in bytes
};

// The position of byte `offset`.
TextPosition PositionOf(absl::string_view text, size_t offset);

// mapped_device as Protobuf's JSON spells it: mappedDevice.
std::string CamelCase(absl::string_view name);

// The offset of the value at a path such as "mapped_device[2].name", or of
// the deepest value on the way that exists.  A key may be written in either
// of Protobuf's spellings (mapped_device, mappedDevice).
size_t LocateJson(absl::string_view json, absl::string_view path);

}  // namespace dmdax

#endif  // DMDAX_FORMATS_JSON_LOCATOR_H_
