// SPDX-License-Identifier: Apache-2.0
//
// The cure of a volume of LVM2 that is off where another device of its group
// has room that is not: its data is copied there, and nothing is lost.
//
// pvmove would do it, but not for a volume with DAX: while it copies, the
// volume lies on a mirror, which has none, and the kernel gives no device with
// DAX a table without it.
// Mirrors: is_valid_type of drivers/md/dm-ioctl.c (6.1).
#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/one_line.h"
#include "base/round_up.h"
#include "tools/check/cure.h"
#include "tools/check/cure_lines.h"
#include "tools/check/data_off.h"
#include "tools/check/dax_depth.h"
#include "tools/check/in_progress.h"
#include "tools/check/lvm_settings.h"
#include "tools/check/lvm_volume.h"
#include "tools/check/shell_variable.h"
#include "tools/check/stands_on.h"
#include "tools/check/volume_cure.h"
#include "tools/check/world_mount.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

// Room on a device of the group, behind all that its volumes have there.
struct Room {
  BlockDevice* bdev;
  uint64_t start;
};

class Copier {
 public:
  Copier(const CureRequest& request, proto::World& world, LvmName lvm,
         proto::MappedDevice* volume)
      : stands_on_(*request.stands_on),
        machine_(*request.machine),
        world_(world),
        lvm_(std::move(lvm)),
        volume_(volume),
        sectors_(SectorsOf(volume)) {}

  std::optional<Cure> Run() {
    BlockDevice* const bdev = stands_on_.Find(volume_->name());
    if (bdev == nullptr || !CanBeClosed(*bdev) || !CanBeMadeAgain()) {
      return std::nullopt;
    }
    const std::optional<Room> room = FindRoom();
    if (!room) return std::nullopt;
    const std::string path = DevicePath(machine_, *room->bdev);
    AddToWorld(*room->bdev);
    // What was added may have moved it.
    volume_ = FindMapped(world_, NameOfDevice(machine_, *bdev));
    auto* const rows = EditRows(volume_);
    rows->Clear();
    proto::Target& row = *rows->Add();
    row.set_length(sectors_);
    row.mutable_linear()->set_device(path);
    row.mutable_linear()->set_start(room->start);
    Cure cure{
        .change = absl::StrCat(kFromBoundary, ", by a copy on ", OneLine(path)),
        .remark = absl::StrCat(
            "its data is copied to another device of the group, which "
            "has both until the copy is whole (pvmove can not: the "
            "kernel gives no volume with DAX a table without it); tried "
            "as 0 ",
            sectors_, " linear ", OneLine(path), " ", room->start),
        .in_world = true};
    AddSteps(*bdev, path, room->start, &cure.steps);
    return cure;
  }

 private:
  // Nothing but mounts that can be unmounted keeps it open.
  bool CanBeClosed(BlockDevice& bdev) const {
    if (!stands_on_.On(&bdev).empty() ||
        stands_on_.uses().SwapOn(bdev) == DeviceUses::Swap::kInUse ||
        !stands_on_.uses().WhyNotClosed(bdev).empty() ||
        !stands_on_.uses().WhyItStays(bdev).empty() ||
        !stands_on_.uses().MountOf(bdev).empty()) {
      return false;
    }
    for (const std::string& at : stands_on_.MountsOf(&bdev)) {
      if (at == "/" || !stands_on_.MountsBelow(at).empty() ||
          !stands_on_.BesidesAt(at).empty() ||
          !stands_on_.BesidesBelow(at).empty() ||
          FindWorldMount(stands_on_.world(), at) == nullptr) {
        return false;
      }
    }
    return true;
  }

  // Whether LVM2 makes another one like it in the group.
  bool CanBeMadeAgain() const {
    if (!LockedGroup(machine_, lvm_.vg).empty() ||
        !MoveInProgress(stands_on_, machine_, lvm_.vg).empty()) {
      return false;
    }
    const proto::VolumeGroup* const group = stands_on_.GroupInWorld(lvm_.vg);
    if (group == nullptr) return true;
    if (group->max_lv() != 0 || !group->missing().empty()) return false;
    return std::none_of(group->active().begin(), group->active().end(),
                        [&](const auto& lv) {
                          // While both are there, one of them has another
                          // minor.
                          return lv.name() == lvm_.lv && lv.has_minor();
                        });
  }

  // Those on which the group has volumes: of others nobody knows where their
  // extents begin.
  std::vector<BlockDevice*> Devices() const {
    std::vector<BlockDevice*> devices;
    const auto add = [&](BlockDevice* bdev) {
      if (std::find(devices.begin(), devices.end(), bdev) == devices.end()) {
        devices.push_back(bdev);
      }
    };
    for (BlockDevice* volume : stands_on_.OfGroup(lvm_.vg)) {
      for (BlockDevice* below : DevicesBelow(machine_, *volume)) add(below);
    }
    std::sort(devices.begin(), devices.end(),
              [](const BlockDevice* a, const BlockDevice* b) {
                return a->dev() < b->dev();
              });
    return devices;
  }

  std::optional<Room> FindRoom() const {
    for (BlockDevice* bdev : Devices()) {
      if (bdev->dev().major_nr == machine_.ctl->major() ||
          !WhyNotDax(machine_, *bdev).empty() ||
          !stands_on_.IdleOn(lvm_.vg, *bdev).empty() ||
          !NotAllocatable(machine_, lvm_.vg, {bdev}, {}).empty()) {
        continue;
      }
      if (const std::optional<uint64_t> start = FirstFree(*bdev)) {
        return Room{bdev, *start};
      }
    }
    return std::nullopt;
  }

  // Behind all volumes of the group there, if extents of that device are
  // aligned: nobody knows how large they are, but where volumes begin they do.
  std::optional<uint64_t> FirstFree(BlockDevice& bdev) const {
    const uint64_t off = DataOff(machine_, bdev);
    uint64_t end = 0;
    bool aligned = false;
    for (BlockDevice* volume : stands_on_.OfGroup(lvm_.vg)) {
      proto::MappedDevice device =
          *stands_on_.InWorld(NameOfDevice(machine_, *volume));
      for (proto::Target& row : *EditRows(&device)) {
        ForEachLeg(row, [&](proto::Linear& leg, int nr_legs) {
          if (DevOfWord(machine_, leg.device()) != bdev.dev()) return;
          aligned |= (leg.start() + off) % kPmdSectors == 0;
          end = std::max(
              end, leg.start() + row.length() / static_cast<uint64_t>(nr_legs));
        });
      }
    }
    if (!aligned) return std::nullopt;
    const uint64_t start = RoundUp(end + off, kPmdSectors) - off;
    if (start > bdev.nr_sectors() || bdev.nr_sectors() - start < sectors_) {
      return std::nullopt;
    }
    return start;
  }

  // The World may have no more than what the volume stands on.
  void AddToWorld(BlockDevice& bdev) {
    const BlockDevice& disk = bdev.whole();
    const auto has = [](const auto& list, const std::string& name) {
      return std::any_of(list.begin(), list.end(),
                         [&](const auto& one) { return one.name() == name; });
    };
    const proto::Pmem* const pmem = stands_on_.PmemInWorld(disk.name());
    if (pmem != nullptr && !has(world_.pmem(), disk.name())) {
      proto::Pmem& copy = *world_.add_pmem() = *pmem;
      copy.set_dev(disk.dev().ToString());
    }
    const proto::Block* const part = stands_on_.BlockInWorld(bdev.name());
    if (part != nullptr && !has(world_.block(), bdev.name())) {
      proto::Block& copy = *world_.add_block() = *part;
      copy.set_dev(bdev.dev().ToString());
    }
  }

  void AddSteps(BlockDevice& bdev, const std::string& path, uint64_t start,
                std::vector<CureStep>* steps) const {
    const std::string vg = ShellWord(lvm_.vg);
    const std::string pv = ShellWord(path);
    const std::string variables = VariableOf(lvm_.vg);
    const auto extent = [&](uint64_t sector, const char* less) {
      return absl::StrCat("$(((", sector, " - start_", variables, ") / extent_",
                          variables, less, "))");
    };
    steps->push_back(
        {CureStage::kLook, lvm_.vg,
         absl::StrCat(
             "extent_", variables,
             "=$(vgs --noheadings --units s --nosuffix -o vg_extent_size ", vg,
             " | tr -d ' ') && start_", variables,
             "=$(pvs --noheadings --units s --nosuffix -o pe_start ", pv,
             " | tr -d ' ') && test $(((", start, " - start_", variables,
             ") % extent_", variables, ")) = 0 && ",
             VolumesLook(lvm_.vg, stands_on_.LvmNamesOf(lvm_.vg)),
             " || ! echo ",
             ShellWord(
                 absl::StrCat(lvm_.vg, ": it is not as it is known here")),
             " >&2")});
    const std::string copy = FreeName();
    const auto device = [&](const std::string& lv) {
      return ShellWord(absl::StrCat("/dev/", lvm_.vg, "/", lv));
    };
    const std::string old = ShellWord(absl::StrCat(lvm_.vg, "/", lvm_.lv));
    std::vector<CureStep> mounts;
    for (const std::string& at : stands_on_.MountsOf(&bdev)) {
      steps->push_back(UnmountStep(at));
      mounts.push_back({CureStage::kMount, at,
                        WorldMountLine(*FindWorldMount(stands_on_.world(), at),
                                       DevicePath(machine_, bdev))});
    }
    steps->push_back(
        {CureStage::kConvert, volume_->name(),
         absl::StrCat("lvcreate -y", MakeWords(machine_, lvm_.vg, lvm_.lv),
                      " -L ", sectors_ / 2, "k -n ", ShellWord(copy), " ", vg,
                      " ", pv, ":", extent(start, ""), "-",
                      extent(start + sectors_, " - 1"),
                      " && dd if=", device(lvm_.lv), " of=", device(copy),
                      " bs=4M conv=fsync && lvremove -y ", old, " && lvrename ",
                      vg, " ", ShellWord(copy), " ", ShellWord(lvm_.lv))});
    for (CureStep& step : VolumeSettings(machine_, lvm_, volume_->name())) {
      steps->push_back(std::move(step));
    }
    std::move(mounts.begin(), mounts.end(), std::back_inserter(*steps));
  }

  // Of the copy, until it has the volume's own.
  std::string FreeName() const {
    const auto taken = stands_on_.LvmNamesOf(lvm_.vg);
    std::string name = absl::StrCat(lvm_.lv, "_copy");
    while (taken.contains(name)) name += '_';
    return name;
  }

  const StandsOn& stands_on_;
  const Session& machine_;
  proto::World& world_;
  const LvmName lvm_;
  proto::MappedDevice* volume_;
  const uint64_t sectors_;
};

}  // namespace

std::optional<Cure> CureVolumeCopy(const CureRequest& request,
                                   proto::World& world) {
  proto::MappedDevice* const volume = BlamedVolume(request, world);
  if (volume == nullptr || request.machine == nullptr ||
      request.stands_on == nullptr) {
    return std::nullopt;
  }
  const auto lvm = LvmNameOf(*volume);
  const auto segments = SegmentsToMake(request.session, *volume);
  // Whoever striped it wants it so.
  if (!lvm || lvm->guessed || !segments ||
      std::any_of(segments->begin(), segments->end(),
                  [](const SegmentToMake& s) { return s.stripes != 1; })) {
    return std::nullopt;
  }
  return Copier(request, world, *lvm, volume).Run();
}

}  // namespace dmdax
