// SPDX-License-Identifier: Apache-2.0
//
// VariableOf: a name as a part of a shell's variable.
//
//   "vg" -> "vg", "vg-home" -> "vg__home"; no two names are one variable.
//
// Threading: pure function.
#ifndef DMDAX_TOOLS_CHECK_SHELL_VARIABLE_H_
#define DMDAX_TOOLS_CHECK_SHELL_VARIABLE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace dmdax {

std::string VariableOf(absl::string_view name);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_SHELL_VARIABLE_H_
