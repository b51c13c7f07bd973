// SPDX-License-Identifier: Apache-2.0
//
// KindsBetween(): what a part of a node's address space gets, which is what a
// pixel of its strip shows.
#include <algorithm>

#include "tools/draw/draw_model.h"

namespace dmdax {
namespace {

using Kinds = std::array<double, kDrawKinds>;

double& Of(Kinds& kinds, const DrawRange& range) {
  return kinds[static_cast<size_t>(range.kind)];
}

// Bytes [from, to) of one turn of the block's ranges.
void AddTurn(const DrawBlock& block, uint64_t from, uint64_t to, Kinds& kinds) {
  uint64_t start = 0;
  for (const DrawRange& range : block.ranges) {
    const uint64_t end = start + range.bytes;
    const uint64_t a = std::max(from, start), b = std::min(to, end);
    if (a < b) Of(kinds, range) += static_cast<double>(b - a);
    start = end;
    if (start >= to) return;
  }
}

// `times` of all that the block has.
void AddWhole(const DrawBlock& block, double times, Kinds& kinds) {
  for (const DrawRange& range : block.ranges) {
    Of(kinds, range) += times * static_cast<double>(range.bytes);
  }
}

void AddBlock(const DrawBlock& block, uint64_t from, uint64_t to,
              Kinds& kinds) {
  if (block.mixed) {
    return AddWhole(
        block,
        static_cast<double>(to - from) / static_cast<double>(block.bytes),
        kinds);
  }
  const uint64_t first = from / block.repeat, last = to / block.repeat;
  if (first == last) {
    return AddTurn(block, from % block.repeat, to % block.repeat, kinds);
  }
  AddTurn(block, from % block.repeat, block.repeat, kinds);
  AddTurn(block, 0, to % block.repeat, kinds);
  AddWhole(block, static_cast<double>(last - first - 1), kinds);
}

}  // namespace

Kinds KindsBetween(const DrawNode& node, uint64_t from, uint64_t to) {
  Kinds kinds = {};
  uint64_t start = 0;
  for (const DrawBlock& block : node.blocks) {
    const uint64_t end = start + block.bytes;
    const uint64_t a = std::max(from, start), b = std::min(to, end);
    if (a < b) AddBlock(block, a - start, b - start, kinds);
    start = end;
    if (start >= to) break;
  }
  return kinds;
}

}  // namespace dmdax
