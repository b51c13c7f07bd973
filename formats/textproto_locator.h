// SPDX-License-Identifier: Apache-2.0
//
// Finds the place of a field in a textproto that has been parsed.
//
// Protobuf's ParseInfoTree could tell, but takes about 1 KiB of memory a row.
// This reads the text once more, and only for an error.
#ifndef DMDAX_FORMATS_TEXTPROTO_LOCATOR_H_
#define DMDAX_FORMATS_TEXTPROTO_LOCATOR_H_

#include <string>

#include "absl/strings/string_view.h"
#include "formats/json_locator.h"

namespace dmdax {

// The position of the field at a path such as "mapped_device[2].name", or of
// the last one on the way that was written; 1:1 when none was.  An element of
// a list (`stripe: [{...}, {...}]`) is where its value begins.
TextPosition LocateTextproto(absl::string_view text, absl::string_view path);

// A position as Protobuf's tokenizer counts (lines and columns from 0, tabs
// to the next multiple of 8), in ours (from 1, a tab is one column).
TextPosition FromTokenizer(absl::string_view text, int line, int column);

}  // namespace dmdax

#endif  // DMDAX_FORMATS_TEXTPROTO_LOCATOR_H_
