// SPDX-License-Identifier: Apache-2.0
//
// How files of /proc write a blank in a path.
// Mirrors: mangle_path of fs/seq_file.c (6.1).  Threading: pure function.
#ifndef DMDAX_IMPORT_FORMATS_OCTAL_BLANKS_H_
#define DMDAX_IMPORT_FORMATS_OCTAL_BLANKS_H_

#include <string>

#include "absl/strings/string_view.h"

namespace dmdax {

// "/a b" of "/a\040b".
std::string WithOctalBlanks(absl::string_view text);

}  // namespace dmdax

#endif  // DMDAX_IMPORT_FORMATS_OCTAL_BLANKS_H_
