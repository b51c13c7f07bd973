// SPDX-License-Identifier: Apache-2.0
//
// Volumes that only reports of LVM2 have (lvs, pvs, vgs): those that are linear
// or striped get tables, of the others no table follows.
#include "import/join_reports.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "import/live_group.h"
#include "import/lvm/lvm_tables.h"

namespace dmdax {
namespace {

// Unless another input has the device: then that is there, with what is known.
void LeaveOutVolume(const LvmGroup& group, const std::string& lv,
                    const Place& place, const std::string& why, Facts* facts) {
  const std::string name = LvmDmName(group.name, lv);
  auto m = facts->mapped.find(name);
  if (m == facts->mapped.end()) {
    facts->LeaveOut(place, name, why);
  } else if (!m->second.table) {
    m->second.odd_table = why;
  }
}

// What reports do not say the tables of: the target of a segment's type, and
// which layer of the volume has it.
struct ReportedTarget {
  absl::string_view target;
  absl::string_view layer;
};

// "" for one of which the type does not say that it has no DAX.
ReportedTarget TargetOf(absl::string_view type) {
  if (type == "thin-pool") return {"thin-pool", "tpool"};
  if (type == "vdo-pool") return {"vdo", "vpool"};
  if (absl::StartsWith(type, "raid")) return {"raid", ""};
  for (absl::string_view same : {"thin", "cache", "writecache", "mirror", "vdo",
                                 "snapshot", "integrity"}) {
    if (type == same) return {same, ""};
  }
  return {};
}

// A volume of a report whose table does not follow from it.
void LeaveOutReported(const LvmGroup& group, const LvmLv& lv, Listed listed,
                      const std::string& why, Facts* facts) {
  const ReportedTarget is = lv.segments.size() == 1
                                ? TargetOf(lv.segments[0].type)
                                : ReportedTarget();
  const auto live =
      facts->mapped.find(LvmDmName(group.name, lv.name, is.layer));
  if (live != facts->mapped.end() && !live->second.table) {
    live->second.target = std::string(is.target);
  }
  // What is not in a list of live devices is not active.
  if (listed == Listed::kAll &&
      !facts->mapped.contains(LvmDmName(group.name, lv.name)))
    return;
  LeaveOutVolume(group, lv.name, lv.place, why, facts);
}

// Volumes that others are snapshots of, which a report shows as linear.
std::set<std::string> OriginsIn(const LvmGroup& group) {
  std::set<std::string> origins;
  for (const auto& [name, lv] : group.lvs) {
    for (const LvmSegment& s : lv.segments) {
      if (s.type == "snapshot") origins.insert(s.Text("origin"));
    }
  }
  return origins;
}

// Those that the metadata has and the report does not are the group's for all
// that is known; where data begins on them is not.
void AddDevices(const LvmGroup& metadata, LvmGroup* report) {
  for (const auto& [key, pv] : metadata.pvs) {
    const auto same = std::find_if(
        report->pvs.begin(), report->pvs.end(), [&](const auto& other) {
          return other.second.device == pv.device ||
                 (!pv.id.empty() && other.second.id == pv.id);
        });
    if (pv.device.empty() || same != report->pvs.end()) continue;
    LvmPv kept = pv;
    kept.pe_count = 0;
    report->pvs.emplace(pv.device, std::move(kept));
  }
}

}  // namespace

void LeaveOutBareVolumes(Listed listed, Facts* facts) {
  for (const BareVolume& bare : facts->bare_volumes) {
    const auto has_it = [&](const LvmGroup& group) {
      return group.name == bare.group && group.lvs.contains(bare.name);
    };
    if (bare.group.empty() ||
        std::any_of(facts->groups.begin(), facts->groups.end(), has_it)) {
      continue;
    }
    const LvmGroup group{.name = bare.group};
    // What is not in a list of live devices is not active.
    if (listed == Listed::kAll &&
        !facts->mapped.contains(LvmDmName(bare.group, bare.name))) {
      continue;
    }
    LeaveOutVolume(group, bare.name, bare.place,
                   "its report lacks the columns that say where it lies (lvs "
                   "-a --units b -o +vg_extent_size,segtype,seg_start,seg_size,"
                   "seg_pe_ranges,stripe_size; pvs -o +pe_start)",
                   facts);
  }
}

absl::StatusOr<bool> JoinMetadata(Listed listed, LvmGroup* reported,
                                  Facts* facts) {
  const LvmGroup& report = *reported;
  for (auto it = facts->groups.begin(); it != facts->groups.end(); ++it) {
    if (it->name != report.name) continue;
    if (absl::Status s = CheckSameGroup(report, *it); !s.ok()) return s;
    const GroupComparison is = CompareGroups(report, *it);
    const std::string differ =
        absl::StrCat(report.name, " is another in ", it->place.ToString(), ": ",
                     is.why, "; ");
    if (is.old == OldGroup::kReport) {
      facts->Note(report.place,
                  absl::StrCat(differ, "the metadata is newer and is taken"));
      return true;
    }
    if (is.old == OldGroup::kNone) {
      TakeState(report, &*it);
      return true;
    }
    facts->Note(report.place,
                absl::StrCat(differ,
                             "the report is taken, which asked the group that "
                             "is there (a new vgcfgbackup says the rest)"));
    for (const std::string& lv : NotReported(report, *it)) {
      // What is not in a list of live devices is not active.
      if (listed == Listed::kAll &&
          !facts->mapped.contains(LvmDmName(report.name, lv))) {
        continue;
      }
      LeaveOutVolume(*it, lv, it->lvs.at(lv).place,
                     "only old metadata has it (vgcfgbackup as the group is "
                     "now)",
                     facts);
    }
    AddDevices(*it, reported);
    facts->groups.erase(it);
    return false;
  }
  return false;
}

bool InExtents(LvmGroup* group, Listed listed, Facts* facts) {
  if (group->lvs.empty() || group->name.empty()) return false;
  if (group->extent_size == 0) {
    const std::string why =
        absl::StrCat("no input says the extent size of ", group->name,
                     " (vgs -o +vg_extent_size)");
    for (const auto& [name, lv] : group->lvs) {
      LeaveOutReported(*group, lv, listed, why, facts);
    }
    return false;
  }
  const std::set<std::string> origins = OriginsIn(*group);
  for (auto lv = group->lvs.begin(); lv != group->lvs.end();) {
    std::string why = origins.contains(lv->first)
                          ? "it has snapshots, which need vgcfgbackup"
                          : "";
    for (const LvmSegment& s : lv->second.segments) {
      if (s.type != "linear" && s.type != "striped") {
        why = absl::StrCat("type ", s.type, " needs vgcfgbackup");
      }
      // Areas of other types are volumes.
      for (const auto& [device, extent] : s.areas) {
        auto pv = group->pvs.find(device);
        if (!why.empty()) break;
        if (!absl::StartsWith(device, "/")) {
          why = absl::StrCat("its part ", device, " needs vgcfgbackup");
        } else if (pv == group->pvs.end() || pv->second.pe_count == 0) {
          why = absl::StrCat("no input says the pe_start of ", device,
                             " (pvs -o +pe_start)");
        }
      }
    }
    if (why.empty()) {
      for (LvmSegment& s : lv->second.segments) {
        s.start_extent /= group->extent_size;
        s.extent_count /= group->extent_size;
        s.type = "striped";
      }
      // What a volume that is left out stands on is live all the same.  Its
      // uuid has a layer, which depends on that volume.
      if (!lv->second.Has("VISIBLE") &&
          facts->mapped.contains(LvmDmName(group->name, lv->first))) {
        lv->second.status.push_back("VISIBLE");
        lv->second.id.clear();
      }
      ++lv;
      continue;
    }
    LeaveOutReported(*group, lv->second, listed, why, facts);
    group->lv_order.erase(
        std::find(group->lv_order.begin(), group->lv_order.end(), lv->first));
    lv = group->lvs.erase(lv);
  }
  return true;
}

}  // namespace dmdax
