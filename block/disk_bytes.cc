// SPDX-License-Identifier: Apache-2.0
#include "block/disk_bytes.h"

#include <algorithm>
#include <cstring>

namespace dmdax {
namespace {

// Where sector `i` from `first` on lies: its page, and the byte in it.
std::pair<uint64_t, size_t> PlaceOf(sector_t first, size_t i) {
  const uint64_t sector = first.value() + i;
  return {sector / kPageSectors, sector % kPageSectors << kSectorShift};
}

}  // namespace

void DiskBytes::Read(sector_t sector, absl::Span<char> out) const {
  absl::MutexLock lock(&mu_);
  for (size_t i = 0; i < out.size() / kSectorSize; ++i) {
    const auto [page, byte] = PlaceOf(sector, i);
    char* to = out.data() + i * kSectorSize;
    auto found = pages_.find(page);
    if (found == pages_.end()) {
      memset(to, 0, kSectorSize);
    } else {
      memcpy(to, found->second.data() + byte, kSectorSize);
    }
  }
}

void DiskBytes::Write(sector_t sector, absl::Span<const char> in) {
  absl::MutexLock lock(&mu_);
  for (size_t i = 0; i < in.size() / kSectorSize; ++i) {
    const auto [page, byte] = PlaceOf(sector, i);
    const char* from = in.data() + i * kSectorSize;
    const bool zeros =
        std::all_of(from, from + kSectorSize, [](char c) { return c == 0; });
    auto found = pages_.find(page);
    if (found == pages_.end()) {
      // Zeros are there already.
      if (zeros) continue;
      found = pages_.emplace(page, Page{}).first;
    }
    memcpy(found->second.data() + byte, from, kSectorSize);
  }
}

std::vector<std::pair<uint64_t, std::vector<char>>> DiskBytes::Pages() const {
  absl::MutexLock lock(&mu_);
  std::vector<std::pair<uint64_t, std::vector<char>>> pages;
  for (const auto& [number, page] : pages_) {
    if (page != Page{}) {
      pages.emplace_back(number, std::vector<char>(page.begin(), page.end()));
    }
  }
  return pages;
}

}  // namespace dmdax
