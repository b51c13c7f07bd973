// SPDX-License-Identifier: Apache-2.0
//
// BuildCompiledMap: makes a CompiledMap of a table and all that lies below it.
//
//   std::shared_ptr<const CompiledMap> map = BuildCompiledMap(md, table);
//   if (map != nullptr) map->Translate(pgoff_t{256}, 512);
//
// It works from below upwards: a mapped device below has its own map already,
// so a level costs as many steps as it has extents, whatever lies under it.
// Two budgets bound the result.  Where one is exceeded, the map below is kept
// and asked, which is one hop more and never a failure.  This half knows tables
// and devices; the half that answers (dm/map/) knows neither.
// Threading: as for reading `table`.
#ifndef DMDAX_DM_COMPILED_MAP_BUILD_H_
#define DMDAX_DM_COMPILED_MAP_BUILD_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "dm/dm_table.h"
#include "dm/map/compiled_map.h"

namespace dmdax {

// Never fails.  Null where nothing is compiled: an empty table, one of more
// than 2^60 sectors, or a stack of more than 128 levels.  Uses the maps that
// the devices below have now.
std::shared_ptr<const CompiledMap> BuildCompiledMap(MappedDevice& md,
                                                    const DmTable& table);

// The work behind it, row by row.  Only compiled_map_*.cc use it.
class CompiledMapBuilder {
 public:
  CompiledMapBuilder(MappedDevice& md, const DmTable& table);
  std::shared_ptr<const CompiledMap> Build();

 private:
  using Special = CompiledMap::Special;
  using Kind = Special::Kind;

  // What a row finds under one of its devices.
  struct Below {
    int err = 0;  // every access fails with it
    std::optional<DaxWindow> window;
    std::shared_ptr<const CompiledMap> map;  // neither: the chain knows
  };
  // A device that columns name; its rows lie on a window or on a map.
  struct ColumnDevice {
    uint64_t start_sect = 0;
    uint64_t pages = 0;  // of the window, or of the map
    uint64_t pfn = 0;    // the window's first
    const CompiledMap* map = nullptr;
    const Below* below = nullptr;
  };
  // A leg of a stripe, resolved over its whole length.
  struct Leg {
    // None: a run of frames from `first` on.
    std::shared_ptr<const StripePeriod> period;
    std::shared_ptr<const CompiledMap> below;  // else a hop to page `first`
    uint64_t first = 0;  // frame; page of `below`; or position in `period`
    uint64_t cap = ~uint64_t{0};
  };

  const Below& Resolve(const DmDev& dev);
  void AddLeaves(const Below& below);
  void SortLeaves();
  bool MakeNarrow();

  std::vector<ColumnDevice> ResolveColumns(const LinearTargets& columns);
  void AddColumns(const LinearTargets& columns);
  void AddRow(const DmTarget& ti);
  void AddPages(const DmTarget& ti, uint64_t first, uint64_t last);
  void AddLinear(const DmTarget& ti, uint64_t first, uint64_t last);
  void AddBelow(uint64_t page, uint64_t pages, const Below& below, uint64_t q);
  void AddMapBelow(uint64_t page, uint64_t pages,
                   const std::shared_ptr<const CompiledMap>& map, uint64_t q);

  void AddStriped(const DmTarget& ti, uint64_t first, uint64_t last);
  std::optional<Leg> ResolveLeg(const DaxLayout::Leg& leg, uint64_t pages);
  // The legs' common period, or null: none, or beyond the budget.
  std::shared_ptr<const StripePeriod> Compose(uint64_t chunk,
                                              const std::vector<Leg>& legs,
                                              uint64_t pages) const;

  void AddRun(uint64_t page, uint64_t pfn) {
    ++extents_;
    map_->narrow_ ? map_->narrow_extents_.Add(page, pfn)
                  : map_->wide_extents_.Add(page, pfn);
  }
  void AddSpecial(uint64_t page, Special special);
  void AddError(uint64_t page, int err);
  void AddChain(uint64_t page);
  uint64_t FirstSpecial() const;

  MappedDevice& md_;
  const DmTable& table_;
  std::shared_ptr<CompiledMap> map_;
  std::map<const DmDev*, Below> below_;
  const DmDev* last_dev_ = nullptr;
  const Below* last_below_ = nullptr;
  DaxLayout layout_;  // of the row at hand
  uint64_t extents_ = 0;
  uint64_t most_extents_ = 0;
};

}  // namespace dmdax

#endif  // DMDAX_DM_COMPILED_MAP_BUILD_H_
