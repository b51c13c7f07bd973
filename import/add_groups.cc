// SPDX-License-Identifier: Apache-2.0
//
// AddGroups: volumes of LVM2 that no mapped device is, physical volumes on
// which none stands, tags, policies and limits.  The kernel knows nothing of
// them; who makes a group anew destroys them.
#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "import/build_world.h"
#include "import/lvm/lvm_tables.h"

namespace dmdax {
namespace {

class GroupAdder {
 public:
  GroupAdder(const Facts& facts, const LvmGroup& group)
      : facts_(facts), group_(group) {}

  void Run(proto::World* world) {
    proto::VolumeGroup said;
    said.set_name(group_.name);
    for (const std::string& name : group_.lv_order) {
      const LvmLv& lv = group_.lvs.at(name);
      // Not a volume: what makes one of two others.
      if (!lv.segments.empty() && lv.segments[0].type == "snapshot") continue;
      std::set<std::string> devices, seen;
      FindDevices(name, &seen, &devices);
      if (HasDevice(name)) {
        used_.merge(devices);
        proto::VolumeGroup::Volume volume = SettingsOf(lv);
        if (volume.ByteSizeLong() == 0) continue;
        volume.set_name(name);
        *said.add_active() = std::move(volume);
        continue;
      }
      proto::VolumeGroup::Volume* idle = said.add_idle();
      idle->set_name(name);
      idle->set_hidden(!lv.Has("VISIBLE") && !IsCow(name));
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
    }
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
      if (group_.Has("EXPORTED")) said.set_locked("exported");
    }
    for (const auto& [key, pv] : group_.pvs) {
      const std::string device = DeviceOf(pv);
      if (device.empty() || (pv.tags.empty() && pv.allocatable)) continue;
      proto::VolumeGroup::PhysicalVolume* physical = said.add_physical_volume();
      physical->set_device(device);
      for (const std::string& tag : pv.tags) physical->add_tag(tag);
      physical->set_not_allocatable(!pv.allocatable);
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

  // A snapshot's store has its name, which lvs shows.
  bool IsCow(const std::string& lv) const {
    return std::any_of(
        group_.lvs.begin(), group_.lvs.end(), [&](const auto& other) {
          const auto& segments = other.second.segments;
          return !segments.empty() && segments[0].Text("cow_store") == lv;
        });
  }

  // Those below all volumes that it is made of; volumes that name each other
  // end at `seen`.
  void FindDevices(const std::string& lv, std::set<std::string>* seen,
                   std::set<std::string>* devices) const {
    const auto found = group_.lvs.find(lv);
    if (found == group_.lvs.end() || !seen->insert(lv).second) return;
    for (const LvmSegment& segment : found->second.segments) {
      for (const auto& [area, extent] : segment.areas) {
        const auto pv = group_.pvs.find(area);
        if (pv == group_.pvs.end()) {
          FindDevices(area, seen, devices);
        } else if (std::string device = DeviceOf(pv->second); !device.empty()) {
          devices->insert(std::move(device));
        }
      }
      for (const auto& [key, text] : segment.texts) {
        FindDevices(text, seen, devices);
      }
    }
  }

  const Facts& facts_;
  const LvmGroup& group_;
  std::set<std::string> used_;
};

}  // namespace

void AddGroups(const Facts& facts, proto::World* world) {
  for (const LvmGroup& group : facts.groups) {
    GroupAdder(facts, group).Run(world);
  }
}

}  // namespace dmdax
