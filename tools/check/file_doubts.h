// SPDX-License-Identifier: Apache-2.0
//
// FileDoubts: what the pages of a file depend on, and no list of its extents
// says.
//
// A block that two files share is copied when one of them is written, and
// nobody knows where to.  Extents have a longest length, behind which another
// begins: xfs never answers for two at once, ext4 may, if it remembers both as
// one.  A file without extents is mapped up to the end of a
// block of pointers, unless the kernel remembers that the blocks behind go on.
// Mirrors: fs/xfs/xfs_reflink.c xfs_reflink_allocate_cow; fs/ext4/indirect.c
// ext4_ind_map_blocks; fs/ext4/extents_status.c; fs/xfs/libxfs/xfs_bmap.c
// xfs_bmapi_read (6.1).
// Threading: as Machine and DmCtl.
#ifndef DMDAX_TOOLS_CHECK_FILE_DOUBTS_H_
#define DMDAX_TOOLS_CHECK_FILE_DOUBTS_H_

#include <string>
#include <vector>

#include "state/session.h"
#include "tools/check/look.h"

namespace dmdax {

// In words.  Empty: nothing is in doubt, or the answer is no without it.
std::vector<std::string> FileDoubts(const Session& session, const Look& look,
                                    Wish wish);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_FILE_DOUBTS_H_
