// SPDX-License-Identifier: Apache-2.0
#include "tools/check/mirror_copy.h"

#include <algorithm>
#include <utility>

#include "state/find_device.h"
#include "state/target_spec.h"
#include "tools/check/bdev_set.h"
#include "tools/check/cure_lines.h"
#include "tools/check/dax_depth.h"
#include "tools/check/leg_offs.h"
#include "tools/check/row_words.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

// No table that loads has so many.
constexpr uint64_t kMostLegs = 256;

// The words behind "<type> <#params> <params>".
RowWords BehindParams(const proto::Target& row) {
  RowWords words(TargetWords(row));
  words.Skip(1);
  words.Skip(words.NextNumber());
  return words;
}

std::vector<MirrorCopy> LegsOfMirror(const proto::Target& row) {
  RowWords words = BehindParams(row);
  std::vector<MirrorCopy> copies(words.NextNumber() % kMostLegs);
  for (MirrorCopy& copy : copies) {
    copy.device = words.Next();
    copy.start = words.NextNumber();
  }
  return copies;
}

class Chooser {
 public:
  Chooser(const Session& session, proto::World& world,
          const proto::MappedDevice& device)
      : session_(session), world_(world), lvm_(LvmNameOf(device)) {
    proto::MappedDevice copy = device;
    for (const proto::Target& row : *EditRows(&copy)) {
      if (row.has_linear() || row.has_striped()) continue;
      rows_.push_back({row.start(), row.length(), CopiesOf(row)});
      nr_ = rows_.size() == 1 ? rows_[0].copies.size()
                              : std::min(nr_, rows_.back().copies.size());
    }
  }

  std::optional<KeptCopy> Run() const {
    std::optional<size_t> first;
    std::optional<KeptCopy> best;
    uint64_t least = 0;
    for (size_t i = 0; i < nr_; ++i) {
      if (!IsThere(i)) continue;
      const bool others = first.has_value();
      if (!others) first = i;
      if (others && !lvm_) break;
      const std::optional<uint64_t> off = SectorsOff(i);
      if (!off || (best && *off >= least)) continue;
      KeptCopy kept{.number = i};
      if (others) {
        std::optional<std::vector<std::string>> named = ToName(i);
        if (!named) continue;
        kept.named = *std::move(named);
      }
      best = std::move(kept);
      least = *off;
    }
    return best;
  }

 private:
  struct Row {
    uint64_t start, length;  // sectors
    std::vector<MirrorCopy> copies;
  };

  BlockDevice* Find(const std::string& word) const {
    const absl::StatusOr<BlockDevice*> bdev = FindDevice(session_, word);
    return bdev.ok() ? *bdev : nullptr;
  }

  bool IsThere(size_t number) const {
    return std::all_of(rows_.begin(), rows_.end(), [&](const Row& row) {
      return !row.copies[number].device.empty();
    });
  }

  // How much of the copy lies off a boundary, in sectors; nothing: it has no
  // DAX.
  std::optional<uint64_t> SectorsOff(size_t number) const {
    uint64_t off = 0;
    LegOffs offs(session_, world_, Seen::kStack);
    for (const Row& row : rows_) {
      const MirrorCopy& copy = row.copies[number];
      BlockDevice* const bdev = Find(copy.device);
      if (bdev == nullptr || !WhyNotDax(session_, *bdev).empty()) {
        return std::nullopt;
      }
      // Where the rows of what it lies on begin.
      std::vector<uint64_t> begins = {copy.start};
      if (const proto::MappedDevice* part =
              FindMapped(world_, NameOfDevice(session_, *bdev))) {
        proto::MappedDevice rows = *part;
        for (const proto::Target& below : *EditRows(&rows)) {
          if (below.start() > copy.start &&
              below.start() - copy.start < row.length) {
            begins.push_back(below.start());
          }
        }
      }
      for (size_t i = 0; i < begins.size(); ++i) {
        const uint64_t within = begins[i] - copy.start;
        const uint64_t end =
            i + 1 < begins.size() ? begins[i + 1] - copy.start : row.length;
        const uint64_t place = offs.PlaceOf(copy.device, begins[i]);
        if (place % kPmdSectors != (row.start + within) % kPmdSectors) {
          off += end - within;
        }
      }
    }
    return off;
  }

  // The physical volumes that the copy lies on, with its metadata.
  BdevSet VolumesBelow(size_t number) const {
    BdevSet volumes, seen;
    std::vector<BlockDevice*> left;
    for (const Row& row : rows_) {
      left.push_back(Find(row.copies[number].device));
      left.push_back(Find(row.copies[number].metadata));
    }
    while (!left.empty()) {
      BlockDevice* const at = left.back();
      left.pop_back();
      if (at == nullptr || !seen.insert(at).second) continue;
      const proto::MappedDevice* const device =
          FindMapped(world_, NameOfDevice(session_, *at));
      const auto lvm = device == nullptr ? std::nullopt : LvmNameOf(*device);
      if (!lvm || lvm->vg != lvm_->vg) {
        volumes.insert(at);
        continue;
      }
      for (BlockDevice* below : DevicesBelow(session_, *at)) {
        left.push_back(below);
      }
    }
    return volumes;
  }

  // What LVM2 must be told to take all others away; nothing: they cannot be
  // told apart by it.
  std::optional<std::vector<std::string>> ToName(size_t number) const {
    const BdevSet kept = VolumesBelow(number);
    BdevSet others;
    for (size_t i = 0; i < nr_; ++i) {
      if (i == number) continue;
      if (!IsThere(i)) return std::nullopt;
      others.merge(VolumesBelow(i));
    }
    std::vector<std::string> paths;
    for (BlockDevice* bdev : others) {
      if (kept.contains(bdev)) return std::nullopt;
      paths.push_back(DevicePath(session_, *bdev));
    }
    return paths;
  }

  const Session& session_;
  proto::World& world_;
  const std::optional<LvmName> lvm_;
  std::vector<Row> rows_;
  size_t nr_ = 0;  // copies that each of them has
};

}  // namespace

std::vector<MirrorCopy> RaidLegs(const proto::Target& row) {
  RowWords words = BehindParams(row);
  std::vector<MirrorCopy> legs(words.NextNumber() % kMostLegs);
  for (MirrorCopy& leg : legs) {
    leg.metadata = words.Next();
    leg.device = words.Next();
    if (leg.metadata == "-") leg.metadata.clear();
    if (leg.device == "-") leg.device.clear();
  }
  return legs;
}

std::vector<MirrorCopy> CopiesOf(const proto::Target& row) {
  const std::string type = SpecFromTarget(row).target_type;
  if (type == "mirror") return LegsOfMirror(row);
  if (type != "raid" || RowWords(TargetWords(row)).Next() != "raid1") return {};
  return RaidLegs(row);
}

std::optional<KeptCopy> CopyToKeep(const Session& session, proto::World& world,
                                   const proto::MappedDevice& device) {
  return Chooser(session, world, device).Run();
}

}  // namespace dmdax
