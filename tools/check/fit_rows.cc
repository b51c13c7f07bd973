// SPDX-License-Identifier: Apache-2.0
#include "tools/check/fit_rows.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "base/round_up.h"
#include "state/find_device.h"
#include "tools/check/kpartx_map.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

class Fitter {
 public:
  Fitter(const Session& session, const proto::World& world)
      : session_(session), sizes_(SizesOf(session, world)) {
    for (const proto::MappedDevice& device : world.mapped_device()) {
      SetSize(device);
    }
  }

  // What is cut makes what stands on it shorter, and nothing grows: each device
  // once, after those below it.
  void FitAll(proto::World& world) {
    absl::flat_hash_map<DevT, int> mapped;
    for (int i = 0; i < world.mapped_device_size(); ++i) {
      const std::optional<DevT> dev = DevOf(world.mapped_device(i));
      if (dev) mapped.try_emplace(*dev, i);
    }
    std::vector<char> seen(static_cast<size_t>(world.mapped_device_size()), 0);
    struct Visit {
      int device;
      std::vector<int> below;  // not looked at yet
    };
    const auto visit = [&](int i) {
      seen[static_cast<size_t>(i)] = 1;
      return Visit{i, Below(mapped, world.mutable_mapped_device(i))};
    };
    for (int i = 0; i < world.mapped_device_size(); ++i) {
      if (seen[static_cast<size_t>(i)] != 0) continue;
      std::vector<Visit> way = {visit(i)};
      while (!way.empty()) {
        std::vector<int>& below = way.back().below;
        if (!below.empty()) {
          const int next = below.back();
          below.pop_back();
          if (seen[static_cast<size_t>(next)] == 0) way.push_back(visit(next));
          continue;
        }
        proto::MappedDevice* device =
            world.mutable_mapped_device(way.back().device);
        if (Fit(device)) SetSize(*device);
        way.pop_back();
      }
    }
  }

  // Whether rows have been cut.
  bool Fit(proto::MappedDevice* device);

 private:
  std::optional<DevT> DevOf(const proto::MappedDevice& device) {
    return DevOf(absl::StrCat("/dev/mapper/", device.name()));
  }
  // Tables name the same device in each of their rows.
  std::optional<DevT> DevOf(const std::string& word) {
    const auto [at, fresh] = known_.try_emplace(word);
    if (fresh) at->second = DevOfWord(session_, word);
    return at->second;
  }

  void SetSize(const proto::MappedDevice& device) {
    const std::optional<DevT> dev = DevOf(device);
    if (!dev) return;
    uint64_t sectors = 0;
    for (const proto::Target& row : device.table().target()) {
      sectors += row.length();
    }
    // Those of a packed table are not there yet, and nobody has cut them.
    if (sectors == 0) sectors = session_.machine->FindBdev(*dev)->nr_sectors();
    sizes_[*dev] = sectors;
  }

  // The mapped devices on which its rows stand.
  std::vector<int> Below(const absl::flat_hash_map<DevT, int>& mapped,
                         proto::MappedDevice* device) {
    std::vector<int> below;
    for (proto::Target& row : *EditRows(device)) {
      ForEachLeg(row, [&](proto::Linear& leg, int) {
        const std::optional<DevT> dev = DevOf(leg.device());
        if (!dev) return;
        const auto found = mapped.find(*dev);
        if (found == mapped.end()) return;
        if (below.empty() || below.back() != found->second) {
          below.push_back(found->second);
        }
      });
    }
    return below;
  }

  const Session& session_;
  std::map<DevT, uint64_t> sizes_;
  absl::flat_hash_map<std::string, std::optional<DevT>> known_;
};

bool Fitter::Fit(proto::MappedDevice* device) {
  bool cut = false;
  const bool is_partition = KpartxNumber(*device) != 0;
  for (proto::Target& row : *EditRows(device)) {
    uint64_t length = row.length(), last_table = 0;
    ForEachLeg(row, [&](proto::Linear& leg, int nr_legs) {
      const std::optional<DevT> dev = DevOf(leg.device());
      if (!dev) return;
      const auto known = sizes_.find(*dev);
      const BlockDevice* const bdev = session_.machine->FindBdev(*dev);
      if (known == sizes_.end() && bdev == nullptr) return;
      const uint64_t size =
          known != sizes_.end() ? known->second : bdev->nr_sectors();
      const uint64_t room = size > leg.start() ? size - leg.start() : 0;
      if (length > room && is_partition) last_table = kLastTableSectors;
      length = std::min(length, room * static_cast<uint64_t>(nr_legs));
    });
    length -= std::min(length, last_table);
    const uint64_t legs =
        row.has_striped()
            ? static_cast<uint64_t>(std::max(row.striped().stripe_size(), 1))
            : 1;
    if (row.has_striped()) {
      const uint64_t unit = uint64_t{row.striped().chunk()} * legs;
      length = unit == 0 ? length : RoundDown(length, unit);
    }
    // LVM2's extents, for all that is known.
    if (length != row.length()) {
      const uint64_t unit = LvmNameOf(*device) ? 2 * kPmdSectors : kPmdSectors;
      length = RoundDown(length, unit * legs);
    }
    cut |= length != row.length();
    row.set_length(length);
  }
  if (cut) SettleRows(device);
  return cut;
}

}  // namespace

std::map<DevT, uint64_t> SizesOf(const Session& session,
                                 const proto::World& world) {
  std::map<DevT, uint64_t> sizes;
  const auto add = [&](const std::string& name, uint64_t sectors) {
    const absl::StatusOr<BlockDevice*> bdev =
        FindDevice(session, absl::StrCat("/dev/", name));
    if (bdev.ok()) sizes[(*bdev)->dev()] = sectors;
  };
  for (const proto::Pmem& pmem : world.pmem()) {
    add(pmem.name(), (pmem.size() - pmem.data_offset()) / 512);
  }
  for (const proto::Block& block : world.block()) {
    if (!block.partition_of().empty()) add(block.name(), block.sectors());
  }
  return sizes;
}

void FitRows(const Session& session, proto::World& world) {
  Fitter(session, world).FitAll(world);
}

void FitRowsOf(const Session& session, const proto::World& world,
               proto::MappedDevice* device) {
  Fitter(session, world).Fit(device);
}

}  // namespace dmdax
