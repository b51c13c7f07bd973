// SPDX-License-Identifier: Apache-2.0
//
// A word among a mount's options by which ext4 shows that an error or an ioctl
// has ended it.  No mount takes the word, so the World's has none, and what is
// answered of its files is a guess.
//
// Mirrors: _ext4_show_options, ext4_file_mmap, ext4_journal_check_start (6.15).
// Threading: SaysMountHasEnded() is a pure function.
#ifndef DMDAX_IMPORT_ENDED_MOUNT_H_
#define DMDAX_IMPORT_ENDED_MOUNT_H_

#include "absl/strings/string_view.h"
#include "fs/file_system_type.h"
#include "import/facts.h"

namespace dmdax {

// "shutdown" or "emergency_ro", of ext4.
bool SaysMountHasEnded(const FileSystemType& type, absl::string_view word);

// The guess that the mount has not ended, if its options say that it has.
void GuessEnded(const FileSystemType& type, const MountFact& m, Facts* facts);

}  // namespace dmdax

#endif  // DMDAX_IMPORT_ENDED_MOUNT_H_
