// SPDX-License-Identifier: Apache-2.0
#include "tools/advise/trial.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/round_up.h"
#include "base/units.h"
#include "block/nd_name.h"
#include "import/nd_pfn.h"
#include "state/world_load.h"
#include "tools/check/cure.h"
#include "tools/check/cure_lines.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

constexpr uint64_t kGiB = uint64_t{1} << 30;

Wish WishOf(AdvisePage page) {
  switch (page) {
    case AdvisePage::k4K:
      return Wish::kDax;
    case AdvisePage::k2M:
      return Wish::kPmd;
    case AdvisePage::k1G:
      return Wish::kPud;
  }
  return Wish::kDax;
}

bool Fulfilled(const Look& look, const AdviceWish& wish) {
  if (!look.error.ok() || !look.dax || look.shares.signal != 0 ||
      look.shares.apart != 0) {
    return false;
  }
  if (wish.sync && !look.sync) return false;
  const PageShares& s = look.shares;
  switch (wish.page) {
    case AdvisePage::k4K:
      return true;
    case AdvisePage::k2M:
      return s.pte + s.hole == 0;
    case AdvisePage::k1G:
      return s.pte + s.pmd + s.hole == 0;
  }
  return false;
}

void Add(const PageShares& some, PageShares& all) {
  all.total += some.total;
  all.pud += some.pud;
  all.pmd += some.pmd;
  all.pte += some.pte;
  all.hole += some.hole;
  all.signal += some.signal;
  all.tail += some.tail;
}

}  // namespace

// An answer, with the machine that its reasons speak of.
struct Trial::Asked {
  absl::StatusOr<Session> session;
  Look look;
  bool fulfilled = false;
};

GigaNamespace PlanNamespace(const Site& site, size_t leg) {
  GigaNamespace space{.disk = site.disks[leg]};
  // As the kernel numbers it if nothing else was made there.
  space.name = NdName("dax", space.disk);
  const proto::Pmem& pmem = site.world.pmem(site.pmems[leg]);
  // As ndctl makes it, where it makes it smaller.
  const uint64_t size = RoundDown(pmem.size(), kGiB);
  const std::optional<uint64_t> offset =
      NdPfnDataOffset(pmem.base(), size, kGiB, NdPfnMap::kDev);
  if (!offset) return space;
  space.start = pmem.base() + *offset;
  space.size = NdPfnRoom(pmem.base(), size, kGiB, NdPfnMap::kDev);
  return space;
}

Trial::Trial(const Site& site, const AdviceWish& wish, const LayoutPlan& plan,
             const std::string& mapped_name, const std::string& mount)
    : wish_(wish), world_(site.world), subjects_({mapped_name}) {
  proto::MappedDevice& device = *world_.add_mapped_device();
  device.set_name(mapped_name);
  device.set_minor(site.minor);
  uint64_t at = 0;
  for (const LayoutRow& row : plan.rows) {
    proto::Target& target = *device.mutable_table()->add_target();
    target.set_start(at / kSectorSize);
    target.set_length(row.bytes / kSectorSize);
    at += row.bytes;
    if (row.areas.size() > 1) {
      target.mutable_striped()->set_chunk(
          static_cast<uint32_t>(plan.chunk / kSectorSize));
    }
    for (const LayoutArea& area : row.areas) {
      proto::Linear& leg = row.areas.size() > 1
                               ? *target.mutable_striped()->add_stripe()
                               : *target.mutable_linear();
      leg.set_device(site.legs[area.leg].path);
      leg.set_start(area.start / kSectorSize);
    }
  }
  if (wish.fs == AdviseFs::kNone) return;
  proto::Mount& fs = *world_.add_mount();
  fs.set_path(mount);
  fs.set_device(absl::StrCat("/dev/mapper/", mapped_name));
  fs.set_type(FsName(wish.fs));
  // Files that cover it.  One of ext4 has at most 2^32 - 1 blocks.
  const uint64_t most =
      wish.fs == AdviseFs::kExt4
          ? RoundDown(uint64_t{0xffffffff} * kPageSize, kPmdBytes)
          : UINT64_MAX;
  const uint64_t end = RoundDown(plan.size, kPmdBytes);
  subjects_.clear();
  for (uint64_t from = kPmdBytes; from < end;) {
    proto::File& file = *fs.add_file();
    file.set_name(subjects_.empty() ? "file"
                                    : absl::StrCat("file", subjects_.size()));
    subjects_.push_back(absl::StrCat(mount, "/", file.name()));
    proto::Extent& extent = *file.add_extent();
    extent.set_physical(from);
    extent.set_length(std::min(most, end - from));
    from += extent.length();
  }
}

Trial::Trial(const Site& site, const AdviceWish& wish,
             const GigaNamespace& space)
    : wish_(wish), world_(site.world), subjects_({space.name}) {
  auto& pmems = *world_.mutable_pmem();
  pmems.erase(std::remove_if(pmems.begin(), pmems.end(),
                             [&](const proto::Pmem& pmem) {
                               return pmem.name() == space.disk;
                             }),
              pmems.end());
  proto::DevDax& dax = *world_.add_dax();
  dax.set_name(space.name);
  dax.set_align(kGiB);
  proto::DevDax::Range& range = *dax.add_range();
  range.set_start(space.start);
  range.set_size(space.size);
}

Trial::Asked Trial::Ask(const proto::World& world) const {
  Asked asked{.session = LoadWorld(world)};
  if (!asked.session.ok()) {
    asked.look.error = asked.session.status();
    return asked;
  }
  // The first on which the wish fails says why.
  PageShares all;
  for (const std::string& subject : subjects_) {
    asked.look = LookAt(*asked.session, {subject, WishOf(wish_.page)});
    asked.fulfilled = Fulfilled(asked.look, wish_);
    Add(asked.look.shares, all);
    if (!asked.fulfilled) break;
  }
  asked.look.shares = all;
  return asked;
}

KernelAdvice Trial::On(const std::string& kernel,
                       const std::string& option) const {
  proto::World world = world_;
  world.set_kernel(kernel);
  for (proto::Mount& mount : *world.mutable_mount()) mount.set_options(option);
  Asked asked = Ask(world);
  KernelAdvice advice{.kernel = kernel};
  if (!asked.fulfilled && asked.look.error.ok() &&
      world.mapped_device_size() > 0) {
    // A longer queue alone may do.  If not, it no longer hides the rest.
    constexpr uint32_t kKb = kPmdBytes >> 10;
    world.mutable_mapped_device(0)->set_max_sectors_kb(kKb);
    Asked longer = Ask(world);
    if (longer.look.error.ok()) {
      if (longer.fulfilled) {
        advice.sysfs = {
            MaxSectorsSteps(world.mapped_device(0).name(), kKb)[0].command};
      }
      asked = std::move(longer);
    }
  }
  if (asked.session.ok()) {
    advice.kernel = asked.session->machine->profile().name;
  }
  const Look& look = asked.look;
  advice.holds = asked.fulfilled;
  advice.dax = look.dax;
  advice.sync = look.sync;
  advice.shares = look.shares;
  if (advice.holds) return advice;
  if (!look.error.ok()) {
    const bool ours = ErrnoOf(look.error) == EOPNOTSUPP;
    advice.reason = ours ? "not_modelled" : "refused";
    advice.text = std::string(look.error.message());
    return advice;
  }
  if (look.obstacles.empty()) {
    advice.reason = "no_sync";
    advice.text = "MAP_SYNC is not to be had on this memory";
    return advice;
  }
  const auto dearest = std::max_element(
      look.obstacles.begin(), look.obstacles.end(),
      [](const Obstacle& a, const Obstacle& b) { return a.bytes < b.bytes; });
  advice.reason = dearest->name;
  advice.text = dearest->text;
  const FaultReason& reason =
      look.reasons[static_cast<size_t>(dearest - look.obstacles.begin())];
  if (!reason) return advice;
  const std::optional<Cure> cure =
      FindCure({reason, *asked.session, look.subject}, world);
  if (cure) advice.cure = cure->Commands();
  return advice;
}

}  // namespace dmdax
