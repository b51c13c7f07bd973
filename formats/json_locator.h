// SPDX-License-Identifier: Apache-2.0
//
// Finds the place of a value in a JSON text that is known to be well-formed,
// and the other spelling of a key.
#ifndef DMDAX_FORMATS_JSON_LOCATOR_H_
#define DMDAX_FORMATS_JSON_LOCATOR_H_

#include <cstddef>
#include <map>
#include <string>
#include <vector>

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

// The same as a position, for many values of one text: the elements of a list
// are counted once, so that each of their places costs no more than the
// element.
//
//   JsonPlaces places;
//   places.Locate(json, "blockdevices[7].size");
//
// Threading: for one thread.
class JsonPlaces {
 public:
  // `json` is the same text each time.
  TextPosition Locate(absl::string_view json, absl::string_view path);

 private:
  struct Element {
    size_t offset = 0;
    TextPosition position;
  };
  // Of the list at a path, by that path.
  std::map<std::string, std::vector<Element>> lists_;
};

}  // namespace dmdax

#endif  // DMDAX_FORMATS_JSON_LOCATOR_H_
