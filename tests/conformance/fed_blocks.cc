// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/fed_blocks.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/match.h"

namespace dmdax::conformance {
namespace {

// Blocks that were freed again before anything showed where they were.
constexpr uint64_t kNobodyKnows = 64 << 20;

bool Allocates(const std::string& op) {
  return op == "falloc" || op == "zero" || op == "sh";
}

bool Frees(const std::string& op) {
  return op == "trunc" || op == "punch" || op == "zero" || op == "sh";
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
    found.push_back({.logical = *page / nr * nr * 4096,
                     .physical = at * 4096,
                     .length = nr * 4096});
    page.reset();
  }
  return found;
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

void FedBlocks::Later(const Json& fiemap) {
  for (const Json& e : fiemap) list_.Add(Fiemap(e));
}

void FedBlocks::AddMissing(const FileExtent& extent, const FileExtents& have) {
  for (uint64_t pos = extent.logical; pos < extent.end();) {
    FileExtent part = have.Find(pos);
    part.length = std::min(part.length, extent.end() - pos);
    if (part.type == IOMAP_HOLE || part.type == IOMAP_DELALLOC) {
      list_.Add({.logical = pos,
                 .physical = extent.physical + (pos - extent.logical),
                 .length = part.length});
    }
    pos += part.length;
  }
}

void FedBlocks::Take(const Json& steps, size_t i, const DaxInode& inode) {
  copies_.clear();
  const FileExtents& have = inode.extents;
  // What is written to a file that is not DAX gets its blocks when it is
  // written back, by any operation.
  const bool allocates = Allocates(steps[i].value("op", "")) || !inode.s_dax;
  unknown_ = allocates;
  left_ = false;
  bool any_fresh = false;
  for (FileExtent extent :
       FromDirectAccess(steps[i].value("events", Json::array()))) {
    extent.physical -= inode.dax_part_off;
    if (have.Find(extent.logical).type == IOMAP_HOLE) list_.Add(extent);
  }
  for (size_t j = i; j < steps.size(); ++j) {
    for (const Json& event : steps[j].value("events", Json::array())) {
      const std::string text = event;
      if (!absl::StartsWith(text, "iomap_iter_dstmap")) continue;
      // Of a DAX file the place on the whole disk.
      FileExtent extent{.logical = HexAfter(text, " offset "),
                        .physical = HexAfter(text, " addr "),
                        .length = HexAfter(text, " length ")};
      if (inode.s_dax && extent.physical != IOMAP_NULL_ADDR) {
        extent.physical -= inode.dax_part_off;
      }
      if (absl::StrContains(text, "SHARED")) {
        if (j == i) copies_.push_back(extent);
        continue;
      }
      const bool fresh = absl::StrContains(text, "NEW");
      if (extent.physical == IOMAP_NULL_ADDR) continue;
      const FileExtent old = have.Find(extent.logical);
      // A try that failed left blocks behind.
      const bool left = inode.s_dax && j == i && old.type == IOMAP_HOLE;
      if (!fresh && !allocates && !left) continue;
      any_fresh |= fresh && j == i;
      left_ |= left && !fresh && !allocates;
      if (old.type != IOMAP_HOLE && !inode.s_dax) {
        // Of an extent that comes whole, what the file has not.
        AddMissing(extent, have);
        continue;
      }
      // Conversions of unwritten blocks allocate nothing.
      if (old.type == IOMAP_UNWRITTEN && old.physical == extent.physical) {
        continue;
      }
      list_.Add(extent);
    }
    if (j > i && Frees(steps[j].value("op", ""))) break;
    if (!allocates) break;
  }
  // What came new in this step was seen whole.
  left_ &= !any_fresh;
}

std::optional<FileExtent> FedBlocks::Allocate(uint64_t logical,
                                              uint64_t length) {
  for (auto it = copies_.begin(); it != copies_.end(); ++it) {
    if (logical < it->logical || logical >= it->end()) continue;
    const FileExtent copy = *it;
    copies_.erase(it);
    return copy;
  }
  std::optional<FileExtent> found = list_.Allocate(logical, length);
  if (found) {
    if (left_) found->length = length;
    return found;
  }
  // A place within the range tells where the range begins.
  for (const FileExtent& known : list_.extents().All()) {
    const uint64_t before = known.logical - logical;
    if (known.logical < logical || before >= length) continue;
    return FileExtent{.logical = logical,
                      .physical = known.physical - before,
                      .length = length};
  }
  if (!unknown_) return found;
  return FileExtent{
      .logical = logical, .physical = kNobodyKnows + logical, .length = 4096};
}

}  // namespace dmdax::conformance
