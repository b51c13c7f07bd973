// SPDX-License-Identifier: Apache-2.0
#include "tools/check/data_off.h"

#include "dax/pmem.h"
#include "state/find_device.h"
#include "tools/check/dax_depth.h"
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

uint64_t StackOff(const Session& session, proto::World& world,
                  BlockDevice& bdev, uint64_t sector) {
  BlockDevice* at = &bdev;
  // What does not end by itself has no place in memory.
  constexpr int kMostLevels = 64;
  for (int level = 0; level < kMostLevels; ++level) {
    proto::MappedDevice* const device =
        FindMapped(world, NameOfDevice(session, *at));
    if (device == nullptr) break;
    const proto::Linear* leg = nullptr;
    uint64_t within = 0;
    for (const proto::Target& row : *EditRows(device)) {
      if (sector < row.start() || sector - row.start() >= row.length()) {
        continue;
      }
      within = sector - row.start();
      if (row.has_linear()) leg = &row.linear();
      const proto::Striped& striped = row.striped();
      if (striped.stripe_size() == 0 || striped.chunk() == 0) break;
      const uint64_t chunk = within / striped.chunk();
      const auto legs = static_cast<uint64_t>(striped.stripe_size());
      leg = &striped.stripe(static_cast<int>(chunk % legs));
      within = chunk / legs * striped.chunk() + within % striped.chunk();
      break;
    }
    if (leg == nullptr) break;
    const absl::StatusOr<BlockDevice*> below =
        FindDevice(session, leg->device());
    if (!below.ok()) break;
    sector = leg->start() + within;
    at = *below;
  }
  return (DataOff(session, *at) + sector) % kPmdSectors;
}

}  // namespace dmdax
