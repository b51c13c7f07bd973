// SPDX-License-Identifier: Apache-2.0
#include "tools/check/move_rows.h"

#include <algorithm>
#include <set>

#include "base/round_up.h"
#include "tools/check/dax_depth.h"
#include "tools/check/fit_rows.h"
#include "tools/check/kpartx_map.h"
#include "tools/check/stands_on.h"
#include "tools/check/volume_cure.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

// Sectors in which a device may have labels and tables that nobody named.
constexpr uint64_t kFirst = 2048;

uint64_t SectorsOfAll(proto::World& world) {
  uint64_t sectors = 0;
  for (proto::MappedDevice& device : *world.mutable_mapped_device()) {
    sectors += SectorsOf(&device);
  }
  return sectors;
}

}  // namespace

void JoinPieces(proto::MappedDevice* device, LegOffs* offs) {
  JoinRows(device, [&](const proto::Target& before, const proto::Target& row) {
    return before.has_linear() && row.has_linear() &&
           offs->DeviceOf(before.linear().device()) ==
               offs->DeviceOf(row.linear().device()) &&
           before.linear().start() + before.length() == row.linear().start();
  });
}

RowMover::RowMover(const CureRequest& request, proto::World& world,
                   proto::MappedDevice* volume, Seen seen)
    : r_(request),
      world_(world),
      name_(volume->name()),
      offs_(r_.session, world, seen) {
  AddAreas(*volume, &old_);
}

bool RowMover::HasWork() {
  for (const proto::Target& given : *EditRows(Volume())) {
    proto::Target row = given;
    bool work = false;
    ForEachLeg(row, [&](proto::Linear& leg, int nr_legs) {
      work |= row.has_striped() ? offs_.IsOff(row, leg, nr_legs)
                                : offs_.Off(row, leg) != 0;
    });
    if (work) return true;
  }
  return HasEnds();
}

bool RowMover::Run(absl::Span<const Way> ways) {
  const proto::World kept = world_;
  const bool has_ends = HasEnds();
  for (const Way way : ways) {
    for (const Ends ends : {Ends::kDown, Ends::kUp}) {
      if (ends == Ends::kUp && (way == Way::kWithin || !has_ends)) continue;
      if (Move(way, ends) && changed_ && FitsBeside(way, kept)) return true;
      world_ = kept;
    }
  }
  return false;
}

bool RowMover::EndsWithinPage(const proto::Target& row,
                              const proto::Target& next) {
  return row.has_linear() && next.has_linear() &&
         next.start() % kPmdSectors != 0;
}

bool RowMover::HasEnds() {
  const auto& rows = *EditRows(Volume());
  for (int i = 1; i < rows.size(); ++i) {
    if (EndsWithinPage(rows[i - 1], rows[i])) return true;
  }
  return false;
}

proto::MappedDevice* RowMover::Volume() { return FindMapped(world_, name_); }

void RowMover::AddAreas(proto::MappedDevice& device, Areas* areas) {
  for (proto::Target& row : *EditRows(&device)) {
    ForEachLeg(row, [&](proto::Linear& leg, int nr_legs) {
      if (const BlockDevice* bdev = offs_.DeviceOf(leg.device())) {
        (*areas)[bdev->dev()].push_back(
            {leg.start(),
             leg.start() + row.length() / static_cast<uint64_t>(nr_legs)});
      }
    });
  }
}

// How many pairs of neighbours in the World share a sector.
size_t RowMover::Overlaps(proto::World& world) {
  Areas areas;
  for (proto::MappedDevice& device : *world.mutable_mapped_device()) {
    AddAreas(device, &areas);
  }
  size_t overlaps = 0;
  for (auto& [dev, list] : areas) {
    std::sort(list.begin(), list.end());
    for (size_t i = 1; i < list.size(); ++i) {
      overlaps += list[i].first < list[i - 1].second ? 1 : 0;
    }
  }
  return overlaps;
}

// Where rows begin, and the last one ends.
void RowMover::MoveEnds(Ends ends, std::vector<uint64_t>* begins) {
  const auto& rows = *EditRows(Volume());
  for (int i = 1; i < rows.size(); ++i) {
    if (!EndsWithinPage(rows[i - 1], rows[i])) continue;
    uint64_t& begin = (*begins)[static_cast<size_t>(i)];
    begin = ends == Ends::kDown
                ? RoundDown(begin, kPmdSectors)
                : std::min(RoundUp(begin, kPmdSectors), begins->back());
  }
}

// False: there is no room for it.
bool RowMover::Move(Way way, Ends ends) {
  proto::MappedDevice* const device = Volume();
  const int nr_rows = EditRows(device)->size();
  JoinPieces(device, &offs_);
  changed_ = EditRows(device)->size() != nr_rows;
  bool fits = true;
  uint64_t begin = 0;
  std::vector<uint64_t> begins;
  for (const proto::Target& row : *EditRows(device)) {
    begins.push_back(row.start());
  }
  begins.push_back(SectorsOf(device));
  if (way != Way::kWithin) MoveEnds(ends, &begins);
  size_t index = 0;
  for (proto::Target& row : *EditRows(device)) {
    const uint64_t to = begins[index], end = begins[index + 1];
    ++index;
    if (way == Way::kWithin) row.set_start(begin);
    uint64_t legs = 1, shift = 0;
    ForEachLeg(row, [&](proto::Linear& leg, int nr_legs) {
      legs = static_cast<uint64_t>(nr_legs);
      const uint64_t off = offs_.Off(row, leg);
      shift = std::max(shift, off);
      uint64_t up = off, down = 0;
      if (way == Way::kDown && off != 0) {
        up = 0;
        down = kPmdSectors - off;
      }
      // What goes to it from the row before, or to that one, lies on.
      if (way != Way::kWithin) {
        up += to > row.start() ? to - row.start() : 0;
        down += to < row.start() ? row.start() - to : 0;
      }
      if (down > up && leg.start() < down - up + kFirst) {
        fits = false;
      } else {
        changed_ |= up != down;
        leg.set_start(leg.start() + up - down);
      }
    });
    if (way != Way::kWithin) {
      changed_ |= row.start() != to || row.length() != end - to;
      row.set_start(to);
      row.set_length(end - to);
    }
    if (way == Way::kWithin) {
      const uint64_t less = shift * legs;
      const uint64_t length = row.length() > less ? row.length() - less : 0;
      const uint64_t whole = RoundDown(length, kPmdSectors * legs);
      changed_ |= row.length() != whole;
      row.set_length(whole);
      fits &= row.length() != 0;
    }
    begin += row.length();
  }
  SettleRows(device);
  return fits;
}

// Whether it lies over nobody, and nobody is cut for it who need not be.
bool RowMover::FitsBeside(Way way, proto::World kept) {
  FitRows(r_.session, world_);
  if (way != Way::kWithin && SectorsOfAll(world_) != SectorsOfAll(kept)) {
    return false;
  }
  if (Overlaps(world_) > Overlaps(kept)) return false;
  Areas now;
  AddAreas(*Volume(), &now);
  for (auto& [dev, list] : now) {
    for (const auto& [start, end] : Without(list, old_[dev])) {
      if (IsTaken(dev, start, end)) return false;
    }
    if (!LeavesLastTable(dev, list)) return false;
  }
  return true;
}

// What of `all` is in none of `taken`.
RowMover::Ranges RowMover::Without(Ranges all, Ranges taken) {
  std::sort(all.begin(), all.end());
  std::sort(taken.begin(), taken.end());
  Ranges left;
  size_t from = 0;
  for (auto [start, end] : all) {
    while (from < taken.size() && taken[from].second <= start) ++from;
    for (size_t i = from; i < taken.size() && taken[i].first < end; ++i) {
      if (taken[i].first > start) left.push_back({start, taken[i].first});
      start = std::max(start, taken[i].second);
    }
    if (start < end) left.push_back({start, end});
  }
  return left;
}

// Of a partition that kpartx has mapped: sfdisk would let it end on the disk's
// last sector, over the second table, or refuse it.
bool RowMover::LeavesLastTable(DevT dev, const Ranges& now) {
  if (KpartxNumber(*Volume()) == 0) return true;
  const BlockDevice* const disk = r_.session.machine->FindBdev(dev);
  if (disk == nullptr) return true;
  uint64_t limit =
      disk->nr_sectors() - std::min(kLastTableSectors, disk->nr_sectors());
  for (const auto& [start, end] : old_[dev]) limit = std::max(limit, end);
  return std::all_of(now.begin(), now.end(),
                     [&](const auto& area) { return area.second <= limit; });
}

// By a volume outside of this World.
bool RowMover::IsTaken(DevT dev, uint64_t start, uint64_t end) const {
  if (r_.machine == nullptr || r_.stands_on == nullptr) return false;
  const BlockDevice* const below = r_.machine->machine->FindBdev(dev);
  if (below == nullptr) return false;
  for (BlockDevice* by : r_.stands_on->Within(*below, start, end, 1)) {
    if (FindMapped(world_, NameOfDevice(*r_.machine, *by)) == nullptr) {
      return true;
    }
  }
  return false;
}

}  // namespace dmdax
