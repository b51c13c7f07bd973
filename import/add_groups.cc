// SPDX-License-Identifier: Apache-2.0
//
// AddGroups: volumes of LVM2 that no mapped device is, physical volumes on
// which none stands, tags, policies and limits.  The kernel knows nothing of
// them; who makes a group anew destroys them.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "import/build_world.h"
#include "import/lvm/lvm_tables.h"

namespace dmdax {
namespace {

// Whether a mapped device has the name of a volume of the group; "a--b-x" is of
// another than "a".
bool IsLvmDmName(const std::string& vg, absl::string_view name) {
  return absl::ConsumePrefix(&name, LvmDmName(vg, "")) &&
         !absl::StartsWith(name, "-");
}

class GroupAdder {
 public:
  GroupAdder(const Facts& facts, const LvmGroup& group)
      : facts_(facts), group_(group) {
    for (const auto& [name, lv] : group.lvs) {
      if (lv.segments.empty()) continue;
      cow_stores_.insert(std::string(lv.segments[0].Text("cow_store")));
    }
  }

  void Run(proto::World* world) {
    proto::VolumeGroup said;
    said.set_name(group_.name);
    for (const std::string& name : group_.lv_order) {
      const LvmLv& lv = group_.lvs.at(name);
      // Not a volume: what makes one of two others.
      if (!lv.segments.empty() && lv.segments[0].type == "snapshot") continue;
      const std::set<std::string>& devices = DevicesBelow(name);
      if (HasDevice(name)) {
        used_.insert(devices.begin(), devices.end());
        proto::VolumeGroup::Volume volume = SettingsOf(lv);
        if (volume.ByteSizeLong() == 0) continue;
        volume.set_name(name);
        *said.add_active() = std::move(volume);
        continue;
      }
      proto::VolumeGroup::Volume* idle = said.add_idle();
      idle->set_name(name);
      idle->set_hidden(!lv.Has("VISIBLE") &&
                       // A snapshot's store has its name, which lvs shows.
                       !cow_stores_.contains(name));
      for (const std::string& device : devices) idle->add_device(device);
    }
    bool unused = false;
    for (const auto& [key, pv] : group_.pvs) {
      const std::string device = DeviceOf(pv);
      if (device.empty()) continue;
      said.add_device(device);
      unused |= !used_.contains(device);
    }
    const proto::VolumeGroup settings = GroupSettings();
    const bool says_more = unused ||
                           said.idle_size() + said.active_size() != 0 ||
                           settings.ByteSizeLong() != 0;
    said.MergeFrom(settings);
    const bool near_pmem =
        std::any_of(said.device().begin(), said.device().end(),
                    [&](const std::string& device) {
                      return MayHavePmem(facts_, *world, device);
                    });
    if (near_pmem && says_more) {
      *world->add_volume_group() = std::move(said);
    } else if (!near_pmem && !HasAnyDevice()) {
      // No other may be called so.
      world->add_volume_group()->set_name(group_.name);
    }
  }

  // The same of one whose volumes no input has but their tables.
  void RunReported(proto::World* world) {
    proto::VolumeGroup said = GroupSettings();
    if (said.ByteSizeLong() == 0) return;
    said.set_name(group_.name);
    bool near_pmem = false;
    for (const auto& [key, pv] : group_.pvs) {
      const std::string device = DeviceOf(pv);
      if (device.empty()) continue;
      said.add_device(device);
      near_pmem |= MayHavePmem(facts_, *world, device);
    }
    for (const proto::MappedDevice& volume : world->mapped_device()) {
      near_pmem |=
          said.device().empty() && IsLvmDmName(group_.name, volume.name());
    }
    if (near_pmem) *world->add_volume_group() = std::move(said);
  }

 private:
  std::string DeviceOf(const LvmPv& pv) const {
    return CanonicalDevice(facts_, pv.device);
  }

  static proto::VolumeGroup::Volume SettingsOf(const LvmLv& lv) {
    proto::VolumeGroup::Volume said;
    for (const std::string& tag : lv.tags) said.add_tag(tag);
    if (lv.allocation != "inherit") said.set_allocation(lv.allocation);
    said.set_no_autoactivation(lv.HasFlag("NOAUTOACTIVATE"));
    said.set_skip_activation(lv.HasFlag("ACTIVATION_SKIP"));
    if (lv.Has("FIXED_MINOR")) {
      said.set_minor(static_cast<uint32_t>(lv.minor));
    }
    said.set_read_ahead(lv.read_ahead);
    said.set_profile(lv.profile);
    return said;
  }

  proto::VolumeGroup GroupSettings() const {
    proto::VolumeGroup said;
    for (const std::string& tag : group_.tags) said.add_tag(tag);
    if (group_.allocation != "normal") said.set_allocation(group_.allocation);
    said.set_max_pv(static_cast<uint32_t>(group_.max_pv));
    said.set_max_lv(static_cast<uint32_t>(group_.max_lv));
    said.set_no_autoactivation(group_.HasFlag("NOAUTOACTIVATE"));
    // A report need not say it.
    if (!group_.status.empty()) {
      said.set_not_resizeable(!group_.Has("RESIZEABLE"));
      if (!group_.Has("WRITE")) said.set_locked("read-only");
      if (group_.Has("CLUSTERED")) said.set_locked("clustered");
      if (group_.Has("EXPORTED")) said.set_locked("exported");
    }
    if (!group_.lock_type.empty() && group_.lock_type != "none") {
      said.set_locked("shared");
    }
    for (const auto& [key, pv] : group_.pvs) {
      if (!pv.gone) continue;
      said.add_missing(pv.id.empty() ? pv.name
                                     : absl::StrCat(pv.name, ", ", pv.id));
    }
    if (group_.partial && said.missing().empty()) said.add_missing("");
    said.set_profile(group_.profile);
    said.set_system_id(group_.system_id);
    said.set_metadata_copies(group_.metadata_copies);
    if (group_.extent_size <= kLvmMostNumber) {
      said.set_extent_sectors(static_cast<uint32_t>(group_.extent_size));
    }
    for (const auto& [key, pv] : group_.pvs) {
      const std::string device = DeviceOf(pv);
      if (device.empty()) continue;
      proto::VolumeGroup::PhysicalVolume physical;
      for (const std::string& tag : pv.tags) physical.add_tag(tag);
      physical.set_not_allocatable(!pv.allocatable);
      physical.set_bootloader_sectors(pv.ba_size);
      if (pv.metadata_areas) physical.set_metadata_areas(*pv.metadata_areas);
      physical.set_metadata_sectors(pv.metadata_size);
      if (physical.ByteSizeLong() == 0) continue;
      physical.set_device(device);
      *said.add_physical_volume() = std::move(physical);
    }
    return said;
  }

  bool HasDevice(const std::string& lv) const {
    const absl::string_view layers[] = {"", "tpool", "vpool", "real", "cow"};
    return std::any_of(
        std::begin(layers), std::end(layers), [&](absl::string_view layer) {
          return facts_.mapped.contains(LvmDmName(group_.name, lv, layer));
        });
  }

  bool HasAnyDevice() const {
    return std::any_of(group_.lv_order.begin(), group_.lv_order.end(),
                       [this](const std::string& lv) { return HasDevice(lv); });
  }

  // Those below all volumes that it is made of; depth first and without
  // recursion, each volume once for all that ask.  Of volumes that name each
  // other the way back does not count.
  const std::set<std::string>& DevicesBelow(const std::string& lv) {
    std::vector<std::string> open = {lv};
    while (!open.empty()) {
      const std::string at = open.back();
      const auto found = group_.lvs.find(at);
      if (found == group_.lvs.end() || below_.contains(at)) {
        open.pop_back();
        continue;
      }
      const bool fresh = entered_.insert(at).second;
      bool waits = false;
      std::set<std::string> devices;
      for (const Part& part : PartsOf(found->second)) {
        const auto pv = group_.pvs.find(part.name);
        if (part.is_area && pv != group_.pvs.end()) {
          if (std::string device = DeviceOf(pv->second); !device.empty()) {
            devices.insert(std::move(device));
          }
        } else if (const auto of_part = below_.find(part.name);
                   of_part != below_.end()) {
          devices.insert(of_part->second.begin(), of_part->second.end());
        } else if (fresh && !entered_.contains(part.name) &&
                   group_.lvs.contains(part.name)) {
          open.push_back(part.name);
          waits = true;
        }
      }
      if (waits) continue;
      below_[at] = std::move(devices);
      open.pop_back();
    }
    return below_[lv];
  }

  // What a segment names: an area is a physical volume or a volume, any other
  // text may be a volume's name.
  struct Part {
    std::string name;
    bool is_area;
  };
  static std::vector<Part> PartsOf(const LvmLv& lv) {
    std::vector<Part> parts;
    for (const LvmSegment& segment : lv.segments) {
      for (const auto& [area, extent] : segment.areas) {
        parts.push_back({area, true});
      }
      for (const auto& [key, text] : segment.texts) {
        parts.push_back({text, false});
      }
    }
    return parts;
  }

  const Facts& facts_;
  const LvmGroup& group_;
  std::set<std::string> used_;
  std::set<std::string> cow_stores_;
  std::map<std::string, std::set<std::string>> below_;  // those asked for
  std::set<std::string> entered_;
};

// A group of which no input has the volumes as LVM2 has them.
void AddReported(const Facts& facts, const LvmGroup& group,
                 proto::World* world) {
  const std::string begin = LvmDmName(group.name, "");
  for (auto at = facts.mapped.lower_bound(begin);
       at != facts.mapped.end() && absl::StartsWith(at->first, begin); ++at) {
    // Of which more is known.
    if (IsLvmDmName(group.name, at->first)) {
      GroupAdder(facts, group).RunReported(world);
      return;
    }
  }
  proto::VolumeGroup said;
  said.set_name(group.name);
  for (const auto& [key, pv] : group.pvs) {
    const std::string device = CanonicalDevice(facts, pv.device);
    if (!device.empty() && MayHavePmem(facts, *world, device)) {
      said.add_device(device);
    }
  }
  *world->add_volume_group() = std::move(said);
}

}  // namespace

void AddGroups(const Facts& facts, proto::World* world) {
  std::set<std::string> names;
  for (const LvmGroup& group : facts.groups) {
    GroupAdder(facts, group).Run(world);
    names.insert(group.name);
  }
  for (const LvmGroup& group : facts.reported) {
    if (!group.name.empty() && names.insert(group.name).second) {
      AddReported(facts, group, world);
    }
  }
}

}  // namespace dmdax
