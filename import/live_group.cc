// SPDX-License-Identifier: Apache-2.0
#include "import/live_group.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "import/size_range.h"

namespace dmdax {
namespace {

std::string PlainId(const std::string& id) {
  return absl::StrReplaceAll(id, {{"-", ""}});
}

// Extents that segments have on physical volumes.
uint64_t UsedExtents(const LvmGroup& metadata) {
  uint64_t used = 0;
  for (const auto& [name, lv] : metadata.lvs) {
    for (const LvmSegment& s : lv.segments) {
      for (const auto& [area, extent] : s.areas) {
        if (!metadata.pvs.contains(area)) continue;
        // Only stripes share a segment's extents.
        used += s.type == "striped" ? s.extent_count / s.areas.size()
                                    : s.extent_count;
      }
    }
  }
  return used;
}

// Those that lvs shows without -a; none: nobody can tell.
// Mirrors: lv_is_visible() of lib/metadata/lv_manip.c (LVM2 2.03.16).
std::optional<uint64_t> ShownVolumes(const LvmGroup& metadata) {
  std::set<std::string> shown;
  for (const auto& [name, lv] : metadata.lvs) {
    if (!lv.segments.empty() && lv.segments[0].type == "snapshot") {
      if (!lv.segments[0].Text("merging_store").empty()) return std::nullopt;
      shown.insert(lv.segments[0].Text("cow_store"));
    } else if (lv.Has("VISIBLE")) {
      shown.insert(name);
    }
  }
  return shown.size();
}

class Comparer {
 public:
  Comparer(const LvmGroup& report, const LvmGroup& metadata)
      : report_(report), metadata_(metadata) {}

  GroupComparison Run() {
    if (report_.seqno != 0 && metadata_.seqno != 0) {
      if (report_.seqno == metadata_.seqno) return {};
      return {report_.seqno < metadata_.seqno ? OldGroup::kReport
                                              : OldGroup::kMetadata,
              Differ("seqno", report_.seqno, metadata_.seqno)};
    }
    std::string why = Numbers();
    if (why.empty()) why = Devices();
    if (why.empty()) why = Volumes();
    if (why.empty()) return {};
    return {OldGroup::kMetadata, std::move(why)};
  }

 private:
  template <typename T>
  static std::string Differ(absl::string_view what, const T& report,
                            const T& metadata) {
    return absl::StrCat(what, " ", report, ", and ", metadata,
                        " in the metadata");
  }

  std::string Numbers() const {
    if (report_.extent_size != 0 && metadata_.extent_size != 0 &&
        report_.extent_size != metadata_.extent_size) {
      return Differ("extents of", absl::StrCat(report_.extent_size / 2, " KiB"),
                    absl::StrCat(metadata_.extent_size / 2, " KiB"));
    }
    if (report_.nr_pvs && *report_.nr_pvs != metadata_.pvs.size()) {
      return Differ("physical volumes:", *report_.nr_pvs,
                    uint64_t{metadata_.pvs.size()});
    }
    const std::optional<uint64_t> shown = ShownVolumes(metadata_);
    if (report_.nr_lvs && shown && *report_.nr_lvs != *shown) {
      return Differ("volumes:", *report_.nr_lvs, *shown);
    }
    uint64_t extents = 0;
    for (const auto& [name, pv] : metadata_.pvs) extents += pv.pe_count;
    const uint64_t used = UsedExtents(metadata_);
    uint64_t free = 0;
    if (!report_.free || used > extents ||
        __builtin_mul_overflow(extents - used, metadata_.extent_size * 512,
                               &free) ||
        (free >= report_.free->least && free <= report_.free->most)) {
      return "";
    }
    return Differ("free:", report_.free->ToString(),
                  absl::StrCat(free, " bytes"));
  }

  const LvmPv* InMetadata(const LvmPv& reported) const {
    if (reported.id.empty()) return nullptr;
    for (const auto& [name, pv] : metadata_.pvs) {
      if (PlainId(pv.id) == PlainId(reported.id)) return &pv;
    }
    return nullptr;
  }

  std::string Devices() const {
    const bool all_ids =
        std::all_of(metadata_.pvs.begin(), metadata_.pvs.end(),
                    [](const auto& pv) { return !pv.second.id.empty(); });
    for (const auto& [device, pv] : report_.pvs) {
      const LvmPv* const same = InMetadata(pv);
      if (same == nullptr) {
        if (pv.id.empty() || !all_ids) continue;
        return absl::StrCat(device, " of UUID ", pv.id,
                            " is none of the metadata's");
      }
      if (pv.pe_count != 0 && pv.pe_start != same->pe_start) {
        return Differ(absl::StrCat("pe_start of ", device), pv.pe_start,
                      same->pe_start);
      }
    }
    return "";
  }

  std::string Volumes() const {
    const uint64_t extent = metadata_.extent_size;
    for (const std::string& name : report_.lv_order) {
      const LvmLv& lv = report_.lvs.at(name);
      const auto same = metadata_.lvs.find(name);
      if (same == metadata_.lvs.end()) {
        return absl::StrCat(name, " is none of the metadata's");
      }
      for (const LvmSegment& s : lv.segments) {
        if (s.type != "linear" && s.type != "striped") continue;
        const auto there = std::find_if(
            same->second.segments.begin(), same->second.segments.end(),
            [&](const LvmSegment& other) {
              return other.start_extent * extent == s.start_extent;
            });
        if (there == same->second.segments.end() ||
            there->extent_count * extent != s.extent_count ||
            !AtOnePlace(s, *there)) {
          return absl::StrCat(name, " lies at ", Where(s),
                              ", and otherwise in the metadata");
        }
      }
    }
    return "";
  }

  // Devices are compared where their UUIDs are known: names change.
  bool AtOnePlace(const LvmSegment& reported, const LvmSegment& there) const {
    if (reported.areas.size() != there.areas.size()) {
      return reported.areas.empty();
    }
    for (size_t i = 0; i < there.areas.size(); ++i) {
      const auto& [device, extent] = reported.areas[i];
      if (extent != there.areas[i].second) return false;
      const auto pv = report_.pvs.find(device);
      const auto other = metadata_.pvs.find(there.areas[i].first);
      if (pv == report_.pvs.end() || other == metadata_.pvs.end() ||
          pv->second.id.empty() || other->second.id.empty()) {
        continue;
      }
      if (PlainId(pv->second.id) != PlainId(other->second.id)) return false;
    }
    return true;
  }

  static std::string Where(const LvmSegment& s) {
    std::string text;
    for (const auto& [device, extent] : s.areas) {
      absl::StrAppend(&text, text.empty() ? "" : " ", device, ":", extent);
    }
    return absl::StrCat(text, ", ", s.extent_count, " sectors from ",
                        s.start_extent);
  }

  const LvmGroup& report_;
  const LvmGroup& metadata_;
};

}  // namespace

GroupComparison CompareGroups(const LvmGroup& report,
                              const LvmGroup& metadata) {
  return Comparer(report, metadata).Run();
}

void TakeState(const LvmGroup& report, LvmGroup* metadata) {
  metadata->partial |= report.partial;
  if (!report.status.empty()) metadata->status = report.status;
  if (metadata->lock_type.empty()) metadata->lock_type = report.lock_type;
  for (const auto& [device, pv] : report.pvs) {
    for (auto& [name, same] : metadata->pvs) {
      if (!pv.id.empty() && PlainId(pv.id) == PlainId(same.id)) {
        same.gone |= pv.gone;
      }
      // Metadata says nothing of where it lies itself.
      if (pv.id.empty() ? pv.device == same.device
                        : PlainId(pv.id) == PlainId(same.id)) {
        if (pv.metadata_areas) same.metadata_areas = pv.metadata_areas;
        if (pv.metadata_size != 0) same.metadata_size = pv.metadata_size;
      }
    }
  }
}

std::vector<std::string> NotReported(const LvmGroup& report,
                                     const LvmGroup& metadata) {
  uint64_t shown = 0;
  for (const auto& [name, lv] : report.lvs) shown += lv.Has("VISIBLE") ? 1 : 0;
  std::vector<std::string> names;
  // Those of which it has the number it has all.
  if (report.nr_lvs && *report.nr_lvs == shown) return names;
  for (const std::string& name : metadata.lv_order) {
    const LvmLv& lv = metadata.lvs.at(name);
    if (lv.Has("VISIBLE") && !report.lvs.contains(name)) names.push_back(name);
  }
  return names;
}

}  // namespace dmdax
