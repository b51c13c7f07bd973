// SPDX-License-Identifier: Apache-2.0
//
// A directory by a path that nobody else leads elsewhere.
//
// The path is walked name by name.  A symbolic link in it is followed if it is
// ours or root's, and refused otherwise: somebody else's can lead root to a
// directory of root's.  So is a directory that everybody may write (without the
// sticky bit), if the last name is looked up in it.
//
// Errors: the errno of the system call; EPERM for what is refused.
// Threading: thread-safe.
#ifndef DMDAX_STATE_DIR_TRUSTED_PATH_H_
#define DMDAX_STATE_DIR_TRUSTED_PATH_H_

#include <sys/stat.h>

#include <string>

#include "absl/status/statusor.h"
#include "base/fd.h"

namespace dmdax {

enum class MissingDir {
  kIsAnError,
  kIsMade,  // mode 0700; those above it 0755
};

// Opened for reading.
absl::StatusOr<Fd> OpenTrustedDir(const std::string& path, MissingDir missing);

bool IsOursOrRoots(const struct stat& st);

}  // namespace dmdax

#endif  // DMDAX_STATE_DIR_TRUSTED_PATH_H_
