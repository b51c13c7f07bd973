// SPDX-License-Identifier: Apache-2.0
//
// File systems without DAX, or whose DAX is not modelled: a World may have them
// mounted, with whatever options, and none of their files can be mapped
// directly.  Nobody can mount one by a command.
//
// Mirrors: the file systems of fs/ (6.1) without FS_DAX in their Kconfig.
// Threading: pure functions.
#ifndef DMDAX_FS_NO_DAX_H_
#define DMDAX_FS_NO_DAX_H_

#include "absl/strings/string_view.h"
#include "fs/file_system_type.h"

namespace dmdax {

// What an import has that does not say more.
inline constexpr absl::string_view kUnknownFileSystem = "unknown";

// Null: it is none of them.
const FileSystemType* FindUnmodelledFileSystem(absl::string_view name);

}  // namespace dmdax

#endif  // DMDAX_FS_NO_DAX_H_
