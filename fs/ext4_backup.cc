// SPDX-License-Identifier: Apache-2.0
#include "fs/ext4_backup.h"

#include "base/units.h"

namespace dmdax {
namespace {

constexpr uint64_t kKib = 1024;

bool IsPowerOf(uint64_t n, uint64_t base) {
  while (n > 1 && n % base == 0) n /= base;
  return n == 1;
}

bool GroupHasSuper(uint64_t group) {
  return IsPowerOf(group, 3) || IsPowerOf(group, 5) || IsPowerOf(group, 7);
}

}  // namespace

bool Ext4HasSuperBlock(uint64_t block_size, uint64_t nr_sectors, uint64_t kib) {
  if (kib == 1) return true;
  const uint64_t at = kib * kKib;
  // Of blocks of one KiB the first is none of a group's.
  const uint64_t first = block_size == kKib ? block_size : 0;
  const uint64_t group_bytes = 8 * block_size * block_size;
  if (at < first + group_bytes || (at - first) % group_bytes != 0) return false;
  return at + block_size <= nr_sectors * kSectorSize &&
         GroupHasSuper((at - first) / group_bytes);
}

}  // namespace dmdax
