// SPDX-License-Identifier: Apache-2.0
//
// How files of /proc write a blank in a path, and a backslash.
// Mirrors: mangle_path of fs/seq_file.c, seq_show_option of
// include/linux/seq_file.h (6.1).  Threading: pure functions.
#ifndef DMDAX_IMPORT_FORMATS_OCTAL_BLANKS_H_
#define DMDAX_IMPORT_FORMATS_OCTAL_BLANKS_H_

#include <string>

#include "absl/strings/string_view.h"

namespace dmdax {

// "/a b" of "/a\040b".
std::string WithOctalBlanks(absl::string_view text);

// The same of a mount's options, "logdev=/dev/mapper/a\134x20b".  A comma that
// is no end of an option stays "\054", or it would be one.
std::string OptionsWithOctalBlanks(absl::string_view options);

}  // namespace dmdax

#endif  // DMDAX_IMPORT_FORMATS_OCTAL_BLANKS_H_
