// SPDX-License-Identifier: Apache-2.0
//
// StatsHandle: a device's statistics as libdevmapper sees them: it asks the
// kernel by messages (@stats_create, @stats_list ...), keeps the answers, and
// walks over areas, regions and groups.
//
//   StatsHandle dms(ctx, "dmstats");
//   dms.BindName("d0");
//   if (!dms.List()) return false;  // said why
//   for (dms.WalkInit(kWalkRegion), dms.WalkStart(); !dms.WalkEnd();
//        dms.WalkNextRegion())
//     ctx.out += absl::StrCat(dms.current_region(), "\n");
//
// stats_handle.cc sends messages, stats_group.cc keeps groups, stats_walk.cc
// walks, stats_metric.cc computes.
//
// Mirrors: struct dm_stats and dm_stats_* of libdm/libdm-stats.c (1.02.185).
// False is a failure, which was said on ctx.err if libdevmapper says it.
// Threading: none.
#ifndef DMDAX_TOOLS_DMSETUP_STATS_STATS_HANDLE_H_
#define DMDAX_TOOLS_DMSETUP_STATS_STATS_HANDLE_H_

#include <optional>
#include <string>

#include "tools/dmsetup/dm_task.h"
#include "tools/dmsetup/stats/stats_parse.h"
#include "tools/dmsetup/stats/stats_region.h"

namespace dmdax {

// dmstats' own regions carry it.
inline constexpr char kStatsProgramId[] = "dmstats";

// STATS_MSG_BUF_LEN, its NUL included.
inline constexpr size_t kStatsMessageLen = 1024;

// What a walk visits.  The flags of the cursor's kind are also its ids.
inline constexpr uint64_t kWalkArea = 0x1000000000000;
inline constexpr uint64_t kWalkRegion = 0x2000000000000;
inline constexpr uint64_t kWalkGroup = 0x4000000000000;
inline constexpr uint64_t kWalkAll = kWalkArea | kWalkRegion | kWalkGroup;
// A region of one area is not visited as a region too.
inline constexpr uint64_t kWalkSkipSingleArea = 0x8000000000000;

enum class StatsObjectType { kNone, kArea, kRegion, kGroup };

class StatsHandle {
 public:
  // An empty program is that of this process.
  StatsHandle(DmsetupContext& ctx, const std::string& program_id);

  // Whose statistics; the last one counts.
  void BindName(std::string name);
  void BindUuid(std::string uuid);
  void BindDevno(int major_nr, int minor_nr);
  LibdmLog& log() const { return ctx_.log; }
  // For messages that name none; may be empty.
  void set_program_id(std::string id) { program_id_ = std::move(id); }
  const std::string& program_id() const { return program_id_; }
  // The device's, once it is listed.
  const std::string& name() const { return *name_; }

  // @stats_list; without an argument of the handle's program.
  bool List() { return List(program_id_); }
  bool List(const std::string& program_id);
  // @stats_list, and @stats_print_clear of each region.  False also when
  // there is none.
  bool Populate(const std::string& program_id);

  struct NewRegion {
    uint64_t start = 0, len = 0;  // sectors; 0 and 0 for all
    int64_t step = -1;            // sectors, or -(number of areas)
    bool precise = false;
    std::optional<DmHistogram> bounds;
    std::string program_id, aux_data;
  };
  // The id of the new region.
  std::optional<uint64_t> CreateRegion(const NewRegion& region);
  bool DeleteRegion(uint64_t region_id);
  bool ClearRegion(uint64_t region_id);
  enum class Clear { kNo, kYes };
  std::optional<std::string> PrintRegion(uint64_t region_id, Clear clear);

  // `members` as "0,2-4".  The id of the group.
  std::optional<uint64_t> CreateGroup(const std::string& members,
                                      std::optional<std::string> alias);
  enum class Members { kKeep, kDelete };
  bool DeleteGroup(uint64_t group_id, Members members);

  uint64_t nr_regions() const { return table_ ? table_->nr_regions : 0; }
  uint64_t nr_groups() const;
  bool RegionPresent(uint64_t region_id) const;
  bool GroupPresent(uint64_t group_id) const;
  // One that is not present for an id that none has.
  const StatsRegion& region(uint64_t region_id) const;
  const StatsGroup& group(uint64_t group_id) const;

  // The cursor.
  void WalkInit(uint64_t flags);
  void WalkStart();
  void WalkNext();
  void WalkNextRegion();
  // Whether the walk is over, once per step.
  bool WalkEnd();

  // What the cursor is at.
  StatsObjectType current_type() const;
  uint64_t current_region() const { return cur_region_; }
  uint64_t current_area() const { return cur_area_ & ~kWalkAll; }
  uint64_t current_group() const;
  // The region itself, or the first one of the group.
  const StatsRegion& CurrentRegion() const;
  uint64_t CurrentStart() const;
  uint64_t CurrentLen() const;
  uint64_t CurrentAreaStart() const;
  uint64_t CurrentAreaOffset() const;
  uint64_t CurrentAreaLen() const;
  uint64_t CurrentNrAreas() const;
  std::string CurrentAlias() const;
  std::optional<DmHistogram> CurrentHistogram() const;
  StatsCounters CurrentCounters() const;

 private:
  // A failure that every caller passes on, each with a line in the log.
  bool Bound() const;
  bool SetDevice(DmTask& task) const;
  bool SetNameCache();
  void ClearBinding();
  std::optional<DmTask> SendMessage(const std::string& message);
  bool SetAux(uint64_t region_id);
  bool RemoveFromGroup(uint64_t region_id);
  bool IsGrouped(uint64_t region_id) const {
    return region(region_id).group_id != kStatsGroupNotPresent;
  }
  bool CheckOverlap(const std::set<uint64_t>& regions);
  uint64_t max_region() const {
    return table_ && !table_->regions.empty() ? table_->regions.size() - 1 : 0;
  }
  bool has_regions() const { return table_ && !table_->regions.empty(); }

  bool Skips(const StatsRegion& region) const;
  void NextPresent();
  bool AnyUnskipped() const;
  void GroupWalkStart();
  void EndAreas();

  DmsetupContext& ctx_;
  std::string program_id_;
  std::optional<std::string> bind_name_, bind_uuid_;
  int bind_major_ = -1, bind_minor_ = -1;
  std::optional<std::string> name_;
  std::optional<StatsTable> table_;
  uint64_t walk_flags_ = kWalkArea | kWalkRegion;
  uint64_t cur_flags_ = walk_flags_;
  uint64_t cur_group_ = 0, cur_region_ = 0, cur_area_ = 0;
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_STATS_STATS_HANDLE_H_
