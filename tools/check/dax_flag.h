// SPDX-License-Identifier: Apache-2.0
//
// A file's own DAX flag, which decides where its mount does not.
//
// Neither a copy nor a file that is made again has it: no program copies flags
// of inodes.
// Threading: pure functions.
#ifndef DMDAX_TOOLS_CHECK_DAX_FLAG_H_
#define DMDAX_TOOLS_CHECK_DAX_FLAG_H_

#include <string>

#include "state/session.h"
#include "state/world.pb.h"
#include "tools/check/cure.h"
#include "tools/check/subject.h"

namespace dmdax {

// Whether a word of the options gives DAX to all files, or takes it from them.
bool DecidesDaxForAll(const proto::Mount& mount);

// Whether what the file is excludes DAX, with the flag or without: it is
// encrypted, has verity or inline data, or its data is journalled.
bool IsNeverDax(const Session& session, const Subject& subject);

// Sets the flag of a file, which is typed as `path`.  It comes last, as the
// kernel reads the flag with the inode: when the file is opened again.
// Mirrors: ext4_dax_dontcache, xfs_ioctl_setattr_prepare_dax (6.1).
CureStep DaxFlagStep(const std::string& name, const std::string& path,
                     const std::string& mount);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_DAX_FLAG_H_
