// SPDX-License-Identifier: Apache-2.0
#include "tools/check/try_cure.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/one_line.h"
#include "base/units.h"
#include "state/world_load.h"
#include "tools/byte_count.h"
#include "tools/check/cure_lines.h"
#include "tools/check/dax_depth.h"
#include "tools/check/fit_rows.h"
#include "tools/check/fresh_files.h"
#include "tools/check/too_deep.h"
#include "tools/check/volume_cure.h"
#include "tools/check/world_rows.h"

namespace dmdax {

namespace {

// A file system that is made anew has its files elsewhere.
void PlaceAnew(const Session& session, const Subject& subject, const Cure& cure,
               proto::World& world) {
  if (subject.bdev == nullptr || subject.mount.empty()) return;
  uint64_t sectors = subject.bdev->nr_sectors();
  if (proto::MappedDevice* volume =
          FindMapped(world, NameOfDevice(session, *subject.bdev))) {
    sectors = SectorsOf(volume);
  } else {
    const auto sizes = SizesOf(session, world);
    const auto size = sizes.find(subject.bdev->dev());
    if (size != sizes.end()) sectors = size->second;
  }
  // One that is allocated as a whole has no holes then.
  PlaceFilesAnew(
      session, subject, sectors * kSectorSize,
      IsForOneFile(cure) ? FreshBlocks::kWhole : FreshBlocks::kAsTheyAre,
      world);
}

// New blocks may come to lie where the volume has no huge page.
void AddVolumeShare(Session& cured, const Look& look, const FaultReason& reason,
                    Cure& cure) {
  const bool of_extents = reason.code == FaultReasonCode::kPfnExtent ||
                          reason.code == FaultReasonCode::kExtentShort;
  if (!of_extents || look.subject.bdev == nullptr) return;
  const std::string path = DevicePath(cured, *look.subject.bdev);
  const Look volume = LookAt(cured, {path, Wish::kPmd});
  const PageShares& s = volume.shares;
  // With dax=inode the device shows nothing of what a file with the flag gets.
  if (!volume.error.ok() || !volume.dax || Huge(s) + s.tail >= s.total) return;
  absl::StrAppend(&cure.remark, "; of ", OneLine(path), " itself ",
                  BytesText(s.total - s.tail - Huge(s)), " of ",
                  BytesText(s.total),
                  " have no large page: a file that comes to lie there has "
                  "none either");
}

void TellLoss(const std::string& loss, TriedCure* tried) {
  if (loss.empty()) return;
  auto cure = std::make_shared<Cure>(*tried->cure);
  absl::StrAppend(&cure->remark, cure->remark.empty() ? "" : "; ", loss);
  tried->cure = std::move(cure);
}

// What a way to cure costs besides the data of what it is for, the least first.
enum class Price {
  kNothing,
  kOthersMove,  // their data goes too
  kSmaller,     // it is, or what it stands on
  kOthersLose,
};

Price PriceOf(const Fate& fate, const TriedCure& tried, const Look& look) {
  if (!fate.losses.empty()) return Price::kOthersLose;
  const BlockDevice* const was = look.subject.bdev;
  const BlockDevice* const now =
      was == nullptr || !tried.cured.ok()
          ? nullptr
          : tried.cured->machine->FindBdev(was->dev());
  if (now != nullptr && now->nr_sectors() < was->nr_sectors()) {
    return Price::kSmaller;
  }
  return fate.moved.empty() ? Price::kNothing : Price::kOthersMove;
}

}  // namespace

bool HelpsAgainst(const Obstacle& o, const Look& after) {
  for (const Obstacle& left : after.obstacles) {
    if (KeyOf(left) == KeyOf(o) && left.bytes >= o.bytes) return false;
  }
  return true;
}

TriedCure CureTrial::RunWay(CureWay way, proto::World better,
                            const Session& session, const Look& look,
                            size_t number, uint64_t used_end) {
  TriedCure tried{.better = std::move(better)};
  const FaultReason& reason = look.reasons[number];
  auto found = FindCure(way,
                        {.reason = reason,
                         .session = session,
                         .subject = look.subject,
                         .order = OrderOf(wish_, session.user->faults()),
                         .machine = &machine_,
                         .stands_on = &stands_on_,
                         .used_end = used_end},
                        tried.better);
  if (!found) return tried;
  if (found->in_world) {
    if (MakesFilesAnew(*found)) {
      PlaceAnew(session, look.subject, *found, tried.better);
    }
    const absl::Status walks = CheckWalkBudget();
    tried.cured = walks.ok() ? LoadWorld(tried.better) : walks;
    if (tried.cured.ok() &&
        neighbours_.LayOutGroups(*found, *tried.cured, &tried.better)) {
      absl::StatusOr<Session> laid_out = LoadWorld(tried.better);
      std::swap(tried.cured, laid_out);
    }
  }
  if (tried.cured.ok()) AddVolumeShare(*tried.cured, look, reason, *found);
  tried.cure = std::make_shared<const Cure>(*std::move(found));
  return tried;
}

Fate CureTrial::FateOf(const TriedCure& tried, const Look& look) {
  if (!tried.cured.ok()) return {};
  return neighbours_.OfCure(*tried.cure, tried.better, look.subject);
}

TriedCure CureTrial::RunTogether(const proto::World& part,
                                 const Session& session, const Look& look,
                                 size_t number, uint64_t used_end) {
  TriedCure tried =
      RunWay(CureWay::kMain, part, session, look, number, used_end);
  if (!tried.cured.ok()) return tried;
  if (tried.better.SerializeAsString() == part.SerializeAsString()) {
    auto cure = std::make_shared<Cure>(*tried.cure);
    cure->in_world = false;
    tried.cure = std::move(cure);
    return tried;
  }
  TellLoss(FateOf(tried, look).losses, &tried);
  return tried;
}

TriedCure CureTrial::Run(const proto::World& part, const Session& session,
                         const Look& look, size_t number, uint64_t used_end,
                         TrialOf what) {
  if (what == TrialOf::kTogether) {
    return RunTogether(part, session, look, number, used_end);
  }
  const bool one_way = !HasOtherWays(look.reasons[number]);
  std::optional<TriedCure> best;
  Price price = Price::kNothing;
  TriedCure main;
  for (CureWay way : {CureWay::kGentle, CureWay::kMain, CureWay::kOwn}) {
    TriedCure tried = RunWay(way, part, session, look, number, used_end);
    if (tried.cure == nullptr) continue;
    const Fate fate = FateOf(tried, look);
    // Whether it helps whoever asks for it will see.
    if (one_way && fate.losses.empty()) return tried;
    const bool helps = tried.cured.ok() && Helps(*tried.cured, look, number);
    const Price its = PriceOf(fate, tried, look);
    if (helps && (!best || its < price)) {
      TellLoss(fate.losses, &tried);
      best = std::move(tried);
      price = its;
      if (price == Price::kNothing) break;
    } else if (way == CureWay::kMain) {
      main = std::move(tried);
    }
  }
  return best ? *std::move(best) : std::move(main);
}

bool CureTrial::Helps(Session& cured, const Look& look, size_t number) const {
  const Look next = LookAt(cured, {look.subject.name, wish_});
  return next.error.ok() && HelpsAgainst(look.obstacles[number], next);
}

}  // namespace dmdax
