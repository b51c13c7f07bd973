// SPDX-License-Identifier: Apache-2.0
//
// One input of an import, a place in it, and errors that name that place.
//
//   ImportInput input{.name = "lsblk.json", .path = "lsblk.json",
//                     .text = "{\"blockdevices\": []}"};
//   Place place{&input, 1, 2};
//   place.ToString();                     // "lsblk.json:1:2"
//   place.Error("a list is expected");    // EINVAL
//   // lsblk.json:1:2: a list is expected
//
// An input lives as long as the import, so a Place is cheap to keep.
// Threading: values.
#ifndef DMDAX_IMPORT_IMPORT_INPUT_H_
#define DMDAX_IMPORT_IMPORT_INPUT_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "formats/json_locator.h"

namespace dmdax {

struct ImportInput {
  // As messages call it: "sos.tar.xz:proc/iomem".
  std::string name;
  // Where it was: below the directory or in the archive, or the file's path.
  std::string path;
  // All of it, without a byte order mark.
  std::string text;
  // Where its JSON values are, as far as they were asked for.
  mutable JsonPlaces places = {};
  // What was behind the last line break of `text`, where that is left out as it
  // may be a part of a line.
  std::string cut = "";
};

struct Place {
  const ImportInput* input = nullptr;
  size_t line = 0;    // from 1; 0: of a JSON value, or of the whole input
  size_t column = 0;  // from 1, in bytes
  // Of a JSON value: "blockdevices[2].size".
  std::string json_path = "";

  // Finds a JSON value by reading the text again: for messages only.
  std::string ToString() const;
  // EINVAL, with the place in front.
  absl::Status Error(absl::string_view what) const;
};

// At most this much of a text that an error quotes.
std::string Quoted(absl::string_view text);

}  // namespace dmdax

#endif  // DMDAX_IMPORT_IMPORT_INPUT_H_
