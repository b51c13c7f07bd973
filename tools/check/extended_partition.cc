// SPDX-License-Identifier: Apache-2.0
#include "tools/check/extended_partition.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "base/units.h"

namespace dmdax {
namespace {

// The 2 of "pmem0p2" and of "sda2"; 0: it has none.
uint64_t NumberOf(const BlockDevice& part) {
  absl::string_view name = part.name();
  size_t digits = 0;
  while (digits < name.size() && absl::ascii_isdigit(static_cast<unsigned char>(
                                     name[name.size() - 1 - digits]))) {
    ++digits;
  }
  uint64_t number = 0;
  return absl::SimpleAtoi(name.substr(name.size() - digits), &number) ? number
                                                                      : 0;
}

}  // namespace

bool IsExtendedPartition(const Machine& machine, BlockDevice& bdev) {
  constexpr uint64_t kPrimaries = 4;
  const uint64_t shown =
      std::max<uint64_t>(bdev.queue().limits().logical_block_size, 1024);
  if (!bdev.is_partition() || bdev.nr_sectors() * kSectorSize > shown) {
    return false;
  }
  const uint64_t number = NumberOf(bdev);
  if (number == 0 || number > kPrimaries) return false;
  const std::vector<BlockDevice*> all = machine.BlockDevices();
  return std::any_of(all.begin(), all.end(), [&](BlockDevice* other) {
    return other->is_partition() && &other->whole() == &bdev.whole() &&
           NumberOf(*other) > kPrimaries &&
           other->start_sect() > bdev.start_sect();
  });
}

}  // namespace dmdax
