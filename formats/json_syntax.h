// SPDX-License-Identifier: Apache-2.0
//
// CheckJsonSyntax: whether a text is JSON, and where it stops being that.
//
//   absl::Status s = CheckJsonSyntax("{\"a\": }", "w.json");
//   // "w.json:1:7: not JSON: syntax error while parsing value - ..."
//
// Refused too: a key given twice in one object (in either of Protobuf's
// spellings), more than 64 levels, more than 8 Mi objects; if so asked a null
// in a list, which Protobuf would leave out. Errors: EINVAL with
// "<file>:<line>:<column>: <what>". Threading: pure function.
#ifndef DMDAX_FORMATS_JSON_SYNTAX_H_
#define DMDAX_FORMATS_JSON_SYNTAX_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace dmdax {

enum class JsonNulls { kAnywhere, kNotInLists };

absl::Status CheckJsonSyntax(absl::string_view text, absl::string_view file,
                             JsonNulls nulls = JsonNulls::kAnywhere);

}  // namespace dmdax

#endif  // DMDAX_FORMATS_JSON_SYNTAX_H_
