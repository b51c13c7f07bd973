// SPDX-License-Identifier: Apache-2.0
#include "tools/advise/site.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "dm/mapped_device.h"
#include "state/find_device.h"
#include "state/world_load.h"
#include "tools/check/dax_depth.h"
#include "tools/check/device_use.h"
#include "tools/check/look.h"

namespace dmdax {
namespace {

class Finder {
 public:
  Finder(const proto::World& world, const SiteRequest& request,
         Session& session)
      : world_(world), request_(request), session_(session), uses_(session) {}

  absl::StatusOr<Site> Run() {
    if (absl::Status s = Choose(); !s.ok()) return s;
    FindWhatGoes();
    for (BlockDevice* bdev : chosen_) AddLeg(*bdev);
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
    for (const std::string& name : request_.devices) {
      absl::StatusOr<BlockDevice*> bdev = FindDevice(session_, name);
      if (!bdev.ok()) return bdev.status();
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
      if (std::find(chosen_.begin(), chosen_.end(), *bdev) != chosen_.end()) {
        return ErrnoError(EINVAL, absl::StrCat(name, " is named twice"));
      }
      for (BlockDevice* other : chosen_) {
        if (&other->whole() == &(*bdev)->whole() &&
            other->is_partition() != (*bdev)->is_partition()) {
          return ErrnoError(EINVAL, absl::StrCat(name, " and ", other->name(),
                                                 " share their memory"));
        }
      }
      if (!IsDax(**bdev)) {
        SayNotDax(name, **bdev);
        continue;
      }
      chosen_.push_back(*bdev);
    }
    return absl::OkStatus();
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
    if (cure) site_.cure = cure->Commands();
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
      for (const BlockDevice* bdev : DisksOf(request)) used.insert(bdev);
    }
    for (BlockDevice* bdev : machine().BlockDevices()) {
      if (!IsPmem(*bdev) || !Fits(*bdev)) continue;
      const std::string use = uses_.Of(*bdev);
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

  std::vector<const BlockDevice*> DisksOf(const DevDaxRequest& request) {
    std::vector<const BlockDevice*> disks;
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
    std::set<const BlockDevice*> gone(chosen_.begin(), chosen_.end());
    const std::vector<BlockDevice*> all = machine().BlockDevices();
    for (size_t before = 0; before != gone.size();) {
      before = gone.size();
      for (BlockDevice* bdev : all) {
        if (gone.count(bdev) != 0) continue;
        const std::vector<BlockDevice*> below = DevicesBelow(session_, *bdev);
        if (std::any_of(below.begin(), below.end(),
                        [&](BlockDevice* b) { return gone.count(b) != 0; })) {
          gone.insert(bdev);
        }
      }
    }
    std::set<std::string> maimed;  // mounts that lose their log
    for (const BlockDevice* bdev : gone) {
      maimed.insert(uses_.MountOf(*bdev));
    }
    for (const auto& [at, mount] : session_.user->mounts()) {
      if (gone.count(&mount->bdev()) != 0 || maimed.count(at) != 0) {
        site_.goes.push_back(at);
      } else {
        site_.mounts.insert(at);
      }
    }
    for (const auto& [name, request] : session_.user->dev_daxes()) {
      for (const BlockDevice* bdev : DisksOf(request)) {
        if (gone.count(bdev) == 0) continue;
        site_.goes.push_back(name);
        break;
      }
    }
    for (BlockDevice* bdev : all) {
      const bool chosen =
          std::find(chosen_.begin(), chosen_.end(), bdev) != chosen_.end();
      const std::string use = gone.count(bdev) != 0 ? uses_.Of(*bdev) : "";
      if (!use.empty()) {
        site_.goes.push_back(
            absl::StrCat(NameOfDevice(session_, *bdev), " (", use, ")"));
      } else if (gone.count(bdev) != 0 && !chosen) {
        site_.goes.push_back(NameOfDevice(session_, *bdev));
      } else if (bdev->dev().major_nr == session_.ctl->major()) {
        minors_.insert(bdev->dev().minor_nr);
        site_.names.insert(NameOfDevice(session_, *bdev));
      }
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
    for (const proto::Pmem& p : world_.pmem()) {
      if (p.name() != disk.name() || !added_.insert(p.name()).second) continue;
      proto::Pmem& copy = *site_.world.add_pmem() = p;
      copy.set_dev(disk.dev().ToString());
    }
    if (!bdev.is_partition()) return;
    for (const proto::Block& b : world_.block()) {
      if (b.name() != bdev.name()) continue;
      proto::Block& copy = *site_.world.add_block() = b;
      copy.set_dev(bdev.dev().ToString());
    }
  }

  void NameFree() {
    while (minors_.count(site_.minor) != 0) ++site_.minor;
    const auto taken = [this](const std::string& vg) {
      const std::string begin = absl::StrCat(vg, "-");
      auto at = site_.names.lower_bound(begin);
      return at != site_.names.end() && absl::StartsWith(*at, begin);
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
  std::vector<BlockDevice*> chosen_;
  std::set<std::string> added_;  // pmem disks
  std::set<uint32_t> minors_;    // that stay
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
