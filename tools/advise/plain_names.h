// SPDX-License-Identifier: Apache-2.0
//
// Names that are words of a shell as they are: "vg" is a plain name of LVM2's,
// "pvmove0" a plain one that it keeps for itself.
//
// Mirrors: validate_name, apply_lvname_restrictions of LVM2 (2.03.16).
// Threading: pure functions.
#ifndef DMDAX_TOOLS_ADVISE_PLAIN_NAMES_H_
#define DMDAX_TOOLS_ADVISE_PLAIN_NAMES_H_

#include <string>

namespace dmdax {

// Of letters, digits and `marks`; not "", "." or "..", nor an option.
bool IsWordOf(const std::string& name, const char* marks);

// What LVM2 takes as the name of a group or volume.
bool IsPlainLvmName(const std::string& name);

// One that LVM2 keeps for volumes of its own.
bool IsReservedLv(const std::string& name);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_ADVISE_PLAIN_NAMES_H_
