// SPDX-License-Identifier: Apache-2.0
#include "tools/check/undo_target.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/substitute.h"
#include "base/one_line.h"
#include "dm/dm_table.h"
#include "process/mount_point.h"
#include "state/find_device.h"
#include "state/target_spec.h"
#include "tools/check/cure_lines.h"
#include "tools/check/hidden_volume.h"
#include "tools/check/lvm_settings.h"
#include "tools/check/lvm_volume.h"
#include "tools/check/mirror_copy.h"
#include "tools/check/row_words.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

// How LVM2 takes a target away, and what is to be said of it.
struct Undo {
  absl::string_view target, change, remark, lvm;
  absl::string_view gives_up = "";  // $0: the volume
};
constexpr Undo kUndo[] = {
    {"snapshot-origin", "without its snapshots", "what its snapshots hold goes",
     "lvremove -y", "what the snapshots of $0 hold"},
    {"mirror", "one copy alone", "the data stays; its other copies go",
     "lvconvert -y -m0", "the other copies of $0"},
    {"raid1", "one copy alone", "the data stays; its other copies go",
     "lvconvert -y -m0", "the other copies of $0"},
    {"raid0", "striped in place of raid0", "the data stays",
     "lvconvert -y --type striped"},
    {"raid0_meta", "striped in place of raid0", "the data stays",
     "lvconvert -y --type striped"},
    {"cache", "without its cache", "the data stays", "lvconvert -y --uncache"},
    {"writecache", "without its cache", "the data stays",
     "lvconvert -y --uncache"},
};

const Undo* FindUndo(absl::string_view target) {
  for (const Undo& undo : kUndo) {
    if (undo.target == target) return &undo;
  }
  return nullptr;
}

void SetLeg(const std::string& device, uint64_t start, proto::Linear* leg) {
  leg->set_device(device);
  leg->set_start(start);
}

// Makes the row what it is without its target, a mirror the copy of that
// number; null: it is not known how.
const Undo* MakePlain(size_t copy, proto::Target* row) {
  const std::string type = SpecFromTarget(*row).target_type;
  RowWords words(TargetWords(*row));
  std::string device;
  uint64_t start = 0;
  std::string kind = type;
  if (type == "snapshot-origin") {
    device = words.Next();
  } else if (type == "cache") {
    words.Skip(2);
    device = words.Next();
  } else if (type == "writecache") {
    words.Skip(1);
    device = words.Next();
  } else if (type == "raid") {
    kind = words.Next();
    words.Skip(1);
    const uint64_t chunk = words.NextNumber();
    if (kind == "raid0" || kind == "raid0_meta") {
      const std::vector<MirrorCopy> legs = RaidLegs(*row);
      if (legs.empty() || chunk == 0 || chunk > UINT32_MAX) return nullptr;
      proto::Striped* striped = row->mutable_striped();
      striped->set_chunk(static_cast<uint32_t>(chunk));
      for (const MirrorCopy& leg : legs) {
        SetLeg(leg.device, 0, striped->add_stripe());
      }
      return FindUndo(kind);
    }
  }
  if (const std::vector<MirrorCopy> copies = CopiesOf(*row);
      copy < copies.size()) {
    device = copies[copy].device;
    start = copies[copy].start;
  }
  if (device.empty()) return nullptr;
  SetLeg(device, start, row->mutable_linear());
  return FindUndo(kind);
}

class Undoer {
 public:
  Undoer(const CureRequest& request, proto::World& world)
      : r_(request), world_(world) {}

  std::optional<Cure> Run(const std::string& name) {
    proto::MappedDevice* const device = FindMapped(world_, name);
    if (device == nullptr || device->has_unmodelled()) return std::nullopt;
    proto::MappedDevice plain = *device;
    const KeptCopy kept =
        CopyToKeep(r_.session, world_, plain).value_or(KeptCopy());
    const Undo* undo = nullptr;
    for (proto::Target& row : *EditRows(&plain)) {
      if (row.has_linear() || row.has_striped()) continue;
      undo = MakePlain(kept.number, &row);
      if (undo == nullptr || !LegsAreDax(row)) return std::nullopt;
    }
    if (undo == nullptr) return std::nullopt;
    const auto lvm = LvmNameOf(plain);
    if (lvm) {
      std::string locked = LockedGroup(*r_.machine, lvm->vg);
      if (!locked.empty()) return Cure{.remark = std::move(locked)};
    }
    // Blocks that only the cache has are written back by LVM2's tool.
    if (!lvm && undo->lvm == "lvconvert -y --uncache") return std::nullopt;
    std::string command;
    if (lvm) {
      command = LvmCommand(*undo, *lvm, plain);
      if (!kept.named.empty()) {
        absl::StrAppend(&command, " ", JoinWords(kept.named));
      }
      if (command.empty()) return std::nullopt;
      TakeOverParts(name, &plain);
    } else {
      command = DmsetupReloadLine(name, StableTable(r_.session, plain));
    }
    *FindMapped(world_, name) = plain;
    Cure cure{.change = absl::StrCat(OneLine(name), ": ", undo->change, " (",
                                     command, ")"),
              .remark = std::string(undo->remark),
              .in_world = true};
    if (!kept.named.empty()) {
      cure.before = absl::StrCat(
          "all copies of ", OneLine(name),
          " must be in sync, or LVM2 does not take the first away (lvs -o "
          "copy_percent ",
          ShellWord(absl::StrCat(lvm->vg, "/", lvm->lv)), ")");
      absl::StrAppend(&cure.remark, "; ", cure.before);
    }
    if (!undo->gives_up.empty()) {
      cure.gives_up = absl::Substitute(undo->gives_up, OneLine(name));
    }
    cure.steps = std::move(unmount_);
    cure.goes = std::move(goes_);
    cure.steps.push_back({CureStage::kConvert, name, command, "",
                          lvm ? CureTool::kAny : CureTool::kDmsetup});
    return cure;
  }

 private:
  BlockDevice* Find(const std::string& word) const {
    const absl::StatusOr<BlockDevice*> bdev = FindDevice(r_.session, word);
    return bdev.ok() ? *bdev : nullptr;
  }

  bool LegsAreDax(proto::Target& row) const {
    bool dax = true;
    ForEachLeg(row, [&](proto::Linear& leg, int) {
      BlockDevice* const bdev = Find(leg.device());
      dax &= bdev != nullptr && WhyNotDax(r_.session, *bdev).empty();
    });
    return dax;
  }

  // "lvconvert -y -m0 vg/m"; of an origin its snapshots are removed.
  std::string LvmCommand(const Undo& undo, const LvmName& lvm,
                         proto::MappedDevice& plain) {
    if (undo.target != "snapshot-origin") {
      return absl::StrCat(undo.lvm, " ",
                          ShellWord(absl::StrCat(lvm.vg, "/", lvm.lv)));
    }
    std::vector<std::string> snapshots;
    for (proto::Target& row : *EditRows(&plain)) {
      if (row.has_linear()) AddSnapshotsOf(row.linear().device(), snapshots);
    }
    return snapshots.empty()
               ? ""
               : absl::StrCat(undo.lvm, " ", JoinWords(snapshots));
  }

  void AddSnapshotsOf(const std::string& origin,
                      std::vector<std::string>& snapshots) {
    BlockDevice* const below = Find(origin);
    if (r_.stands_on == nullptr || below == nullptr) return;
    BlockDevice* const real =
        r_.stands_on->Find(NameOfDevice(r_.session, *below));
    if (real == nullptr) return;
    for (BlockDevice* on : r_.stands_on->On(real)) {
      const proto::MappedDevice* const device =
          r_.stands_on->InWorld(NameOfDevice(*r_.machine, *on));
      const DmTable* const table = LiveTable(*r_.machine, *on);
      const auto lvm = device == nullptr ? std::nullopt : LvmNameOf(*device);
      if (!lvm || table == nullptr || table->targets().empty() ||
          absl::string_view(table->targets()[0].type->name) != "snapshot") {
        continue;
      }
      snapshots.push_back(absl::StrCat(lvm->vg, "/", lvm->lv));
      goes_.push_back(device->name());
      for (const std::string& at : r_.stands_on->MountsOf(on)) {
        goes_.push_back(at);
        unmount_.push_back(UnmountStep(at));
      }
    }
  }

  // LVM2 gives the volume the segments of the part that it keeps, and the
  // others go.
  void TakeOverParts(const std::string& name, proto::MappedDevice* plain) {
    auto* rows = EditRows(plain);
    if (rows->size() == 1 && rows->Get(0).has_linear()) {
      proto::MappedDevice* const part = PartOf(name, rows->Get(0).linear());
      if (part != nullptr) *rows = *EditRows(part);
    } else {
      for (proto::Target& row : *rows) {
        ForEachLeg(row, [&](proto::Linear& leg, int) {
          proto::MappedDevice* const part = PartOf(name, leg);
          if (part == nullptr) return;
          const auto& below = *EditRows(part);
          if (below.size() != 1 || !below[0].has_linear()) return;
          const proto::Linear segment = below[0].linear();
          leg = segment;
        });
      }
    }
    auto* devices = world_.mutable_mapped_device();
    devices->erase(std::remove_if(devices->begin(), devices->end(),
                                  [&](const proto::MappedDevice& device) {
                                    return HiddenVolumeOf(device) == name ||
                                           Goes(device.name());
                                  }),
                   devices->end());
    auto* mounts = world_.mutable_mount();
    mounts->erase(std::remove_if(mounts->begin(), mounts->end(),
                                 [&](const proto::Mount& mount) {
                                   return Goes(MountPath(mount.path()));
                                 }),
                  mounts->end());
  }

  bool Goes(const std::string& name) const {
    return std::find(goes_.begin(), goes_.end(), name) != goes_.end();
  }

  // The part of the volume that the leg is all of; null: it is none.
  proto::MappedDevice* PartOf(const std::string& name,
                              const proto::Linear& leg) {
    BlockDevice* const bdev = Find(leg.device());
    if (bdev == nullptr || leg.start() != 0) return nullptr;
    proto::MappedDevice* const part =
        FindMapped(world_, NameOfDevice(r_.session, *bdev));
    return part != nullptr && HiddenVolumeOf(*part) == name ? part : nullptr;
  }

  const CureRequest& r_;
  proto::World& world_;
  std::vector<CureStep> unmount_;
  std::vector<std::string> goes_;  // snapshots, and their mounts
};

}  // namespace

std::string PlainCommand(const proto::MappedDevice& volume) {
  const auto lvm = LvmNameOf(volume);
  const Undo* undo = nullptr;
  proto::MappedDevice device = volume;
  for (const proto::Target& row : *EditRows(&device)) {
    if (row.has_linear() || row.has_striped()) continue;
    std::string kind = SpecFromTarget(row).target_type;
    if (kind == "raid") kind = RowWords(TargetWords(row)).Next();
    undo = FindUndo(kind);
    if (undo == nullptr || !undo->gives_up.empty()) return "";
  }
  return undo == nullptr || !lvm
             ? ""
             : absl::StrCat(undo->lvm, " ",
                            ShellWord(absl::StrCat(lvm->vg, "/", lvm->lv)));
}

std::optional<Cure> UndoTarget(const CureRequest& request,
                               const NotDaxLevel& end, proto::World& world) {
  if (end.by != NoDaxBy::kTarget || request.machine == nullptr) {
    return std::nullopt;
  }
  return Undoer(request, world).Run(NameOfDevice(request.session, *end.bdev));
}

}  // namespace dmdax
