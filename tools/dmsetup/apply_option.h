// SPDX-License-Identifier: Apache-2.0
//
// ApplyOption: one option of the command line, as getopt_long(3) has found it,
// put into DmsetupOptions.
#ifndef DMDAX_TOOLS_DMSETUP_APPLY_OPTION_H_
#define DMDAX_TOOLS_DMSETUP_APPLY_OPTION_H_

#include <string>

#include "absl/strings/string_view.h"
#include "tools/dmsetup/options.h"

namespace dmdax {

// `c` is getopt's number of the option, `arg` its argument or null.  Appends
// dmsetup's message and returns false when the argument will not do.
bool ApplyOption(int c, const char* arg, DmsetupOptions& o, std::string* err);

// "none", "auto" or "hex" in any case; false for another word.
bool ParseMangling(absl::string_view word, MangleMode& mode);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_APPLY_OPTION_H_
