// SPDX-License-Identifier: Apache-2.0
//
// Rows of dm tables as the tools print them, with a place for every error.
#ifndef DMDAX_IMPORT_FORMATS_DM_ROWS_H_
#define DMDAX_IMPORT_FORMATS_DM_ROWS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "import/facts.h"
#include "import/formats/input_lines.h"

namespace dmdax {

// "0 8 linear 259:0 2048".
absl::StatusOr<DmTargetSpec> ReadDmRow(LineWords& words);

// Splits at `separator`, but for one behind a backslash; the parts keep their
// backslashes.
std::vector<absl::string_view> SplitEscaped(absl::string_view text,
                                            char separator);

// The kernel's name of a device that dmsetup shows: that has \x20 where a blank
// is shown, and so on for all that udev takes in no name.
std::string NameBehindShown(absl::string_view shown);

// Whose names a text has: as the kernel has them, or as dmsetup shows them.
enum class NamesOf { kKernel, kDmsetup };

// A device of a concise list, on the command line of dmsetup or the kernel:
// name,uuid,minor,flags,row[,row...].  `text` is a part of that of `input`.
// Backslash takes the next character as it is.
absl::Status ReadConciseDevices(const ImportInput& input,
                                absl::string_view text, NamesOf names,
                                Facts* facts);

// The row without what its parameters tell of a key: crypt's key becomes as
// many zeros, which dmsetup shows without --showkeys.
DmTargetSpec WithoutKey(DmTargetSpec row);

}  // namespace dmdax

#endif  // DMDAX_IMPORT_FORMATS_DM_ROWS_H_
