// SPDX-License-Identifier: Apache-2.0
#include "tools/draw/draw_rows.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/units.h"
#include "dm/device_mapper.h"
#include "iomap/iomap.h"

namespace dmdax {
namespace {

DrawRow RowOf(const DmTarget& ti, NodeOf node_of) {
  DrawRow row{.start = ti.begin.value() * kSectorSize,
              .bytes = ti.len.value() * kSectorSize,
              .what = std::string(ti.type->name)};
  DaxLayout layout;
  if (ti.type->dax_layout != nullptr && ti.type->dax_layout(ti, &layout) &&
      !layout.legs.empty()) {
    row.exact = true;
    row.chunk = layout.legs.size() > 1 ? layout.chunk * kSectorSize : 0;
    for (const DaxLayout::Leg& leg : layout.legs) {
      row.legs.push_back({node_of(*leg.dev->bdev),
                          leg.start.value() * kSectorSize,
                          row.bytes / layout.legs.size()});
    }
    return row;
  }
  if (ti.type->iterate_devices == nullptr) return row;
  ti.type->iterate_devices(
      ti, [&](const DmDev& dev, sector_t start, sector_t len) {
        row.legs.push_back({node_of(*dev.bdev), start.value() * kSectorSize,
                            len.value() * kSectorSize});
        return 0;
      });
  return row;
}

size_t LegsOf(const DmTarget& ti) {
  size_t legs = 0;
  if (ti.type->iterate_devices == nullptr) return legs;
  ti.type->iterate_devices(ti, [&](const DmDev&, sector_t, sector_t) {
    ++legs;
    return 0;
  });
  return legs;
}

// Several rows as one: which nodes they use, and from where to where.  One
// alone stays as it is.
class Summary {
 public:
  void Add(const DrawRow& row) {
    alone_ = sum_.rows == 0 ? std::optional(row) : std::nullopt;
    if (sum_.rows == 0) sum_.start = row.start;
    sum_.bytes = row.start + row.bytes - sum_.start;
    if (what_.insert(row.what).second) sum_.what = absl::StrJoin(what_, ", ");
    sum_.rows += row.rows;
    for (const DrawRow::Leg& leg : row.legs) AddLeg(leg);
  }
  DrawRow Take() {
    what_.clear();
    DrawRow sum = std::exchange(sum_, {.rows = 0});
    return alone_ ? *std::exchange(alone_, std::nullopt) : sum;
  }
  uint64_t rows() const { return sum_.rows; }

 private:
  void AddLeg(const DrawRow::Leg& leg) {
    for (DrawRow::Leg& known : sum_.legs) {
      if (known.node != leg.node) continue;
      const uint64_t end =
          std::max(known.start + known.bytes, leg.start + leg.bytes);
      known.start = std::min(known.start, leg.start);
      known.bytes = end - known.start;
      return;
    }
    sum_.legs.push_back(leg);
  }

  DrawRow sum_{.rows = 0};
  std::optional<DrawRow> alone_;
  std::set<std::string> what_;
};

// Takes `all` rows one by one, with so many legs, and keeps no more than
// `most`.
class RowList {
 public:
  RowList(size_t all, size_t legs, size_t most, DrawNode& node)
      : group_((std::max(all, legs) + most - 1) / std::max<size_t>(most, 1)),
        node_(node) {
    node.all_rows = all;
  }
  void Add(DrawRow row) {
    types_.insert(row.what);
    if (group_ <= 1) return node_.rows.push_back(std::move(row));
    summary_.Add(row);
    if (summary_.rows() == group_) node_.rows.push_back(summary_.Take());
  }
  // Call once, after the last.
  void Done(const char* unit) {
    if (summary_.rows() != 0) node_.rows.push_back(summary_.Take());
    node_.detail =
        absl::StrCat(node_.detail, node_.detail.empty() ? "" : ", ",
                     node_.all_rows, " ", unit, node_.all_rows == 1 ? "" : "s");
  }
  std::string Types() const { return absl::StrJoin(types_, ", "); }

 private:
  const size_t group_;
  DrawNode& node_;
  Summary summary_;
  std::set<std::string> types_;
};

}  // namespace

void AddTableRows(const DmTable& table, NodeOf node_of, size_t most,
                  DrawNode& node) {
  size_t legs = 0;
  for (const DmTarget& ti : table.targets()) legs += LegsOf(ti);
  RowList list(table.num_targets(), legs, most, node);
  for (const DmTarget& ti : table.targets()) list.Add(RowOf(ti, node_of));
  list.Done("row");
  absl::StrAppend(&node.detail, ": ", list.Types());
}

void AddExtents(const FileExtents& extents, int below, size_t most,
                DrawNode& node) {
  const std::vector<FileExtent> all = extents.All();
  RowList list(all.size(), all.size(), most, node);
  for (const FileExtent& e : all) {
    const bool placed = e.physical != IOMAP_NULL_ADDR;
    DrawRow row{.start = e.logical,
                .bytes = e.length,
                .what = e.type == IOMAP_UNWRITTEN ? "unwritten extent"
                        : placed                  ? "extent"
                                                  : "extent without a place",
                .exact = placed};
    if (placed) row.legs.push_back({below, e.physical, e.length});
    list.Add(std::move(row));
  }
  list.Done("extent");
}

void AddPartition(BlockDevice& bdev, NodeOf node_of, DrawNode& node) {
  DrawRow row{.bytes = bdev.nr_sectors() * kSectorSize,
              .what = "partition",
              .exact = true};
  row.legs.push_back({node_of(bdev.whole()),
                      bdev.start_sect().value() * kSectorSize, row.bytes});
  node.detail = absl::StrCat("partition of ", bdev.whole().name(),
                             " from sector ", bdev.start_sect().value(), " on");
  node.rows.push_back(std::move(row));
  node.all_rows = 1;
}

}  // namespace dmdax
