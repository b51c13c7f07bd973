// SPDX-License-Identifier: Apache-2.0
#include "tools/check/file_doubts.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/units.h"
#include "fs/ext4_holes.h"
#include "iomap/dax_inode.h"
#include "process/user_space.h"

namespace dmdax {
namespace {

uint64_t SharedBytes(const DaxInode& inode, uint64_t size) {
  uint64_t bytes = 0;
  for (const FileExtent& e : inode.extents.All()) {
    if (!e.shared || e.logical >= size) continue;
    bytes += std::min(e.length, size - e.logical);
  }
  return bytes;
}

}  // namespace

std::vector<std::string> FileDoubts(const Session& session, const Look& look,
                                    Wish wish) {
  std::vector<std::string> doubts;
  const bool pages = wish == Wish::kPmd || wish == Wish::kPud;
  const bool open = look.dax && look.obstacles.empty();
  if (!pages || !open || look.subject.kind != Subject::kFile) return doubts;
  const absl::StatusOr<MountedFile*> file =
      session.user->FindFile(look.subject.name);
  if (!file.ok()) return doubts;
  const DaxInode& inode = (*file)->inode;
  if (const uint64_t shared = SharedBytes(inode, look.subject.size)) {
    doubts.push_back(
        absl::StrCat(look.subject.name, " shares ", shared,
                     " bytes with another file (reflink): where a write of "
                     "them gets its copy"));
  }
  if (!inode.has_extents && look.subject.size > kExt4DirectBlocks * kPageSize) {
    doubts.push_back(absl::StrCat(
        look.subject.name, " has no extents but pointers to its blocks: after ",
        kExt4DirectBlocks, " blocks, and after each ", kExt4Pointers,
        " more, a page of 2 MiB is mapped only as long as the kernel remembers "
        "the blocks on both sides; ext4 with extents has no such places"));
  }
  return doubts;
}

}  // namespace dmdax
