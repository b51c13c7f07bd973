// SPDX-License-Identifier: Apache-2.0
//
// The members of an archive, by libarchive.
#ifndef DMDAX_IMPORT_IMPORT_ARCHIVE_H_
#define DMDAX_IMPORT_IMPORT_ARCHIVE_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace dmdax {

struct ArchiveMember {
  std::string path;
  // All of the member, or an error.  Not calling it skips the member.
  std::function<absl::StatusOr<std::string>(size_t most)> read;
};

// Calls `visit` for each regular file of an archive in memory: tar, alone or
// compressed.  A compressed file that is no archive is one member with the
// path "".
absl::Status VisitArchive(
    absl::string_view bytes, const std::string& name,
    const std::function<absl::Status(const ArchiveMember&)>& visit);

}  // namespace dmdax

#endif  // DMDAX_IMPORT_IMPORT_ARCHIVE_H_
