// SPDX-License-Identifier: Apache-2.0
#include "import/lvm/lvm_tables.h"

#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace dmdax {
namespace {

std::string DoubleDashes(absl::string_view name) {
  return absl::StrReplaceAll(name, {{"-", "--"}});
}

class Activation {
 public:
  Activation(const LvmGroup& group, std::vector<std::string>* notes)
      : group_(group), notes_(notes) {}

  std::vector<LvmDevice> Run() {
    FindSnapshots();
    FindUuidLayers();
    for (const std::string& name : group_.lv_order) {
      const LvmLv& lv = group_.lvs.at(name);
      // Those that only serve others come with them.
      if (!lv.Has("VISIBLE") && !snapshot_of_.contains(name)) continue;
      if (IsSnapshotSegment(lv)) continue;
      Add(name, absl::StrCat(group_.name, "/", name));
    }
    return std::move(out_);
  }

 private:
  static bool IsSnapshotSegment(const LvmLv& lv) {
    return !lv.segments.empty() && lv.segments[0].type == "snapshot";
  }

  void FindSnapshots() {
    for (const auto& [name, lv] : group_.lvs) {
      if (!IsSnapshotSegment(lv)) continue;
      const LvmSegment& s = lv.segments[0];
      const std::string cow = s.Text("cow_store");
      if (cow.empty()) {
        Note(s.place, absl::StrCat(group_.name, "/", s.Text("merging_store"),
                                   " is being merged: left out"));
        continue;
      }
      snapshot_of_[cow] = &s;
      origins_.insert(s.Text("origin"));
    }
    for (const auto& [name, lv] : group_.lvs) {
      for (const LvmSegment& s : lv.segments) {
        if (s.type != "thin") continue;
        pools_in_use_.insert(s.Text("thin_pool"));
        if (const std::string origin = s.Text("external_origin");
            !origin.empty()) {
          external_.insert(origin);
        }
      }
    }
  }

  // Volumes inside of others have a layer in their uuid that is not in their
  // name.  Mirrors build_dm_uuid of lib/activate (LVM2 2.03.16).
  void FindUuidLayers() {
    for (const auto& [name, lv] : group_.lvs) {
      for (const LvmSegment& s : lv.segments) {
        const auto inside = [&](const char* key, const char* layer) {
          if (const std::string part = s.Text(key); !part.empty()) {
            uuid_layers_.emplace(part, layer);
          }
        };
        if (s.type == "thin-pool") {
          uuid_layers_.emplace(name, "pool");
          inside("pool", "tdata");
          inside("metadata", "tmeta");
        } else if (s.type == "cache-pool") {
          inside("data", "cdata");
          inside("metadata", "cmeta");
        } else if (s.type == "cache") {
          inside("origin", "real");
          if (const LvmLv* pool = FindLv(s.Text("cache_pool"));
              pool != nullptr && !pool->segments.empty() &&
              pool->segments[0].type != "cache-pool") {
            inside("cache_pool", "cvol");
          }
        } else if (s.type == "writecache") {
          inside("origin", "real");
          inside("writecache", "cvol");
        } else if (s.type == "vdo-pool") {
          uuid_layers_.emplace(name, "vpool");
          inside("data", "vdata");
        }
      }
    }
  }

  const LvmLv* FindLv(const std::string& name) const {
    const auto it = group_.lvs.find(name);
    return it == group_.lvs.end() ? nullptr : &it->second;
  }

  void Note(const Place& place, absl::string_view what) {
    notes_->push_back(absl::StrCat(place.ToString(), ": ", what));
  }

  LvmDevice Device(const LvmLv& lv, absl::string_view layer,
                   const std::string& shown) const {
    LvmDevice device{.name = LvmDmName(group_.name, lv.name, layer),
                     .lv = shown,
                     .place = lv.place};
    if (!group_.id.empty() && !lv.id.empty()) {
      const auto inside = uuid_layers_.find(lv.name);
      if (layer.empty() && inside != uuid_layers_.end()) {
        layer = inside->second;
      }
      device.uuid =
          absl::StrCat("LVM-", absl::StrReplaceAll(group_.id, {{"-", ""}}),
                       absl::StrReplaceAll(lv.id, {{"-", ""}}),
                       layer.empty() ? "" : "-", layer);
    }
    device.read_only = !lv.Has("WRITE");
    device.skipped = lv.HasFlag("ACTIVATION_SKIP");
    return device;
  }

  static uint64_t LengthOf(const LvmDevice& device) {
    return device.rows.empty() ? 0
                               : device.rows.back().sector_start.value() +
                                     device.rows.back().length;
  }

  // One row over all of another device.
  void AddLayer(const LvmLv& lv, const std::string& shown, uint64_t length,
                const std::string& type, const std::string& params,
                absl::string_view layer = "") {
    LvmDevice device = Device(lv, layer, shown);
    device.rows.push_back({sector_t(0), length, type, params});
    out_.push_back(std::move(device));
  }

  // The volumes that a segment names.
  std::vector<std::string> Below(const LvmSegment& s) const {
    std::vector<std::string> names;
    const auto add = [&](const char* key) {
      // A thin snapshot needs nothing of its origin.
      if (s.type == "thin" && std::string(key) == "origin") return;
      if (const std::string name = s.Text(key); !name.empty()) {
        names.push_back(name);
      }
    };
    add("mirror_log");
    for (const auto& [area, extent] : s.areas) names.push_back(area);
    for (const char* key :
         {"data", "metadata", "pool", "external_origin", "thin_pool",
          "cache_pool", "writecache", "meta_dev", "origin", "vdo_pool"}) {
      add(key);
    }
    return names;
  }

  // A volume with all it stands on; `shown` is how people call it.
  void Add(const std::string& name, const std::string& shown) {
    auto found = group_.lvs.find(name);
    // Volumes that name each other would go on for ever without done_.
    if (found == group_.lvs.end() || !done_.insert(name).second) return;
    const LvmLv& lv = found->second;
    constexpr int kMostDepth = 64;
    if (depth_ == kMostDepth) {
      return Note(lv.place, absl::StrCat("more than ", kMostDepth,
                                         " volumes on each other"));
    }
    ++depth_;
    for (const LvmSegment& s : lv.segments) {
      for (const std::string& below : Below(s)) {
        auto it = group_.lvs.find(below);
        if (it == group_.lvs.end()) continue;
        Add(below, it->second.Has("VISIBLE")
                       ? absl::StrCat(group_.name, "/", below)
                       : "");
        if (below == s.Text("cache_pool")) AddCacheVolumes(s);
      }
    }
    --depth_;
    if (lv.segments.size() == 1 && lv.segments[0].type == "cache-pool") {
      // A pool in use is part of the cached volume.
      if (!shown.empty()) {
        Note(lv.place, absl::StrCat(shown,
                                    " is a cache pool without a volume: "
                                    "left out"));
      }
      return;
    }
    AddWithLayers(lv, shown);
  }

  void AddWithLayers(const LvmLv& lv, const std::string& shown) {
    const bool is_pool =
        !lv.segments.empty() && lv.segments[0].type == "thin-pool";
    const bool is_vdo_pool =
        !lv.segments.empty() && lv.segments[0].type == "vdo-pool";
    const bool has_real =
        origins_.contains(lv.name) || external_.contains(lv.name);
    auto snapshot = snapshot_of_.find(lv.name);
    const absl::string_view layer = is_pool                          ? "tpool"
                                    : is_vdo_pool                    ? "vpool"
                                    : has_real                       ? "real"
                                    : snapshot != snapshot_of_.end() ? "cow"
                                                                     : "";
    LvmDevice device = Device(lv, layer, layer.empty() ? shown : "");
    for (const LvmSegment& s : lv.segments) {
      absl::StatusOr<DmTargetSpec> row = LvmSegmentRow(group_, lv, s);
      if (!row.ok()) {
        device.odd = std::string(row.status().message());
        device.rows.clear();
        out_.push_back(std::move(device));
        return;
      }
      device.rows.push_back(*std::move(row));
    }
    const uint64_t length = LengthOf(device);
    const std::string path = absl::StrCat("/dev/mapper/", device.name);
    if (is_pool || is_vdo_pool) device.read_only = false;
    if (is_pool) device.thin_ids = ThinIds(lv.name);
    out_.push_back(std::move(device));
    if (is_pool) {
      // The pool itself is shown to people as a volume nobody writes to.
      if (pools_in_use_.contains(lv.name)) {
        AddLayer(lv, shown, length, "linear", path + " 0");
        out_.back().read_only = true;
      }
    } else if (origins_.contains(lv.name)) {
      AddLayer(lv, shown, length, "snapshot-origin", path);
    } else if (external_.contains(lv.name)) {
      AddLayer(lv, shown, length, "linear", path + " 0");
    } else if (snapshot != snapshot_of_.end()) {
      const LvmSegment& s = *snapshot->second;
      const std::string origin = s.Text("origin");
      Add(origin, absl::StrCat(group_.name, "/", origin));
      uint64_t extents = 0;
      if (auto it = group_.lvs.find(origin); it != group_.lvs.end()) {
        for (const LvmSegment& part : it->second.segments) {
          extents += part.extent_count;
        }
      }
      AddLayer(
          lv, shown, extents * group_.extent_size, "snapshot",
          absl::StrCat("/dev/mapper/", LvmDmName(group_.name, origin, "real"),
                       " ", path, " P ", s.Number("chunk_size")));
    }
  }

  std::vector<std::string> ThinIds(const std::string& pool) const {
    std::vector<std::string> ids;
    for (const auto& [name, lv] : group_.lvs) {
      for (const LvmSegment& s : lv.segments) {
        if (s.type == "thin" && s.Text("thin_pool") == pool) {
          ids.push_back(absl::StrCat(s.Number("device_id")));
        }
      }
    }
    return ids;
  }

  // One volume for data and metadata of a cache is cut in two.
  void AddCacheVolumes(const LvmSegment& s) {
    if (s.Number("metadata_len") == 0) return;
    const LvmLv& pool = group_.lvs.at(s.Text("cache_pool"));
    const std::string below =
        absl::StrCat("/dev/mapper/", LvmDmName(group_.name, pool.name));
    for (const auto& [layer, part] :
         {std::pair("cdata", "data"), std::pair("cmeta", "metadata")}) {
      AddLayer(pool, "", s.Number(absl::StrCat(part, "_len")), "linear",
               absl::StrCat(below, " ", s.Number(absl::StrCat(part, "_start"))),
               layer);
    }
  }

  const LvmGroup& group_;
  std::vector<std::string>* notes_;
  std::map<std::string, const LvmSegment*> snapshot_of_;  // by cow store
  std::map<std::string, std::string> uuid_layers_;        // by volume
  std::set<std::string> origins_, external_, pools_in_use_, done_;
  std::vector<LvmDevice> out_;
  int depth_ = 0;
};

}  // namespace

std::string LvmDmName(absl::string_view group, absl::string_view lv,
                      absl::string_view layer) {
  return absl::StrCat(DoubleDashes(group), "-", DoubleDashes(lv),
                      layer.empty() ? "" : "-", layer);
}

std::vector<LvmDevice> LvmTables(const LvmGroup& group,
                                 std::vector<std::string>* notes) {
  return Activation(group, notes).Run();
}

}  // namespace dmdax
