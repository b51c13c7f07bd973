// SPDX-License-Identifier: Apache-2.0
//
// Which paths are the machine's: those of DMDAX_TREE_PATHS, which a door looks
// up below the scratch tree (docs/protocol.md, "Names are files").
//
//   CleanPath("//dev/./mapper/../dm-0");        // "dev/dm-0"
//   IsMachinePath("dev/dm-0");                  // true
//   IsMachinePath("devices");                   // false
//
// Below /sys, where directories are links, ".." is left to the kernel.
// Threading: thread-safe.
#ifndef DMDAX_RUN_NOTIFY_TREE_PATHS_H_
#define DMDAX_RUN_NOTIFY_TREE_PATHS_H_

#include <string>

#include "absl/strings/string_view.h"

namespace dmdax::run {

// Of an absolute path, without the leading slash; one at the end stays, since
// it asks for a directory.
std::string CleanPath(absl::string_view path);

// Of what CleanPath() returns.
bool IsMachinePath(absl::string_view clean);

// Whether `path` is `top` or below it.
bool IsAtOrBelow(absl::string_view path, absl::string_view top);

}  // namespace dmdax::run

#endif  // DMDAX_RUN_NOTIFY_TREE_PATHS_H_
