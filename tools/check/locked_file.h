// SPDX-License-Identifier: Apache-2.0
//
// Files with FS_IMMUTABLE_FL or FS_APPEND_FL: nobody writes, replaces or opens
// them for another flag before those are taken off.
//
// Mirrors: may_delete of fs/namei.c, vfs_fallocate of fs/open.c (6.1).
// Threading: pure functions.
#ifndef DMDAX_TOOLS_CHECK_LOCKED_FILE_H_
#define DMDAX_TOOLS_CHECK_LOCKED_FILE_H_

#include <string>
#include <vector>

#include "state/world.pb.h"
#include "tools/check/cure.h"

namespace dmdax {

// As chattr takes them, "i", "a" or "ai"; "": it has none.
std::string LockingFlags(const proto::File& file);

// "chattr -i /mnt/f".
std::string UnlockCommand(const std::string& flags, const std::string& path);

// Puts one before the steps of a file, which are all of one stage and about
// "/mnt/f 1" and so on, and one behind them that gives it the flags again.
void UnlockAround(const std::string& flags, const std::string& path,
                  std::vector<CureStep>* steps);
// That behind them alone.
void LockBehind(const std::string& flags, const std::string& path,
                std::vector<CureStep>* steps);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_LOCKED_FILE_H_
