// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/fed_blocks.h"

#include <linux/falloc.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "base/round_up.h"

namespace dmdax::conformance {
namespace {

constexpr uint64_t kBlock = 4096;
constexpr uint64_t kNoEnd = uint64_t{1} << 62;
// Blocks that were freed again before anything showed where they were.
constexpr uint64_t kNobodyKnows = 64 << 20;

bool Allocates(const std::string& op) {
  return op == "falloc" || op == "zero" || op == "sh";
}

// 5.10 has no events of extents.  A fault says the page, and the first
// direct_access behind it the place.
std::vector<FileExtent> FromDirectAccess(const Json& events) {
  std::vector<FileExtent> found;
  std::optional<uint64_t> page;
  for (const Json& event : events) {
    const std::string text = event;
    if (absl::StartsWith(text, "iomap_iter_")) return {};
    if (absl::StartsWith(text, "dax_pmd_fault:") ||
        absl::StartsWith(text, "dax_pte_fault:")) {
      page = HexAfter(text, " pgoff ");
    }
    uint64_t at = 0, nr = 0;
    const size_t da = text.find("_da: ");
    if (!page || da == std::string::npos ||
        sscanf(text.c_str() + da, "_da: pgoff=%lu nr=%lu", &at, &nr) != 2) {
      continue;
    }
    found.push_back({.logical = *page / nr * nr * kBlock,
                     .physical = at * kBlock,
                     .length = nr * kBlock});
    page.reset();
  }
  return found;
}

// Moves what `origin` has at `from` and beyond to `to`.
void Move(FileExtents& origin, uint64_t from, uint64_t to) {
  std::vector<FileExtent> moved;
  for (uint64_t pos = from; pos < kNoEnd;) {
    FileExtent part = origin.Find(pos);
    pos += part.length;
    if (part.type == IOMAP_HOLE) continue;
    part.logical = part.logical - from + to;
    moved.push_back(part);
  }
  origin.Remove(std::min(from, to), kNoEnd);
  for (const FileExtent& extent : moved) origin.Insert(extent);
}

}  // namespace

uint64_t HexAfter(const std::string& event, const std::string& key) {
  const size_t at = event.find(key);
  if (at == std::string::npos) return 0;
  return strtoull(event.c_str() + at + key.size(), nullptr, 16);
}

FileExtent Fiemap(const Json& e) {
  FileExtent extent{.logical = e["logical"],
                    .physical = e["physical"],
                    .length = e["length"],
                    .type = IOMAP_MAPPED};
  for (const Json& flag : e["flags"]) {
    if (flag == "unwritten") extent.type = IOMAP_UNWRITTEN;
    if (flag == "delalloc") extent.type = IOMAP_DELALLOC;
    if (flag == "shared") extent.shared = true;
  }
  return extent;
}

void FedBlocks::set_extsize(uint64_t bytes) {
  list_.set_extsize(bytes);
  has_extsize_ = bytes > 0;
}

void FedBlocks::Feed(const FileExtent& seen) {
  ExtentListAllocator& list = feeds_later_ ? later_ : list_;
  for (uint64_t pos = seen.logical; pos < seen.end();) {
    FileExtent part = origin_.Find(pos);
    part.length = std::min(part.length, seen.end() - pos);
    const uint64_t physical = seen.physical + (pos - seen.logical);
    pos += part.length;
    if (part.type == IOMAP_HOLE) continue;
    const uint64_t end = part.physical + part.length;
    for (uint64_t at = part.physical; at < end;) {
      FileExtent known = list.extents().Find(at);
      known.length = std::min(known.length, end - at);
      if (known.type == IOMAP_HOLE) {
        list.Add({.logical = at,
                  .physical = physical + (at - part.physical),
                  .length = known.length});
      }
      at += known.length;
    }
  }
}

void FedBlocks::FollowSize(const FileChange& change) {
  const uint64_t end = change.offset + change.length;
  const bool grows = change.kind == FileChange::Kind::kWrite ||
                     (change.kind == FileChange::Kind::kFallocate &&
                      (change.mode & FALLOC_FL_KEEP_SIZE) == 0);
  if (change.kind == FileChange::Kind::kTruncate) size_ = change.offset;
  if (!grows) return;
  switch (change.mode) {
    case FALLOC_FL_COLLAPSE_RANGE:
      size_ -= std::min(size_, change.length);
      return;
    case FALLOC_FL_INSERT_RANGE:
      size_ += change.length;
      return;
    default:
      size_ = std::max(size_, end);
  }
}

void FedBlocks::Follow(const FileChange& change, const DaxInode& inode) {
  const uint64_t from = RoundUp(change.offset, kBlock);
  const uint64_t end = change.offset + change.length;
  const uint64_t to = RoundDown(end, kBlock);
  switch (change.kind) {
    case FileChange::Kind::kFsync:
    case FileChange::Kind::kSync:
      return;
    case FileChange::Kind::kTruncate:
      if (change.offset > size_) return;
      origin_.Remove(from, kNoEnd - std::min(from, kNoEnd));
      return;
    case FileChange::Kind::kWrite:
      // What is shared becomes a copy elsewhere.
      if (!inode.reflinked) return;
      origin_.Remove(RoundDown(change.offset, kBlock),
                     RoundUp(end, kBlock) - RoundDown(change.offset, kBlock));
      return;
    case FileChange::Kind::kFallocate:
      break;
  }
  const bool zero_frees = recorded_.zero_frees == ZeroRangeFrees::kYes;
  switch (change.mode & ~FALLOC_FL_KEEP_SIZE) {
    case FALLOC_FL_ZERO_RANGE:
      if (zero_frees && to > from) origin_.Remove(from, to - from);
      return;
    case FALLOC_FL_PUNCH_HOLE:
      if (to > from) origin_.Remove(from, to - from);
      return;
    case FALLOC_FL_COLLAPSE_RANGE:
      origin_.Remove(change.offset, change.length);
      Move(origin_, end, change.offset);
      return;
    case FALLOC_FL_INSERT_RANGE:
      Move(origin_, change.offset, end);
      return;
    default:
      return;
  }
}

void FedBlocks::TakeOwnEvent(const FileExtent& extent, const std::string& text,
                             const DaxInode& inode) {
  if (!inode.s_dax || allocates_) return;
  if (absl::StrContains(text, "NEW")) {
    seen_.push_back(extent);
  } else if (inode.extents.Find(extent.logical).type == IOMAP_HOLE) {
    // A try that failed left blocks behind.
    left_ = true;
  }
}

void FedBlocks::TakeEvents(size_t i, size_t j, const DaxInode& inode) {
  const Json events = (*recorded_.steps)[j].value("events", Json::array());
  for (FileExtent extent : FromDirectAccess(events)) {
    extent.physical -= inode.dax_part_off;
    Feed(extent);
  }
  for (const Json& event : events) {
    const std::string text = event;
    if (!absl::StartsWith(text, "iomap_iter_dstmap")) continue;
    // Of a DAX file the place on the whole disk.
    FileExtent extent{.logical = HexAfter(text, " offset "),
                      .physical = HexAfter(text, " addr "),
                      .length = HexAfter(text, " length ")};
    if (extent.physical == IOMAP_NULL_ADDR) continue;
    if (inode.s_dax) extent.physical -= inode.dax_part_off;
    if (absl::StrContains(text, "SHARED")) {
      if (j == i) copies_.push_back(extent);
      if (j > i) origin_.Remove(extent.logical, extent.length);
      continue;
    }
    if (j == i) TakeOwnEvent(extent, text, inode);
    Feed(extent);
  }
}

void FedBlocks::Take(size_t i, const DaxInode& inode) {
  if (recorded_.steps == nullptr) return;
  const Json& steps = *recorded_.steps;
  list_.Clear();
  later_.Clear();
  feeds_later_ = false;
  copies_.clear();
  seen_.clear();
  last_ = {.length = 0};
  left_ = false;
  near_.reset();
  for (const FileExtent& known : inode.extents.All()) {
    if (known.type != IOMAP_DELALLOC) near_ = known.physical;
  }
  full_ = steps[i].value("errno", Json()) == "ENOSPC";
  // What is written to a file that is not DAX gets its blocks when it is
  // written back, by any operation.
  allocates_ = Allocates(steps[i].value("op", "")) || !inode.s_dax;
  origin_ = FileExtents();
  origin_.Insert({.length = kNoEnd});
  size_ = inode.i_size;
  if (i < recorded_.changes.size()) {
    for (const FileChange& change : recorded_.changes[i]) FollowSize(change);
  }
  freed_behind_ = FreedBehind(i, inode);
  TakeEvents(i, i, inode);
  // What came new in this step was seen whole.
  left_ &= seen_.empty();
  feeds_later_ =
      !allocates_ && !has_extsize_ && recorded_.shows == ShowsAllocations::kYes;
  for (size_t j = i + 1; j < steps.size(); ++j) {
    const bool truncates = steps[j].value("op", "") == "trunc";
    // A truncate looks at the last block before it frees others.
    if (truncates) TakeEvents(i, j, inode);
    if (j < recorded_.changes.size()) {
      for (const FileChange& change : recorded_.changes[j]) {
        Follow(change, inode);
        FollowSize(change);
      }
    }
    if (!truncates) TakeEvents(i, j, inode);
  }
  for (const Json& e :
       recorded_.after != nullptr ? *recorded_.after : Json::array()) {
    const FileExtent extent = Fiemap(e);
    if (extent.type != IOMAP_DELALLOC) Feed(extent);
  }
  if (full_) got_end_ = EndOfGot(i, inode);
}

uint64_t FedBlocks::FreedBehind(size_t i, const DaxInode& inode) const {
  const bool is_xfs = recorded_.zero_frees == ZeroRangeFrees::kYes;
  const bool is_others = (*recorded_.steps)[i].value("op", "") == "sh";
  if (!is_xfs || !is_others || inode.xfs.eof_released) return kNoEnd;
  return RoundUp(size_, kBlock);
}

// The file has grown as far as blocks came, which the next fault shows; else
// there is what is seen of the blocks themselves.
uint64_t FedBlocks::EndOfGot(size_t i, const DaxInode& inode) const {
  if (recorded_.keeps == FallocateKeeps::kNothing) return 0;
  const Json& steps = *recorded_.steps;
  for (size_t j = i + 1; j < steps.size(); ++j) {
    if (j < recorded_.changes.size() && !recorded_.changes[j].empty()) break;
    for (const Json& event : steps[j].value("events", Json::array())) {
      const uint64_t size = HexAfter(event, " max_pgoff ") * kBlock;
      if (size > RoundUp(inode.i_size, kBlock)) return size;
    }
  }
  uint64_t end = 0;
  for (const FileExtent& known : list_.extents().All()) end = known.end();
  return end;
}

std::optional<FileExtent> FedBlocks::Unseen(const FileExtent& guess) const {
  if (!recorded_.zeroout) return std::nullopt;
  ExtentListAllocator later = later_;
  std::optional<FileExtent> got = later.Allocate(guess.logical, guess.length);
  // xfs gives up its log, and nothing shows the blocks any more.
  if (!got && recorded_.zero_frees == ZeroRangeFrees::kYes) {
    got = guess;
    got->physical = near_.value_or(guess.physical);
  }
  if (!got || recorded_.zeroout(got->physical, got->length) == 0) {
    return std::nullopt;
  }
  return got;
}

std::optional<FileExtent> FedBlocks::Allocate(uint64_t logical,
                                              uint64_t length) {
  for (auto it = copies_.begin(); it != copies_.end(); ++it) {
    if (logical < it->logical || logical >= it->end()) continue;
    const FileExtent copy = *it;
    copies_.erase(it);
    return copy;
  }
  if (full_) {
    if (logical >= got_end_) return std::nullopt;
    length = std::min(length, got_end_ - logical);
  }
  std::optional<FileExtent> found = list_.Allocate(logical, length);
  for (const FileExtent& seen : seen_) {
    const bool is_in = logical >= seen.logical && logical < seen.end();
    if (!found || has_extsize_ || !is_in) continue;
    found->length = std::min(found->length, seen.end() - logical);
  }
  if (found) {
    const bool is_whole = left_ || found->end() >= freed_behind_;
    if (is_whole) found->length = std::max(found->length, length);
    return last_ = *found;
  }
  // A place within the range tells where the range begins.
  FileExtent guess{
      .logical = logical, .physical = kNobodyKnows + logical, .length = length};
  for (const FileExtent& known : list_.extents().All()) {
    const uint64_t before = known.logical - logical;
    if (known.logical < logical || before >= length) continue;
    guess.physical = known.physical - before;
    return last_ = guess;
  }
  if (!allocates_) return Unseen(guess);
  // What follows lies behind.
  if (last_.length > 0 && last_.end() == logical) {
    guess.physical = last_.physical + last_.length;
  }
  return last_ = guess;
}

}  // namespace dmdax::conformance
