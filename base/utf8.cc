// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.h"

namespace dmdax {
namespace {

// Bytes that may follow the first, and the range of the second.
struct Follow {
  size_t count;
  unsigned char low = 0x80;
  unsigned char high = 0xbf;
};

// By the first byte; count 0: none may begin a character.
Follow FollowOf(unsigned char first) {
  if (first >= 0xc2 && first <= 0xdf) return {1};
  if (first == 0xe0) return {2, 0xa0, 0xbf};
  if (first == 0xed) return {2, 0x80, 0x9f};
  if (first >= 0xe1 && first <= 0xef) return {2};
  if (first == 0xf0) return {3, 0x90, 0xbf};
  if (first == 0xf4) return {3, 0x80, 0x8f};
  if (first >= 0xf1 && first <= 0xf3) return {3};
  return {0};
}

}  // namespace

bool IsUtf8(absl::string_view bytes) {
  size_t i = 0;
  while (i < bytes.size()) {
    const auto at = [&](size_t k) {
      return static_cast<unsigned char>(bytes[k]);
    };
    const unsigned char first = at(i++);
    if (first < 0x80) continue;
    const Follow follow = FollowOf(first);
    if (follow.count == 0 || follow.count > bytes.size() - i) return false;
    if (at(i) < follow.low || at(i) > follow.high) return false;
    for (size_t k = 1; k < follow.count; ++k) {
      if (at(i + k) < 0x80 || at(i + k) > 0xbf) return false;
    }
    i += follow.count;
  }
  return true;
}

}  // namespace dmdax
