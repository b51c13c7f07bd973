// SPDX-License-Identifier: Apache-2.0
//
// What people give to an import that nobody can read there, and what to give
// instead.
// Threading: pure function.
#ifndef DMDAX_IMPORT_LOOK_ALIKE_H_
#define DMDAX_IMPORT_LOOK_ALIKE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace dmdax {

// "a table of lsblk for people: lsblk -J -b -O says all"; "": it is nothing of
// that kind.
std::string LookAlike(absl::string_view text);

}  // namespace dmdax

#endif  // DMDAX_IMPORT_LOOK_ALIKE_H_
