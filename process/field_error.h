// SPDX-License-Identifier: Apache-2.0
//
// An error that knows which field of its input is to blame.
//
//   absl::Status s = FieldError(EINVAL, "extent[2].physical", "5 is odd");
//   FieldOf(s);    // "extent[2].physical"
//
// A caller that reads its input from a file turns the field into a line and
// column; a command line shows the words alone.
// Threading: pure functions.
#ifndef DMDAX_PROCESS_FIELD_ERROR_H_
#define DMDAX_PROCESS_FIELD_ERROR_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace dmdax {

// ErrnoError() with a field: names and indexes as in state/world.proto.
absl::Status FieldError(int err, absl::string_view field,
                        absl::string_view what);

// "" for an error of another kind.
std::string FieldOf(const absl::Status& status);

// EINVAL "<field> <value>: not a multiple of <unit> bytes; nearest are 0 and
// 4096", or OK.  `path` is where `field` stands: "extent[2]." or "".  The
// nearest lie from `least` to `most` bytes, which are not checked.
absl::Status CheckMultiple(absl::string_view path, absl::string_view field,
                           uint64_t value, uint64_t unit, uint64_t least = 0,
                           uint64_t most = UINT64_MAX);

}  // namespace dmdax

#endif  // DMDAX_PROCESS_FIELD_ERROR_H_
