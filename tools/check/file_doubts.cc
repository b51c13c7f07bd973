// SPDX-License-Identifier: Apache-2.0
#include "tools/check/file_doubts.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "base/round_up.h"
#include "base/units.h"
#include "fs/ext4_holes.h"
#include "fs/extent_seams.h"
#include "iomap/dax_inode.h"
#include "process/user_space.h"
#include "tools/byte_count.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

// Of the extents that `is` picks.
template <typename Is>
uint64_t BytesOf(const DaxInode& inode, uint64_t size, Is is) {
  uint64_t bytes = 0;
  for (const FileExtent& e : inode.extents.All()) {
    if (!is(e) || e.logical >= size) continue;
    bytes += std::min(e.length, size - e.logical);
  }
  return bytes;
}

// Whether nothing but extents without a place keeps it from the wish.
bool OnlyUnplaced(const Look& look) {
  return absl::c_all_of(look.obstacles, [](const Obstacle& o) {
    return o.name == FaultReasonName(FaultReasonCode::kExtentType);
  });
}

// Whether the file still has the blocks that were listed: what was done to it
// since may have given it others.
bool IsThere(const DaxInode& inode, const FileExtent& listed) {
  const FileExtent now = inode.extents.Find(listed.logical);
  return now.type == listed.type && now.physical == listed.physical;
}

// Where one of the listed extents goes on with the next on the device, within a
// page: the pages, each once, by their beginning.
std::set<uint64_t> PagesWithSeams(const DaxInode& inode,
                                  std::vector<FileExtent> extents,
                                  uint64_t page, uint64_t size) {
  std::set<uint64_t> pages;
  for (const auto& [a, b] : SeamsOf(std::move(extents))) {
    if (b.logical % page == 0 || !IsThere(inode, a) || !IsThere(inode, b)) {
      continue;
    }
    const uint64_t begin = RoundDown(b.logical, page);
    // The last partial page is none.
    if (begin + page <= size) pages.insert(begin);
  }
  return pages;
}

}  // namespace

std::vector<std::string> FileDoubts(const Session& session, const Look& look,
                                    Wish wish) {
  std::vector<std::string> doubts;
  const bool pages = wish == Wish::kPmd || wish == Wish::kPud;
  const bool open = look.dax && OnlyUnplaced(look);
  const bool asked = pages || wish == Wish::kDax;
  if (!asked || !open || look.subject.kind != Subject::kFile) return doubts;
  const absl::StatusOr<MountedFile*> file =
      session.user->FindFile(look.subject.name);
  if (!file.ok()) return doubts;
  const DaxInode& inode = (*file)->inode;
  const uint64_t size = look.subject.size;
  if (const uint64_t unplaced = BytesOf(inode, size, [](const FileExtent& e) {
        return e.type == IOMAP_DELALLOC;
      })) {
    doubts.push_back(absl::StrCat(
        look.subject.name, " has ", unplaced,
        " bytes that had no blocks yet when its extents were listed (delalloc)"
        ": sync, or filefrag -s, and ask again"));
  }
  if (!pages || !look.obstacles.empty()) return doubts;
  if (const uint64_t shared =
          BytesOf(inode, size, [](const FileExtent& e) { return e.shared; })) {
    doubts.push_back(
        absl::StrCat(look.subject.name, " shares ", shared,
                     " bytes with another file (reflink): where a write of "
                     "them gets its copy"));
  }
  const uint64_t page = wish == Wish::kPud ? uint64_t{1} << 30 : kPmdBytes;
  if (const std::set<uint64_t> seams =
          PagesWithSeams(inode, (*file)->options.extents, page, size);
      !seams.empty()) {
    doubts.push_back(absl::StrCat(
        "in ", look.subject.name,
        " one extent ends and the next goes on behind "
        "it within ",
        seams.size(), seams.size() == 1 ? " page" : " pages", " of ",
        BytesText(page), ", the first at byte ", *seams.begin(),
        ": a file system may answer for one extent at a time, and then maps no "
        "such page"));
  }
  if (!inode.has_extents && size > kExt4DirectBlocks * kPageSize) {
    doubts.push_back(absl::StrCat(
        look.subject.name, " has no extents but pointers to its blocks: after ",
        kExt4DirectBlocks, " blocks, and after each ", kExt4Pointers,
        " more, a page of 2 MiB is mapped only as long as the kernel remembers "
        "the blocks on both sides; ext4 with extents has no such places"));
  }
  return doubts;
}

}  // namespace dmdax
