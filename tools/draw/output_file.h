// SPDX-License-Identifier: Apache-2.0
//
// WriteOutputFile: all of a file or nothing of it.
//
//   absl::Status s = WriteOutputFile("/tmp/stack.html", html);
//
// A file beside it is written and renamed, so that no reader ever sees half of
// it, and what was there stays if anything fails.  A link stays one, also if
// what it leads to is not there yet.  What is no regular file (a pipe) or is
// open already (/dev/stdout, /dev/fd/3) is written to as it is: a link to what
// is open is no name of it, which would be replaced instead.
// Threading: safe; of two writers the later has its way.
#ifndef DMDAX_TOOLS_DRAW_OUTPUT_FILE_H_
#define DMDAX_TOOLS_DRAW_OUTPUT_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace dmdax {

// EISDIR; the errno of what failed, with the path.
absl::Status WriteOutputFile(const std::string& path, absl::string_view bytes);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DRAW_OUTPUT_FILE_H_
