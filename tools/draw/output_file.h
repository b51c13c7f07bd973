// SPDX-License-Identifier: Apache-2.0
//
// WriteOutputFile: all of a file or nothing of it.
//
//   absl::Status s = WriteOutputFile("/tmp/stack.html", html);
//
// A file beside it is written and renamed, so that no reader ever sees half of
// it, and what was there stays if anything fails.  What is no regular file
// (/dev/stdout, a pipe) is written to as it is.
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
