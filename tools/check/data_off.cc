// SPDX-License-Identifier: Apache-2.0
#include "tools/check/data_off.h"

#include "dax/pmem.h"
#include "tools/check/world_rows.h"

namespace dmdax {

uint64_t DataOff(const Session& session, BlockDevice& bdev) {
  const BlockDevice& disk = bdev.is_partition() ? bdev.whole() : bdev;
  const PmemDevice* const pmem = session.machine->FindPmem(disk.name());
  if (pmem == nullptr) return 0;
  const uint64_t data = pmem->options().base + pmem->options().data_offset;
  const uint64_t start = bdev.is_partition() ? bdev.start_sect().value() : 0;
  return (data / 512 + start) % kPmdSectors;
}

}  // namespace dmdax
