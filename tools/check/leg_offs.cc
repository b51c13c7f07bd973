// SPDX-License-Identifier: Apache-2.0
#include "tools/check/leg_offs.h"

#include "dm/stack_depth.h"
#include "state/find_device.h"
#include "tools/check/data_off.h"
#include "tools/check/dax_depth.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

struct Place {
  const proto::Linear* leg = nullptr;  // null: it ends here
  uint64_t sector = 0;                 // of the leg's device
};

Place Below(const proto::Target& row, uint64_t sector) {
  const uint64_t within = sector - row.start();
  if (row.has_linear()) {
    return {&row.linear(), row.linear().start() + within};
  }
  const proto::Striped& striped = row.striped();
  if (striped.stripe_size() == 0 || striped.chunk() == 0) return {};
  const uint64_t chunk = within / striped.chunk();
  const auto legs = static_cast<uint64_t>(striped.stripe_size());
  const proto::Linear& leg = striped.stripe(static_cast<int>(chunk % legs));
  return {&leg, leg.start() + chunk / legs * striped.chunk() +
                    within % striped.chunk()};
}

}  // namespace

LegOffs::Device& LegOffs::Find(const std::string& word) {
  const auto [at, fresh] = known_.try_emplace(word);
  if (!fresh) return at->second;
  const absl::StatusOr<BlockDevice*> bdev = FindDevice(session_, word);
  if (bdev.ok()) at->second = {*bdev, MappedOf(**bdev)};
  return at->second;
}

std::optional<int> LegOffs::MappedOf(const BlockDevice& bdev) {
  if (by_name_.empty()) {
    for (int i = 0; i < world_.mapped_device_size(); ++i) {
      by_name_.try_emplace(world_.mapped_device(i).name(), i);
    }
  }
  const auto found = by_name_.find(NameOfDevice(session_, bdev));
  if (found == by_name_.end()) return std::nullopt;
  return found->second;
}

BlockDevice* LegOffs::DeviceOf(const std::string& word) {
  return Find(word).bdev;
}

uint64_t LegOffs::StackOff(Device* at, uint64_t sector) {
  // What does not end by itself has no place in memory.
  for (int level = 0; level < StackDepth::kMax && at->mapped; ++level) {
    const proto::Target* row =
        EditRowAt(world_.mutable_mapped_device(*at->mapped), sector);
    if (row == nullptr) break;
    const Place below = Below(*row, sector);
    if (below.leg == nullptr) break;
    Device& next = Find(below.leg->device());
    if (next.bdev == nullptr) break;
    sector = below.sector;
    at = &next;
  }
  return (DataOff(session_, *at->bdev) + sector) % kPmdSectors;
}

uint64_t LegOffs::PlaceOf(const std::string& word, uint64_t sector) {
  Device& at = Find(word);
  return at.bdev == nullptr ? 0 : StackOff(&at, sector);
}

uint64_t LegOffs::Off(const proto::Target& row, const proto::Linear& leg) {
  Device& below = Find(leg.device());
  if (below.bdev == nullptr) return 0;
  const uint64_t begin = row.has_striped() ? 0 : row.start();
  const uint64_t place = seen_ == Seen::kLevel
                             ? leg.start() + DataOff(session_, *below.bdev)
                             : StackOff(&below, leg.start());
  return (begin - place) % kPmdSectors;
}

bool LegOffs::IsOff(const proto::Target& row, const proto::Linear& leg,
                    int nr_legs) {
  return Off(row, leg) != 0 ||
         row.length() % (kPmdSectors * static_cast<uint64_t>(nr_legs)) != 0;
}

}  // namespace dmdax
