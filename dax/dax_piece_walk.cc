// SPDX-License-Identifier: Apache-2.0
#include "dax/dax_piece_walk.h"

#include <algorithm>
#include <limits>

namespace dmdax {
namespace {

constexpr uint64_t kFewLooks = 1 << 12, kMostLooks = 1 << 23;
constexpr uint64_t kLooksOfAPage = 16;

// So often a device is looked into before all of it is.
constexpr uint64_t kLooksBefore = 4;
// Rows that are worked out, and pieces that are kept, of one device at most.
constexpr uint64_t kMostKept = 1 << 14;
constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();

}  // namespace

DaxPieceWalk::DaxPieceWalk(uint64_t pages)
    : looks_left_(std::clamp(kLooksOfAPage * std::min(pages, kMostLooks),
                             kFewLooks, kMostLooks)),
      rows_left_(kNoLimit) {}

bool DaxPieceWalk::Look() {
  if (looks_left_ == 0) return false;
  --looks_left_;
  return true;
}

bool DaxPieceWalk::Row() {
  if (rows_left_ == 0 || looks_left_ == 0) return false;
  --looks_left_;
  if (rows_left_ != kNoLimit) --rows_left_;
  return true;
}

uint64_t DaxPieceWalk::Known(const void* device, pgoff_t first, uint64_t pages,
                             uint64_t nr_pages,
                             absl::FunctionRef<void(DaxPieceFn)> all,
                             DaxPieceFn fn) {
  const uint64_t end = first.value() + pages;
  if (end > nr_pages) return 0;
  Device& known = devices_[device];
  if (++known.looks <= kLooksBefore || known.given_up) return 0;
  if (known.pieces.empty()) WorkOut(all, known);
  if (known.given_up) return 0;
  const uint64_t pieces = Cut(known, first.value(), end, fn);
  looks_left_ -= std::min(looks_left_, pieces);
  return pieces;
}

void DaxPieceWalk::WorkOut(absl::FunctionRef<void(DaxPieceFn)> all,
                           Device& device) {
  device.given_up = true;  // for those who come to it from itself
  const uint64_t before = rows_left_, limit = std::min(before, kMostKept);
  rows_left_ = limit;
  uint64_t end = 0;
  all([&](const DaxPiece& piece) {
    end += piece.pages;
    if (device.pieces.size() > kMostKept) return;
    device.pieces.push_back(piece);
    device.ends.push_back(end);
  });
  const bool is_all =
      rows_left_ != 0 && looks_left_ != 0 && device.pieces.size() <= kMostKept;
  // What it has cost counts for those who wait for it, if they are limited.
  rows_left_ = before == kNoLimit ? before : before - (limit - rows_left_);
  device.given_up = !is_all;
  if (is_all) return;
  device.pieces = {};
  device.ends = {};
}

uint64_t DaxPieceWalk::Cut(const Device& device, uint64_t begin, uint64_t end,
                           DaxPieceFn fn) {
  auto at = static_cast<size_t>(
      std::upper_bound(device.ends.begin(), device.ends.end(), begin) -
      device.ends.begin());
  const size_t first = at;
  while (begin < end) {
    DaxPiece piece = device.pieces[at];
    const uint64_t stop = std::min(end, device.ends[at]);
    piece.pages = stop - begin;
    fn(piece);
    begin = stop;
    ++at;
  }
  return at - first;
}

}  // namespace dmdax
