// SPDX-License-Identifier: Apache-2.0
#include "iomap/file_extents.h"

#include <algorithm>
#include <iterator>

#include "iomap/continues.h"

namespace dmdax {
namespace {

constexpr uint64_t kMaxFile = uint64_t{1} << 63;

// The part of `extent` inside [from, to).
FileExtent Cut(const FileExtent& extent, uint64_t from, uint64_t to) {
  FileExtent part = extent;
  part.logical = std::max(from, extent.logical);
  part.length = std::min(to, extent.end()) - part.logical;
  if (HasPlace(extent.type)) {
    part.physical = extent.physical + (part.logical - extent.logical);
  }
  return part;
}

}  // namespace

FileExtent FileExtents::Find(uint64_t pos) const {
  auto it = extents_.upper_bound(pos);
  const uint64_t next = it == extents_.end() ? kMaxFile : it->first;
  if (it != extents_.begin()) {
    const FileExtent& extent = std::prev(it)->second;
    if (pos < extent.end()) return Cut(extent, pos, extent.end());
  }
  return FileExtent{.logical = pos, .length = next - pos, .type = IOMAP_HOLE};
}

FileExtent FileExtents::Around(uint64_t pos) const {
  auto it = extents_.upper_bound(pos);
  if (it != extents_.begin() && pos < std::prev(it)->second.end()) {
    return std::prev(it)->second;
  }
  return Find(pos);
}

FileExtent FileExtents::Before(uint64_t pos) const {
  auto it = extents_.lower_bound(pos);
  while (it != extents_.begin()) {
    --it;
    if (it->second.end() <= pos) return it->second;
  }
  return FileExtent{.type = IOMAP_HOLE};
}

void FileExtents::Remove(uint64_t logical, uint64_t length) {
  const uint64_t end = logical + length;
  auto it = extents_.upper_bound(logical);
  if (it != extents_.begin()) --it;
  while (it != extents_.end() && it->first < end) {
    const FileExtent extent = it->second;
    if (extent.end() <= logical) {
      ++it;
      continue;
    }
    if (extent.logical < logical) {
      it->second = Cut(extent, extent.logical, logical);
      ++it;
    } else {
      it = extents_.erase(it);
    }
    if (extent.end() > end) {
      extents_.emplace_hint(it, end, Cut(extent, end, extent.end()));
      return;
    }
  }
}

void FileExtents::Insert(const FileExtent& extent) {
  if (extent.length == 0) return;
  // Behind all others, as a list in order comes: nothing is searched for.
  const auto behind = extents_.end();
  FileExtent* const last =
      extents_.empty() ? nullptr : &std::prev(behind)->second;
  if (last == nullptr || last->end() <= extent.logical) {
    if (last != nullptr && Continues(*last, extent)) {
      last->length += extent.length;
    } else {
      extents_.emplace_hint(behind, extent.logical, extent);
    }
    return;
  }
  Remove(extent.logical, extent.length);
  FileExtent joined = extent;
  auto it = extents_.upper_bound(extent.logical);
  if (it != extents_.end() && Continues(joined, it->second)) {
    joined.length += it->second.length;
    it = extents_.erase(it);
  }
  if (it != extents_.begin() && Continues(std::prev(it)->second, joined)) {
    std::prev(it)->second.length += joined.length;
    return;
  }
  extents_.emplace_hint(it, joined.logical, joined);
}

void FileExtents::SetType(uint64_t logical, uint64_t length, uint16_t type) {
  const uint64_t end = logical + length;
  auto it = extents_.upper_bound(logical);
  if (it != extents_.begin() && logical < std::prev(it)->second.end()) --it;
  while (it != extents_.end() && it->first < end) {
    it = SetTypeIn(it, std::max(logical, it->first),
                   std::min(end, it->second.end()), type);
  }
}

FileExtents::Map::iterator FileExtents::SetTypeIn(Map::iterator it,
                                                  uint64_t from, uint64_t to,
                                                  uint16_t type) {
  auto next = std::next(it);
  const FileExtent old = it->second;
  if (old.type == type) return next;
  FileExtent part = Cut(old, from, to);
  part.type = type;
  if (to < old.end()) {
    next = extents_.emplace_hint(next, to, Cut(old, to, old.end()));
    it = std::prev(next);
  } else if (next != extents_.end() && Continues(part, next->second)) {
    part.length += next->second.length;
    next = extents_.erase(next);
    it = std::prev(next);
  }
  if (from > old.logical) {
    it->second = Cut(old, old.logical, from);
    next = std::next(extents_.emplace_hint(next, from, part));
  } else if (it != extents_.begin() && Continues(std::prev(it)->second, part)) {
    std::prev(it)->second.length += part.length;
    next = extents_.erase(it);
  } else {
    it->second = part;
  }
  return next;
}

bool FileExtents::Has(uint16_t type) const {
  for (const auto& [logical, extent] : extents_) {
    if (extent.type == type) return true;
  }
  return false;
}

std::vector<FileExtent> FileExtents::All() const {
  std::vector<FileExtent> all;
  for (const auto& [logical, extent] : extents_) all.push_back(extent);
  return all;
}

}  // namespace dmdax
