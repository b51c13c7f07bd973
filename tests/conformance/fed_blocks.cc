// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/fed_blocks.h"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/match.h"

namespace dmdax::conformance {
namespace {

// Blocks that were freed again before anything showed where they were.
constexpr uint64_t kNobodyKnows = uint64_t{1} << 50;

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

void FedBlocks::Take(const Json& steps, size_t i, const FileExtents& have) {
  copies_.clear();
  const bool allocates = Allocates(steps[i].value("op", ""));
  unknown_ = allocates;
  for (const FileExtent& extent :
       FromDirectAccess(steps[i].value("events", Json::array()))) {
    if (have.Find(extent.logical).type == IOMAP_HOLE) list_.Add(extent);
  }
  for (size_t j = i; j < steps.size(); ++j) {
    for (const Json& event : steps[j].value("events", Json::array())) {
      const std::string text = event;
      if (!absl::StartsWith(text, "iomap_iter_dstmap")) continue;
      const FileExtent extent{.logical = HexAfter(text, " offset "),
                              .physical = HexAfter(text, " addr "),
                              .length = HexAfter(text, " length ")};
      if (absl::StrContains(text, "SHARED")) {
        if (j == i) copies_.push_back(extent);
        continue;
      }
      const bool fresh = absl::StrContains(text, "NEW");
      const bool seen = allocates && !absl::StrContains(text, " HOLE") &&
                        !absl::StrContains(text, "bdev 254");
      if (!fresh && !seen) continue;
      const FileExtent old = have.Find(extent.logical);
      // Conversions of unwritten blocks allocate nothing.
      if (old.type == IOMAP_UNWRITTEN && old.physical == extent.physical) {
        continue;
      }
      list_.Add(extent);
    }
    if (j > i && Frees(steps[j].value("op", ""))) break;
    if (!allocates) break;
  }
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
  if (found || !unknown_) return found;
  return FileExtent{
      .logical = logical, .physical = kNobodyKnows + logical, .length = 4096};
}

}  // namespace dmdax::conformance
