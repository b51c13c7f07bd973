// SPDX-License-Identifier: Apache-2.0
//
// The one list of reasons and their cures.
#include "tools/check/cure.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "iomap/dax_inode.h"
#include "process/user_space.h"

namespace dmdax {
namespace {

using C = FaultReasonCode;

// Whether a cure changes what all on the device have, or the file alone.
enum class Changes { kDevice, kFile };

struct KnownCure {
  C code;
  CureFn* main;
  Changes changes = Changes::kDevice;
  CureFn* gentle = nullptr;
  CureFn* own = nullptr;
};

// Where all of a device makes up for what is off below it, a file can lie off.
std::optional<Cure> CureOwnPlace(const CureRequest& request,
                                 proto::World& world) {
  if (auto cure = CureOwnRows(request, world)) return cure;
  return CureExtents(request, world);
}

// Blocks that had no place yet when the extents were listed have one now.
std::optional<Cure> CureUnplaced(const CureRequest& request, proto::World&) {
  const absl::StatusOr<MountedFile*> file =
      request.session.user->FindFile(request.subject.name);
  if (!file.ok() || !(*file)->inode.extents.Has(IOMAP_DELALLOC)) {
    return std::nullopt;
  }
  return Cure{.remark =
                  "its bytes had no blocks yet when its extents were listed: "
                  "sync, or filefrag -s, and ask again"};
}

const KnownCure* FindKnown(C code) {
  static constexpr KnownCure kCures[] = {
      {C::kRunChunk, CureChunk},
      {C::kRunMaxSectors, CureMaxSectors},
      {C::kPfnTarget, CureTargetStart, Changes::kDevice, CureVolumeAlone,
       CureOwnPlace},
      {C::kRunTargetEnd, CureTargetEnd, Changes::kDevice, nullptr,
       CureOwnPlace},
      {C::kPfnPartition, CurePartition, Changes::kDevice, nullptr,
       CureOwnPlace},
      {C::kPfnDevice, CureNamespaceAlign, Changes::kDevice, nullptr,
       CureOwnPlace},
      {C::kDirectAccess, CureNoPage},
      {C::kPfnNoDevmap, CureRawNamespace},
      {C::kRunBadBlocks, CureBadBlocks},
      {C::kPoison, CureBadBlocks},
      {C::kDevDaxAlignSmaller, CureDevDaxAlign},
      {C::kPfnExtent, CureExtents, Changes::kFile},
      {C::kExtentShort, CureExtents, Changes::kFile},
      {C::kExtentType, CureUnplaced, Changes::kFile},
      {C::kNotDax, CureNotDax, Changes::kDevice, CureDaxFlag},
      {C::kFsNoPud, CureFsNoPud},
      {C::kNone, CureHoles, Changes::kFile},
  };
  for (const KnownCure& cure : kCures) {
    if (cure.code == code) return &cure;
  }
  return nullptr;
}

}  // namespace

bool MakesAnew(const CureStep& step) {
  return step.stage >= CureStage::kRemoveVolume &&
         step.stage <= CureStage::kVolume &&
         step.tool != CureTool::kClearErrors;
}

std::vector<std::string> Cure::Commands() const {
  std::vector<std::string> commands;
  for (const CureStep& step : steps) {
    if (!step.command.empty()) commands.push_back(step.command);
  }
  return commands;
}

bool MakesFilesAnew(const Cure& cure) {
  return std::any_of(cure.steps.begin(), cure.steps.end(),
                     [](const CureStep& step) {
                       return step.stage == CureStage::kMkfs || MakesAnew(step);
                     }) ||
         !cure.physical_volumes.empty();
}

bool IsForOneFile(const Cure& cure) {
  return std::any_of(cure.steps.begin(), cure.steps.end(),
                     [](const CureStep& step) {
                       return step.stage == CureStage::kFile ||
                              step.stage == CureStage::kHoles;
                     });
}

std::string CureKey(const FaultReason& reason, const Subject& subject,
                    const proto::World& world) {
  std::string key =
      absl::StrCat(static_cast<int>(reason.code), " ", reason.order, " ",
                   static_cast<int>(subject.kind), " ", subject.mount);
  const KnownCure* cure = FindKnown(reason.code);
  if (subject.bdev == nullptr ||
      (cure != nullptr && cure->changes == Changes::kFile) ||
      (reason.code == C::kNotDax && WantsDaxFlag(subject, world))) {
    absl::StrAppend(&key, " ", subject.name);
  } else {
    absl::StrAppend(&key, " ", subject.bdev->name());
  }
  if (reason.level.has_value()) {
    const FaultLevel& at = reason.level;
    absl::StrAppend(&key, " ", at.device(), " ", at.target(), " ",
                    at.begin().value(), " ", at.lower());
  }
  return key;
}

std::optional<Cure> FindCure(CureWay way, const CureRequest& request,
                             proto::World& world) {
  const KnownCure* cure = FindKnown(request.reason.code);
  if (cure == nullptr) return std::nullopt;
  CureFn* const find = way == CureWay::kGentle ? cure->gentle
                       : way == CureWay::kMain ? cure->main
                                               : cure->own;
  if (find == nullptr) return std::nullopt;
  return find(request, world);
}

bool HasOtherWays(const FaultReason& reason) {
  const KnownCure* cure = FindKnown(reason.code);
  return cure != nullptr && (cure->gentle != nullptr || cure->own != nullptr);
}

}  // namespace dmdax
