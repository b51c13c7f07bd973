// SPDX-License-Identifier: Apache-2.0
//
// What the path of a file of a sosreport says of it, before it is read.
//
//   IsImportPath("sos-x/proc/iomem");        // true
//   IsImportPath("sos-x/var/log/messages");  // false
//
// Threading: pure functions.
#ifndef DMDAX_IMPORT_IMPORT_PATHS_H_
#define DMDAX_IMPORT_IMPORT_PATHS_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace dmdax {

// Whether a file at this path of a sosreport may say something.
bool IsImportPath(absl::string_view path);

// Whether files below this directory may.
bool IsImportDirectory(absl::string_view path);

// What a file is expected to have by its name, which is a command's or that of
// a file of /proc.
enum class NamedAs {
  kNothing,
  // Without it the machine is the same, but for its kernel or addresses.
  kHarmless,
  kAnswers,
  kTables,   // or the names and numbers of mapped devices
  kExtents,  // of files
};
NamedAs NamedFor(absl::string_view path);

// Where a symbolic link leads, without following others; nullopt: out of the
// collection.
std::optional<std::string> ResolveLink(absl::string_view path,
                                       absl::string_view target);

}  // namespace dmdax

#endif  // DMDAX_IMPORT_IMPORT_PATHS_H_
