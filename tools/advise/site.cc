// SPDX-License-Identifier: Apache-2.0
#include "tools/advise/site.h"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/one_line.h"
#include "dm/mapped_device.h"
#include "import/guess.h"
#include "state/find_device.h"
#include "state/world_load.h"
#include "tools/advise/removal.h"
#include "tools/check/bdev_set.h"
#include "tools/check/dax_depth.h"
#include "tools/check/device_use.h"
#include "tools/check/left_out_remark.h"
#include "tools/check/look.h"
#include "tools/check/stands_on.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

class Finder {
 public:
  Finder(const proto::World& world, const SiteRequest& request,
         Session& session)
      : world_(world),
        request_(request),
        session_(session),
        uses_(session),
        stands_on_(world, session) {}

  absl::StatusOr<Site> Run() {
    if (absl::Status s = Choose(); !s.ok()) return s;
    // Nothing is made there before the first that is none is cured.
    if (!site_.unmet.empty()) chosen_ = made_anew_;
    FindWhatGoes();
    if (!site_.goes.empty()) {
      site_.removal =
          RemovalLines(world_, session_, {chosen_.begin(), chosen_.end()});
    }
    FindPlaces();
    if (site_.unmet.empty()) {
      for (BlockDevice* bdev : chosen_) AddLeg(*bdev);
    }
    NameFree();
    return std::move(site_);
  }

 private:
  Machine& machine() { return *session_.machine; }

  bool IsPmem(BlockDevice& bdev) {
    return machine().FindPmem(bdev.whole().name()) != nullptr;
  }
  bool Fits(const BlockDevice& bdev) {
    return request_.use == SiteRequest::kVolume || !bdev.is_partition();
  }

  absl::Status Choose() {
    if (request_.devices.empty()) {
      ChooseFree();
      return absl::OkStatus();
    }
    std::set<const BlockDevice*> named;
    // Of each disk the first whole one and the first partition.
    std::map<std::pair<const BlockDevice*, bool>, BlockDevice*> first;
    for (const std::string& name : request_.devices) {
      if (session_.user->dev_daxes().contains(name)) return DevDaxError(name);
      absl::StatusOr<BlockDevice*> bdev = FindDevice(session_, name);
      if (!bdev.ok()) return bdev.status();
      if (IsSector(**bdev)) {
        SayNotDax(name, **bdev);
        continue;
      }
      if (!IsPmem(**bdev)) {
        return ErrnoError(EINVAL,
                          absl::StrCat(name,
                                       " is neither persistent memory nor a "
                                       "partition of it"));
      }
      if (!Fits(**bdev)) {
        return ErrnoError(EINVAL, absl::StrCat(name,
                                               " is a partition; a namespace "
                                               "is a whole disk: ",
                                               (*bdev)->whole().name()));
      }
      if (named.contains(*bdev)) {
        return ErrnoError(EINVAL, absl::StrCat(name, " is named twice"));
      }
      const BlockDevice* const disk = &(*bdev)->whole();
      if (const auto other = first.find({disk, !(*bdev)->is_partition()});
          other != first.end()) {
        return ErrnoError(EINVAL,
                          absl::StrCat(name, " and ", other->second->name(),
                                       " share their memory"));
      }
      if (!IsDax(**bdev)) {
        SayNotDax(name, **bdev);
        continue;
      }
      named.insert(*bdev);
      first.try_emplace({disk, (*bdev)->is_partition()}, *bdev);
      chosen_.push_back(*bdev);
    }
    return absl::OkStatus();
  }

  // A namespace in sector mode is persistent memory, behind its BTT.
  bool IsSector(BlockDevice& bdev) {
    const std::vector<NotDaxLevel> levels = WhyNotDax(session_, bdev);
    return !levels.empty() && levels.back().by == NoDaxBy::kSector;
  }

  // It has its pages by itself, and lays nothing out.
  static absl::Status DevDaxError(const std::string& name) {
    return ErrnoError(
        EINVAL,
        absl::StrCat(name,
                     " is a device-dax, and volumes are laid out on block "
                     "devices: dmdax check ",
                     ShellWord(name),
                     " --require pud says what larger pages of its own need; "
                     "its namespace becomes a block device by ndctl "
                     "create-namespace -f -e NAMESPACE -m fsdax, with which "
                     "its data goes"));
  }

  bool IsDax(BlockDevice& bdev) {
    return request_.use == SiteRequest::kNamespace ||
           WhyNotDax(session_, bdev).empty();
  }

  void SayNotDax(const std::string& name, BlockDevice& bdev) {
    if (!site_.unmet.empty()) return;
    const NotDaxLevel level = WhyNotDax(session_, bdev).back();
    site_.unmet = FaultReasonName(FaultReasonCode::kNotDax);
    site_.text = absl::StrCat(level.device, ": ", level.why);
    const Look look = LookAt(session_, {.name = name, .wish = Wish::kDax});
    if (!look.error.ok() || look.reasons.empty()) return;
    proto::World copy = world_;
    const std::optional<Cure> cure =
        FindCure({look.reasons[0], session_, look.subject}, copy);
    if (!cure) return;
    site_.cure = cure->Commands();
    site_.may_go = cure->remark;
    // Of what nobody can type here it has the words.
    if (cure->steps.empty() && site_.may_go.empty()) {
      site_.may_go = cure->change;
    }
    for (const CureStep& step : cure->steps) {
      BlockDevice* const anew = machine().FindBdevByName(step.about);
      if (MakesAnew(step) && anew != nullptr) made_anew_.push_back(anew);
    }
  }

  void ChooseFree() {
    std::set<const BlockDevice*> used;
    for (BlockDevice* bdev : machine().BlockDevices()) {
      for (BlockDevice* below : DevicesBelow(session_, *bdev)) {
        used.insert(below);
      }
    }
    for (const auto& [at, mount] : session_.user->mounts()) {
      used.insert(&mount->bdev());
    }
    for (const auto& [name, request] : session_.user->dev_daxes()) {
      for (BlockDevice* bdev : DisksOf(request)) used.insert(bdev);
    }
    for (BlockDevice* bdev : machine().BlockDevices()) {
      if (!IsPmem(*bdev) || !Fits(*bdev)) continue;
      const std::string use = UseOf(*bdev);
      if (!use.empty()) {
        site_.left_out.push_back(absl::StrCat(bdev->name(), " holds ", use));
      } else if (used.count(bdev) != 0) {
        site_.left_out.push_back(absl::StrCat(bdev->name(), " is in use"));
      } else if (!IsDax(*bdev)) {
        site_.left_out.push_back(absl::StrCat(
            bdev->name(), ": ", WhyNotDax(session_, *bdev).back().why));
      } else {
        chosen_.push_back(bdev);
      }
    }
  }

  // "" if there is none, or it is a volume that stands there.
  std::string UseOf(BlockDevice& bdev) const {
    std::string use = uses_.Of(bdev);
    const std::string vg = stands_on_.GroupOn(&bdev);
    if (!use.empty() || vg.empty() || !stands_on_.On(&bdev).empty()) {
      return use;
    }
    return absl::StrCat("a physical volume of ", vg);
  }

  std::vector<BlockDevice*> DisksOf(const DevDaxRequest& request) {
    std::vector<BlockDevice*> disks;
    if (!request.pmem.empty()) {
      disks.push_back(machine().FindBdevByName(request.pmem));
    }
    for (const DevDaxRange& range : request.options.ranges) {
      for (const PmemDevice* pmem :
           machine().PmemsIn(range.start, range.size)) {
        disks.push_back(machine().FindBdevByName(pmem->options().name));
      }
    }
    return disks;
  }

  // All that stands on the chosen devices, however high.
  void FindWhatGoes() {
    const BdevSet chosen(chosen_.begin(), chosen_.end());
    gone_ = stands_on_.AllAbove(chosen, std::numeric_limits<size_t>::max());
    if (!chosen.empty()) SayWhatMayGo();
    std::set<std::string> maimed;  // mounts that lose their log
    for (const BlockDevice* bdev : gone_) {
      maimed.insert(uses_.MountOf(*bdev));
    }
    for (const auto& [at, mount] : session_.user->mounts()) {
      if (gone_.contains(&mount->bdev()) || maimed.contains(at)) {
        site_.goes.push_back(at);
      } else {
        site_.mounts.insert(at);
      }
    }
    for (const auto& [name, request] : session_.user->dev_daxes()) {
      for (BlockDevice* bdev : DisksOf(request)) {
        if (!gone_.contains(bdev)) continue;
        site_.goes.push_back(name);
        break;
      }
    }
    for (BlockDevice* bdev : machine().BlockDevices()) {
      const bool goes = gone_.contains(bdev);
      if (goes) AddIdle(*bdev);
      const std::string use = goes ? UseOf(*bdev) : "";
      if (!use.empty()) {
        site_.goes.push_back(
            absl::StrCat(NameOfDevice(session_, *bdev), " (", use, ")"));
      } else if (goes && !chosen.contains(bdev)) {
        site_.goes.push_back(NameOfDevice(session_, *bdev));
      } else if (bdev->dev().major_nr == session_.ctl->major()) {
        minors_.insert(bdev->dev().minor_nr);
        site_.names.insert(NameOfDevice(session_, *bdev));
      }
    }
  }

  // Volumes of LVM2's metadata that are there without being active.
  void AddIdle(BlockDevice& bdev) {
    const std::string vg = stands_on_.GroupOn(&bdev);
    if (vg.empty()) return;
    for (const std::string& lv : stands_on_.IdleOn(vg, bdev)) {
      std::string name = absl::StrCat(vg, "/", lv, " (not active)");
      if (std::find(site_.goes.begin(), site_.goes.end(), name) ==
          site_.goes.end()) {
        site_.goes.push_back(std::move(name));
      }
    }
  }

  // A device that looks free may hold what is not in this machine.
  void SayWhatMayGo() {
    if (!machine().left_out().empty()) {
      absl::StrAppend(&site_.may_go, site_.may_go.empty() ? "" : "; ",
                      LeftOutMayGo(session_, stands_on_));
    }
    // What is taken of the devices themselves.
    for (const proto::Guess& guess : session_.guesses) {
      const bool about_dax = guess.decides() == proto::Guess::DAX ||
                             guess.decides() == proto::Guess::PMD;
      const bool here =
          std::any_of(chosen_.begin(), chosen_.end(), [&](BlockDevice* bdev) {
            return guess.name() == bdev->name() ||
                   guess.name() == bdev->whole().name();
          });
      if (!about_dax || !here) continue;
      absl::StrAppend(&site_.may_go, site_.may_go.empty() ? "" : "; ",
                      GuessText(guess));
    }
  }

  void AddLeg(BlockDevice& bdev) {
    const BlockDevice& disk = bdev.whole();
    const PmemOptions& pmem = machine().FindPmem(disk.name())->options();
    site_.legs.push_back({.path = absl::StrCat("/dev/", bdev.name()),
                          .bytes = bdev.nr_sectors() * kSectorSize,
                          .address = pmem.base + pmem.data_offset +
                                     bdev.start_sect().value() * kSectorSize});
    site_.disks.push_back(disk.name());
    const auto [added, fresh] =
        added_.try_emplace(disk.name(), site_.world.pmem_size());
    site_.pmems.push_back(added->second);
    if (fresh) {
      proto::Pmem& copy = *site_.world.add_pmem() =
          world_.pmem(pmems_.at(disk.name()));
      copy.set_dev(disk.dev().ToString());
    }
    if (!bdev.is_partition()) return;
    proto::Block& copy = *site_.world.add_block() =
        world_.block(blocks_.at(bdev.name()));
    copy.set_dev(bdev.dev().ToString());
  }

  void FindPlaces() {
    for (int i = 0; i < world_.pmem_size(); ++i) {
      pmems_.try_emplace(world_.pmem(i).name(), i);
    }
    for (int i = 0; i < world_.block_size(); ++i) {
      blocks_.try_emplace(world_.block(i).name(), i);
    }
  }

  // Whether a group of LVM2 has a device that is not taken, or that nobody
  // knows: it is there afterwards, with a volume or without.
  bool GroupStays(const std::string& vg) const {
    const proto::VolumeGroup* const group = stands_on_.GroupInWorld(vg);
    if (group != nullptr && (!group->missing().empty() ||
                             stands_on_.KnownDevicesOf(vg).size() !=
                                 static_cast<size_t>(group->device_size()))) {
      return true;
    }
    std::vector<BlockDevice*> known = stands_on_.KnownDevicesOf(vg);
    for (BlockDevice* volume : stands_on_.OfGroup(vg)) {
      known.push_back(volume);
      for (BlockDevice* below : DevicesBelow(session_, *volume)) {
        known.push_back(below);
      }
    }
    return known.empty() ||
           std::any_of(known.begin(), known.end(), [this](BlockDevice* bdev) {
             return !gone_.contains(bdev);
           });
  }

  void FindGroups() {
    std::set<std::string> all;
    for (const proto::VolumeGroup& group : world_.volume_group()) {
      all.insert(group.name());
    }
    for (const proto::MappedDevice& device : world_.mapped_device()) {
      if (const auto lvm = LvmNameOf(device)) all.insert(lvm->vg);
    }
    for (const std::string& vg : all) {
      if (GroupStays(vg)) site_.groups.insert(vg);
    }
  }

  void NameFree() {
    while (minors_.count(site_.minor) != 0) ++site_.minor;
    FindGroups();
    const auto taken = [this](const std::string& vg) {
      const std::string begin = absl::StrCat(vg, "-");
      auto at = site_.names.lower_bound(begin);
      return site_.groups.contains(vg) ||
             (at != site_.names.end() && absl::StartsWith(*at, begin));
    };
    site_.vg = "vg";
    for (int i = 1; taken(site_.vg); ++i) site_.vg = absl::StrCat("vg", i);
    site_.mount = "/mnt";
    for (int i = 1; site_.mounts.count(site_.mount) != 0; ++i) {
      site_.mount = absl::StrCat("/mnt", i);
    }
  }

  const proto::World& world_;
  const SiteRequest& request_;
  Session& session_;
  const DeviceUses uses_;
  StandsOn stands_on_;
  std::vector<BlockDevice*> chosen_;
  std::vector<BlockDevice*> made_anew_;  // by the cure of one that is no leg
  // Where the World has them, and where the site's has those added.
  absl::flat_hash_map<std::string, int> pmems_, blocks_, added_;
  BdevSet gone_;
  std::set<uint32_t> minors_;  // that stay
  Site site_;
};

}  // namespace

absl::StatusOr<Site> FindSite(const proto::World& world,
                              const SiteRequest& request) {
  absl::StatusOr<Session> session = LoadWorld(world, request.map);
  if (!session.ok()) return session.status();
  return Finder(world, request, *session).Run();
}

}  // namespace dmdax
