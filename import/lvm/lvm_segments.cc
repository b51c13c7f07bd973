// SPDX-License-Identifier: Apache-2.0
//
// LvmSegmentRow: the parameters that LVM2 gives each type of segment.
#include <functional>
#include <map>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "import/lvm/lvm_tables.h"

namespace dmdax {
namespace {

class Segment {
 public:
  Segment(const LvmGroup& group, const LvmLv& lv, const LvmSegment& segment)
      : group_(group), lv_(lv), in_(segment) {}

  using Params = absl::StatusOr<std::string>;

  // "/dev/pmem0 2048": an area of a PV or an LV.
  Params Area(const std::pair<std::string, uint64_t>& area) const {
    std::optional<uint64_t> sector = Sectors(area.second);
    if (auto pv = group_.pvs.find(area.first); pv != group_.pvs.end()) {
      const std::string& device = pv->second.device;
      if (!pv->second.missing.empty()) {
        return in_.place.Error(absl::StrCat("no input says which device ",
                                            area.first,
                                            " is: ", pv->second.missing));
      }
      if (!absl::StartsWith(device, "/dev/")) {
        return in_.place.Error(absl::StrCat("the device of ", area.first,
                                            " is missing: ", Quoted(device)));
      }
      if (sector) sector = CheckedAdd(*sector, pv->second.pe_start);
      if (!sector) return in_.place.Error("the area is past 2^64 sectors");
      return absl::StrCat(device, " ", *sector);
    }
    if (!sector) return in_.place.Error("the area is past 2^64 sectors");
    Params device = Lv(area.first);
    if (!device.ok()) return device;
    return absl::StrCat(*device, " ", *sector);
  }

  // The device of an LV of the group.
  Params Lv(const std::string& name, absl::string_view layer = "") const {
    if (!group_.lvs.contains(name)) {
      return in_.place.Error(absl::StrCat("there is no volume ", Quoted(name),
                                          " in the group ", group_.name));
    }
    return absl::StrCat("/dev/mapper/", LvmDmName(group_.name, name, layer));
  }

  Params Striped(std::string* type) const {
    if (in_.areas.empty()) return in_.place.Error("stripes are expected");
    std::vector<std::string> areas;
    for (const auto& area : in_.areas) {
      Params text = Area(area);
      if (!text.ok()) return text;
      areas.push_back(*text);
    }
    *type = areas.size() == 1 ? "linear" : "striped";
    if (areas.size() == 1) return areas[0];
    return absl::StrCat(areas.size(), " ", in_.Number("stripe_size"), " ",
                        absl::StrJoin(areas, " "));
  }

  Params Mirror(std::string* type) const {
    if (in_.areas.size() < 2) return Striped(type);
    std::string log = "core 1";
    if (const std::string name = in_.Text("mirror_log"); !name.empty()) {
      Params device = Lv(name);
      if (!device.ok()) return device;
      log = absl::StrCat("disk 2 ", *device);
    }
    absl::StrAppend(&log, " ", in_.Number("region_size"), " ",
                    in_.areas.size());
    for (const auto& area : in_.areas) {
      Params text = Area(area);
      if (!text.ok()) return text;
      absl::StrAppend(&log, " ", *text);
    }
    return log + " 1 handle_errors";
  }

  Params Raid(std::string* type) const {
    static const auto* kNames =
        new std::map<std::string, std::string>{{"raid5", "raid5_ls"},
                                               {"raid6", "raid6_zr"},
                                               {"raid0_meta", "raid0"},
                                               {"raid10_near", "raid10"}};
    auto known = kNames->find(in_.type);
    const std::string level = known == kNames->end() ? in_.type : known->second;
    *type = "raid";
    // Pairs of metadata and data; of raid0 data alone.
    std::vector<std::string> devices;
    size_t count = 0;
    uint64_t args = 1;
    std::string options;
    const auto option = [&](absl::string_view name, uint64_t value) {
      args += 2;
      absl::StrAppend(&options, " ", name, " ", value);
    };
    std::vector<uint64_t> rebuild, write_mostly;
    bool meta_before = false;
    for (const auto& [name, extent] : in_.areas) {
      const bool meta = absl::StrContains(name, "_rmeta_");
      Params device = Lv(name);
      if (!device.ok()) return device;
      if (!meta && !meta_before) devices.push_back("-");
      devices.push_back(*device);
      meta_before = meta;
      if (meta) continue;
      const LvmLv& image = group_.lvs.at(name);
      if (image.Has("REBUILD")) rebuild.push_back(count);
      if (image.Has("WRITEMOSTLY")) write_mostly.push_back(count);
      ++count;
    }
    for (uint64_t i : rebuild) option("rebuild", i);
    const auto setting = [&](const char* name, const std::string& key) {
      if (in_.Number(key) != 0) option(name, in_.Number(key));
    };
    setting("min_recovery_rate", "min_recovery_rate");
    setting("max_recovery_rate", "max_recovery_rate");
    for (uint64_t i : write_mostly) option("write_mostly", i);
    setting("max_write_behind", "writebehind");
    setting("region_size", "region_size");
    if (level == "raid10") {
      const uint64_t copies = in_.Number("data_copies");
      option("raid10_copies", copies == 0 ? 2 : copies);
    }
    return absl::StrCat(level, " ", args, " ",
                        level == "raid1" ? 0 : in_.Number("stripe_size"),
                        options, " ", count, " ", absl::StrJoin(devices, " "));
  }

  Params ThinPool() const {
    Params meta = Lv(in_.Text("metadata"));
    if (!meta.ok()) return meta;
    Params data = Lv(in_.Text("pool"));
    if (!data.ok()) return data;
    std::vector<std::string> features;
    if (in_.Number("zero_new_blocks") == 0) {
      features.push_back("skip_block_zeroing");
    }
    const std::string discards = in_.Text("discards");
    if (discards == "ignore") features.push_back("ignore_discard");
    if (discards == "nopassdown") features.push_back("no_discard_passdown");
    if (lv_.Has("ERROR_WHEN_FULL")) features.push_back("error_if_no_space");
    return absl::StrCat(*meta, " ", *data, " ", in_.Number("chunk_size"), " 0 ",
                        features.size(), features.empty() ? "" : " ",
                        absl::StrJoin(features, " "));
  }

  Params Thin() const {
    Params pool = Lv(in_.Text("thin_pool"), "tpool");
    if (!pool.ok()) return pool;
    std::string params = absl::StrCat(*pool, " ", in_.Number("device_id"));
    if (const std::string name = in_.Text("external_origin"); !name.empty()) {
      Params origin = Lv(name, "real");
      if (!origin.ok()) return origin;
      absl::StrAppend(&params, " ", *origin);
    }
    return params;
  }

  Params Cache() const {
    const std::string pool_name = in_.Text("cache_pool");
    auto pool = group_.lvs.find(pool_name);
    if (pool == group_.lvs.end() || pool->second.segments.empty()) {
      return in_.place.Error(
          absl::StrCat("there is no cache pool ", Quoted(pool_name)));
    }
    // A pool of its own has the settings; one volume for both has none.
    const bool one_volume = in_.Number("metadata_len") != 0;
    const LvmSegment& settings =
        one_volume ? in_ : pool->second.segments.front();
    Params meta =
        one_volume ? Lv(pool_name, "cmeta") : Lv(settings.Text("metadata"));
    if (!meta.ok()) return meta;
    Params data =
        one_volume ? Lv(pool_name, "cdata") : Lv(settings.Text("data"));
    if (!data.ok()) return data;
    Params origin = Lv(in_.Text("origin"));
    if (!origin.ok()) return origin;
    const bool cleaner = in_.Number("cleaner") != 0;
    std::string mode = settings.Text("cache_mode");
    if (mode.empty() || cleaner) mode = "writethrough";
    const bool metadata2 = settings.Number("metadata_format") == 2;
    std::string policy = cleaner ? "cleaner" : settings.Text("policy");
    if (policy.empty()) policy = "mq";
    std::vector<std::string> args;
    if (auto it = settings.lists.find("policy_settings");
        it != settings.lists.end() && !cleaner) {
      // 2048 is the kernel's own.
      for (size_t i = 0; i + 1 < it->second.size(); i += 2) {
        if (it->second[i] == "migration_threshold" &&
            it->second[i + 1] == "2048") {
          continue;
        }
        args.push_back(it->second[i]);
        args.push_back(it->second[i + 1]);
      }
    }
    return absl::StrCat(*meta, " ", *data, " ", *origin, " ",
                        settings.Number("chunk_size"), " ", metadata2 ? 2 : 1,
                        metadata2 ? " metadata2 " : " ", mode, " ", policy, " ",
                        args.size(), args.empty() ? "" : " ",
                        absl::StrJoin(args, " "));
  }

  Params Writecache() const {
    Params origin = Lv(in_.Text("origin"));
    if (!origin.ok()) return origin;
    const std::string cache = in_.Text("writecache");
    Params device = Lv(cache);
    if (!device.ok()) return device;
    uint64_t count = 0;
    std::string options;
    for (const char* key : {"high_watermark", "low_watermark", "writeback_jobs",
                            "autocommit_blocks", "autocommit_time", "max_age",
                            "pause_writeback"}) {
      if (!in_.numbers.contains(key)) continue;
      count += 2;
      absl::StrAppend(&options, " ", key, " ", in_.Number(key));
    }
    for (const char* key : {"fua", "nofua", "cleaner", "metadata_only"}) {
      if (in_.Number(key) == 0) continue;
      ++count;
      absl::StrAppend(&options, " ", key);
    }
    uint64_t block = in_.Number("writecache_block_size");
    if (block == 0) block = 4096;
    return absl::StrCat(OnPmem(cache) ? "p " : "s ", *origin, " ", *device, " ",
                        block, " ", count, options);
  }

  Params Integrity() const {
    Params origin = Lv(in_.Text("origin"));
    if (!origin.ok()) return origin;
    std::vector<std::string> options = {
        "fix_padding", absl::StrCat("block_size:", in_.Number("block_size")),
        absl::StrCat("internal_hash:", in_.Text("internal_hash"))};
    if (const std::string name = in_.Text("meta_dev"); !name.empty()) {
      Params meta = Lv(name);
      if (!meta.ok()) return meta;
      options.push_back(absl::StrCat("meta_device:", *meta));
    }
    if (in_.Number("recalculate") != 0) options.push_back("recalculate");
    return absl::StrCat(*origin, " 0 ", in_.Number("tag_size"), " ",
                        in_.Text("mode"), " ", options.size(), " ",
                        absl::StrJoin(options, " "));
  }

  Params Vdo() const {
    Params pool = Lv(in_.Text("vdo_pool"), "vpool");
    if (!pool.ok()) return pool;
    uint64_t header = 0;
    const LvmLv& lv = group_.lvs.at(in_.Text("vdo_pool"));
    if (!lv.segments.empty()) {
      header = lv.segments.front().Number("header_size");
    }
    return absl::StrCat(*pool, " ",
                        header + in_.Number("vdo_offset") * group_.extent_size);
  }

  Params VdoPool() const {
    const std::string name = in_.Text("data");
    Params data = Lv(name);
    if (!data.ok()) return data;
    uint64_t extents = 0;
    for (const LvmSegment& s : group_.lvs.at(name).segments) {
      extents += s.extent_count;
    }
    const auto on = [&](const char* key) {
      return in_.Number(key) != 0 ? "on" : "off";
    };
    return absl::StrCat(
        "V4 ", *data, " ", extents * group_.extent_size / 8, " ",
        in_.Number("minimum_io_size"), " ",
        in_.Number("block_map_cache_size_mb") * 256, " ",
        in_.Number("block_map_era_length"), " deduplication ",
        on("use_deduplication"), " compression ", on("use_compression"),
        " maxDiscard ", in_.Number("max_discard"), " ack ",
        in_.Number("ack_threads"), " bio ", in_.Number("bio_threads"),
        " bioRotationInterval ", in_.Number("bio_rotation"), " cpu ",
        in_.Number("cpu_threads"), " hash ", in_.Number("hash_zone_threads"),
        " logical ", in_.Number("logical_threads"), " physical ",
        in_.Number("physical_threads"));
  }

 private:
  static std::optional<uint64_t> CheckedAdd(uint64_t a, uint64_t b) {
    uint64_t sum;
    if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
    return sum;
  }
  std::optional<uint64_t> Sectors(uint64_t extents) const {
    uint64_t product;
    if (__builtin_mul_overflow(extents, group_.extent_size, &product)) {
      return std::nullopt;
    }
    return product;
  }

  // Whether all of an LV is on persistent memory.
  bool OnPmem(const std::string& name) const {
    auto lv = group_.lvs.find(name);
    if (lv == group_.lvs.end()) return false;
    for (const LvmSegment& s : lv->second.segments) {
      for (const auto& [area, extent] : s.areas) {
        auto pv = group_.pvs.find(area);
        if (pv == group_.pvs.end() ||
            !absl::StartsWith(pv->second.device, "/dev/pmem")) {
          return false;
        }
      }
    }
    return true;
  }

  const LvmGroup& group_;
  const LvmLv& lv_;
  const LvmSegment& in_;
};

}  // namespace

absl::StatusOr<DmTargetSpec> LvmSegmentRow(const LvmGroup& group,
                                           const LvmLv& lv,
                                           const LvmSegment& segment) {
  const Segment in(group, lv, segment);
  DmTargetSpec row;
  std::string type = segment.type;
  absl::StatusOr<std::string> params;
  if (type == "striped" || type == "linear") {
    params = in.Striped(&type);
  } else if (type == "error" || type == "zero") {
    params = "";
  } else if (type == "mirror") {
    params = in.Mirror(&type);
  } else if (absl::StartsWith(type, "raid")) {
    params = in.Raid(&type);
  } else if (type == "thin-pool") {
    params = in.ThinPool();
  } else if (type == "thin") {
    params = in.Thin();
  } else if (type == "cache") {
    params = in.Cache();
  } else if (type == "writecache") {
    params = in.Writecache();
  } else if (type == "integrity") {
    params = in.Integrity();
  } else if (type == "vdo") {
    type = "linear";
    params = in.Vdo();
  } else if (type == "vdo-pool") {
    type = "vdo";
    params = in.VdoPool();
  } else {
    return segment.place.Error(
        absl::StrCat("a segment of type ", Quoted(type), " has no table"));
  }
  if (!params.ok()) return params.status();
  constexpr uint64_t kMostSectors = uint64_t{1} << 55;
  uint64_t start, length;
  // A pool of vdo is as large as it makes believe.
  const bool vdo_pool = segment.type == "vdo-pool";
  const uint64_t extents =
      vdo_pool ? segment.Number("virtual_extents") : segment.extent_count;
  const uint64_t header = vdo_pool ? segment.Number("header_size") : 0;
  if (__builtin_mul_overflow(segment.start_extent, group.extent_size, &start) ||
      __builtin_mul_overflow(extents, group.extent_size, &length) ||
      __builtin_add_overflow(length, header, &length) || start > kMostSectors ||
      length > kMostSectors) {
    return segment.place.Error("the segment is past 2^55 sectors");
  }
  row.sector_start = sector_t(start);
  row.length = length;
  row.target_type = type;
  row.params = *std::move(params);
  return row;
}

}  // namespace dmdax
