// SPDX-License-Identifier: Apache-2.0
#include "tools/check/lvm_settings.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "base/one_line.h"
#include "base/units.h"
#include "state/find_device.h"
#include "tools/byte_count.h"
#include "tools/check/cure_lines.h"
#include "tools/check/dax_depth.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

// Null: the World has nothing of it.
const proto::VolumeGroup* Group(const Session& session, const std::string& vg) {
  for (const proto::VolumeGroup& group : session.groups) {
    if (group.name() == vg) return &group;
  }
  return nullptr;
}

const proto::VolumeGroup::Volume* Volume(const Session& session,
                                         const LvmName& lvm) {
  const proto::VolumeGroup* const group = Group(session, lvm.vg);
  if (group == nullptr) return nullptr;
  for (const auto& volume : group->active()) {
    if (volume.name() == lvm.lv) return &volume;
  }
  return nullptr;
}

template <typename Tags>
std::string AddTags(const Tags& tags) {
  std::string words;
  for (const std::string& tag : tags) {
    absl::StrAppend(&words, " --addtag ", ShellWord(tag));
  }
  return words;
}

// " --alloc cling"; "": it is not set.
std::string OptionWord(absl::string_view option, const std::string& value) {
  return value.empty() ? "" : absl::StrCat(option, ShellWord(value));
}

BlockDevice* Find(const Session& session, const std::string& device) {
  const absl::StatusOr<BlockDevice*> bdev = FindDevice(session, device);
  return bdev.ok() ? *bdev : nullptr;
}

// The physical volumes of the group that are devices of the part.
std::vector<std::pair<const proto::VolumeGroup::PhysicalVolume*, BlockDevice*>>
VolumesOf(const GroupPart& part, const proto::VolumeGroup& group) {
  std::vector<
      std::pair<const proto::VolumeGroup::PhysicalVolume*, BlockDevice*>>
      volumes;
  for (const auto& physical : group.physical_volume()) {
    BlockDevice* const bdev = Find(*part.machine, physical.device());
    if (std::find(part.devices.begin(), part.devices.end(), bdev) !=
        part.devices.end()) {
      volumes.emplace_back(&physical, bdev);
    }
  }
  return volumes;
}

}  // namespace

std::string MakeWords(const Session& session, const std::string& vg,
                      const std::string& lv) {
  const proto::VolumeGroup* const group = Group(session, vg);
  if (group == nullptr) return "";
  if (lv.empty()) {
    return absl::StrCat(
        AddTags(group->tag()), OptionWord(" --systemid ", group->system_id()),
        OptionWord(" --vgmetadatacopies ", group->metadata_copies()));
  }
  const proto::VolumeGroup::Volume* const volume = Volume(session, {vg, lv});
  return volume == nullptr ? "" : AddTags(volume->tag());
}

std::vector<CureStep> VolumeSettings(const Session& session, const LvmName& lvm,
                                     const std::string& name) {
  const proto::VolumeGroup::Volume* const volume = Volume(session, lvm);
  if (volume == nullptr) return {};
  std::string words =
      absl::StrCat(OptionWord(" --alloc ", volume->allocation()),
                   OptionWord(" --readahead ", volume->read_ahead()),
                   OptionWord(" --metadataprofile ", volume->profile()));
  if (volume->no_autoactivation()) words += " --setautoactivation n";
  if (volume->skip_activation()) words += " --setactivationskip y";
  const std::string path = ShellWord(absl::StrCat(lvm.vg, "/", lvm.lv));
  std::string line;
  if (!words.empty()) line = absl::StrCat("lvchange", words, " ", path);
  if (volume->has_minor()) {
    absl::StrAppend(&line, line.empty() ? "" : " && ",
                    "lvchange -y -My --major ", session.ctl->major(),
                    " --minor ", volume->minor(), " ", path);
  }
  if (line.empty()) return {};
  return {{CureStage::kSettings, name, line}};
}

std::vector<CureStep> GroupSettings(const GroupPart& part) {
  const proto::VolumeGroup* const group = Group(*part.machine, part.vg);
  if (group == nullptr) return {};
  std::vector<std::string> lines;
  std::string words;
  if (part.whole) {
    words = absl::StrCat(OptionWord(" --alloc ", group->allocation()),
                         OptionWord(" --metadataprofile ", group->profile()));
    if (group->max_pv() != 0) {
      absl::StrAppend(&words, " --maxphysicalvolumes ", group->max_pv());
    }
    if (group->max_lv() != 0) {
      absl::StrAppend(&words, " --logicalvolume ", group->max_lv());
    }
    if (group->no_autoactivation()) words += " --setautoactivation n";
  }
  if (!words.empty()) {
    lines.push_back(absl::StrCat("vgchange", words, " ", ShellWord(part.vg)));
  }
  for (const auto& [physical_volume, bdev] : VolumesOf(part, *group)) {
    const proto::VolumeGroup::PhysicalVolume& physical = *physical_volume;
    const std::string path = ShellWord(DevicePath(*part.machine, *bdev));
    if (physical.tag_size() != 0) {
      lines.push_back(
          absl::StrCat("pvchange", AddTags(physical.tag()), " ", path));
    }
    if (physical.not_allocatable()) {
      lines.push_back(absl::StrCat("pvchange --allocatable n ", path));
    }
  }
  // Then nothing comes to the group any more.
  if (part.whole && group->not_resizeable()) {
    lines.push_back(
        absl::StrCat("vgchange --resizeable n ", ShellWord(part.vg)));
  }
  std::string line;
  for (const std::string& one : lines) {
    absl::StrAppend(&line, line.empty() ? "" : " && ", one);
  }
  if (line.empty()) return {};
  return {{CureStage::kSettings, part.vg, line}};
}

uint64_t ExtentSectors(const Session& session, const std::string& vg) {
  const proto::VolumeGroup* const group = Group(session, vg);
  return group == nullptr ? 0 : group->extent_sectors();
}

namespace {

// What pvcreate makes of itself holds no more than the alignment of its data.
constexpr uint64_t kMetadataSectors = kPmdSectors;

// "pmem0, pmem1": the devices of a part of which `is` is true, each with what
// the metadata says of it or null.
template <typename Is>
std::string DevicesWhere(const GroupPart& part, const proto::VolumeGroup* group,
                         Is is) {
  std::vector<std::string> names;
  for (const BlockDevice* device : part.devices) {
    const proto::VolumeGroup::PhysicalVolume* said = nullptr;
    if (group != nullptr) {
      for (const auto& [physical, bdev] : VolumesOf(part, *group)) {
        if (bdev == device) said = physical;
      }
    }
    if (is(said)) names.push_back(NameOfDevice(*part.machine, *device));
  }
  return OneLine(absl::StrJoin(names, ", "));
}

}  // namespace

std::string UnsaidSettings(const Session& session, const std::string& vg) {
  // The metadata that has them has that too.
  if (ExtentSectors(session, vg) != 0) return "";
  return absl::StrCat("tags, policies and limits of ", OneLine(vg),
                      " and its volumes come back as far as an input says them "
                      "(vgcfgbackup)");
}

std::string GroupChanges(const GroupPart& part) {
  using PhysicalVolume = proto::VolumeGroup::PhysicalVolume;
  const proto::VolumeGroup* const group = Group(*part.machine, part.vg);
  const std::string vg = OneLine(part.vg);
  std::vector<std::string> changes;
  std::vector<std::string> taken, ask;
  if (part.whole && part.old_extent == 0) {
    taken.push_back(
        absl::StrCat("extents of ", BytesText(part.extent * kSectorSize)));
    ask.push_back("vgs -o +vg_extent_size");
  } else if (part.extent != part.old_extent && part.old_extent != 0) {
    changes.push_back(absl::StrCat(
        "the extents of ", vg, " become ", BytesText(part.extent * kSectorSize),
        ", and were ", BytesText(part.old_extent * kSectorSize),
        ": volumes are rounded up to whole ones"));
  }
  const std::string areas =
      DevicesWhere(part, group, [](const PhysicalVolume* said) {
        return said == nullptr || !said->has_metadata_areas();
      });
  if (!areas.empty()) {
    taken.push_back(absl::StrCat("one area for its metadata on ", areas));
    ask.push_back("pvs -o +pv_mda_count");
  }
  if (!taken.empty()) {
    changes.push_back(absl::StrCat(vg, " gets ", absl::StrJoin(taken, " and "),
                                   ", as no input says how it is (",
                                   absl::StrJoin(ask, ", "), ")"));
  }
  if (std::string unsaid = UnsaidSettings(*part.machine, part.vg);
      !unsaid.empty()) {
    changes.push_back(std::move(unsaid));
  }
  const std::string large =
      DevicesWhere(part, group, [](const PhysicalVolume* said) {
        return said != nullptr && said->metadata_sectors() > kMetadataSectors;
      });
  if (!large.empty()) {
    changes.push_back(absl::StrCat(
        "the area for metadata on ", large,
        " becomes smaller, as pvcreate makes it (--metadatasize)"));
  }
  return absl::StrJoin(changes, "; ");
}

std::string LockedGroup(const Session& session, const std::string& vg) {
  const proto::VolumeGroup* const group = Group(session, vg);
  if (group == nullptr) return "";
  if (group->locked().empty() && !group->missing().empty()) {
    std::string which = OneLine(absl::StrJoin(group->missing(), "; "));
    if (!which.empty()) which = absl::StrCat(" (", which, ")");
    return absl::StrCat(
        "LVM2 does not find all physical volumes of group ", OneLine(vg), which,
        ", and makes nothing anew in it: where the device has come back "
        "vgextend --restoremissing ",
        ShellWord(vg), " DEVICE, where it is lost vgreduce --removemissing ",
        ShellWord(vg), "; then ask again");
  }
  if (group->locked().empty()) return "";
  if (group->locked() == "shared") {
    return absl::StrCat("group ", OneLine(vg),
                        " is shared with other hosts (lvmlockd), which must "
                        "let go of it first: by hand");
  }
  return absl::StrCat(
      "group ", OneLine(vg), " is ", OneLine(group->locked()),
      ", so that LVM2 changes nothing of it",
      group->locked() == "exported"
          ? absl::StrCat(": vgimport ", ShellWord(vg), ", and ask again")
          : "");
}

std::string MinorMayBeTaken(const Session& session, const LvmName& lvm,
                            const BdevSet& gone) {
  const proto::VolumeGroup::Volume* const volume = Volume(session, lvm);
  if (volume == nullptr || !volume->has_minor()) return "";
  std::set<uint32_t> taken;
  uint32_t made = 0;
  session.ctl->ForEachDevice([&](const HashCell& cell) {
    BlockDevice& disk = cell.md->disk();
    if (gone.contains(&disk)) {
      ++made;
    } else {
      taken.insert(disk.dev().minor_nr);
    }
  });
  if (made < 2) return "";
  uint32_t next = 0;
  for (uint32_t i = 0; i < made; ++i, ++next) {
    while (taken.contains(next)) ++next;
  }
  if (volume->minor() >= next) return "";
  const std::string name = OneLine(absl::StrCat(lvm.vg, "/", lvm.lv));
  return absl::StrCat(name, " has the minor ", volume->minor(),
                      " for good (lvchange -My), which a volume that is made "
                      "before it would get: lvchange -Mn ",
                      ShellWord(absl::StrCat(lvm.vg, "/", lvm.lv)),
                      ", and ask again");
}

std::string MoreOnDevices(const GroupPart& part) {
  const proto::VolumeGroup* const group = Group(*part.machine, part.vg);
  if (group == nullptr) return "";
  for (const auto& [physical_volume, bdev] : VolumesOf(part, *group)) {
    const proto::VolumeGroup::PhysicalVolume& physical = *physical_volume;
    const std::string name = OneLine(NameOfDevice(*part.machine, *bdev));
    constexpr absl::string_view kByHand =
        " and --dataalignment 2m, and the volumes by hand";
    if (const uint64_t sectors = physical.bootloader_sectors(); sectors != 0) {
      return absl::StrCat("no list makes the bootloader area of ", name,
                          " again, ", BytesText(sectors * kSectorSize),
                          " with what it holds: pvcreate --bootloaderareasize ",
                          sectors, "s", kByHand);
    }
    if (physical.has_metadata_areas() && physical.metadata_areas() != 1) {
      return absl::StrCat("no list makes ", name, " again with ",
                          physical.metadata_areas(),
                          " areas for its group's metadata: pvcreate "
                          "--pvmetadatacopies ",
                          physical.metadata_areas(), kByHand);
    }
  }
  return "";
}

std::string GroupKeepsDevices(const Session& session, const GroupPart& part) {
  const proto::VolumeGroup* const group = Group(session, part.vg);
  if (group == nullptr || part.whole || !group->not_resizeable()) return "";
  const std::string vg = ShellWord(part.vg);
  return absl::StrCat("group ", OneLine(part.vg),
                      " gives no device away and takes none (vgchange "
                      "--resizeable n): vgchange --resizeable y ",
                      vg, ", and ask again");
}

std::string NotAllocatable(const Session& session, const std::string& vg,
                           const BdevSet& devices, const BdevSet& made_anew) {
  const proto::VolumeGroup* const group = Group(session, vg);
  if (group == nullptr) return "";
  for (const auto& physical : group->physical_volume()) {
    BlockDevice* const bdev = Find(session, physical.device());
    if (!physical.not_allocatable() || bdev == nullptr ||
        !devices.contains(bdev) || made_anew.contains(bdev)) {
      continue;
    }
    return absl::StrCat(
        "LVM2 puts no volume on ", OneLine(NameOfDevice(session, *bdev)),
        " (pvchange --allocatable n): pvchange --allocatable y ",
        ShellWord(DevicePath(session, *bdev)), ", and ask again");
  }
  return "";
}

}  // namespace dmdax
