// SPDX-License-Identifier: Apache-2.0
#include "tools/check/neighbours.h"

#include <optional>
#include <set>
#include <string>
#include <utility>

#include "tools/check/dax_depth.h"
#include "tools/check/fit_rows.h"
#include "tools/check/group_steps.h"
#include "tools/check/kpartx_map.h"
#include "tools/check/lvm_group.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

bool SameRows(const proto::MappedDevice& a, const proto::MappedDevice& b) {
  // A table may have a million rows, packed: few cures unpack it.
  if (a.table().SerializeAsString() == b.table().SerializeAsString()) {
    return true;
  }
  proto::MappedDevice as = a, bs = b;
  EditRows(&as);
  EditRows(&bs);
  return TableText(as) == TableText(bs);
}

Subject AsSubject(const Session& machine, BlockDevice* bdev) {
  return {.name = NameOfDevice(machine, *bdev),
          .kind = Subject::kDevice,
          .bdev = bdev};
}

}  // namespace

BdevSet Neighbours::ChangedIn(const proto::World& better) const {
  BdevSet changed;
  const auto add = [&](const std::string& name) {
    if (BlockDevice* bdev = stands_on_.Find(name)) changed.insert(bdev);
  };
  for (const proto::Pmem& pmem : better.pmem()) {
    const proto::Pmem* const was = stands_on_.PmemInWorld(pmem.name());
    if (was != nullptr && (was->data_offset() != pmem.data_offset() ||
                           was->size() != pmem.size())) {
      add(pmem.name());
    }
  }
  for (const proto::Block& block : better.block()) {
    const proto::Block* const was = stands_on_.BlockInWorld(block.name());
    if (was != nullptr &&
        (was->start() != block.start() || was->sectors() != block.sectors())) {
      add(block.name());
    }
  }
  for (const proto::MappedDevice& device : better.mapped_device()) {
    const proto::MappedDevice* const was = stands_on_.InWorld(device.name());
    if (was != nullptr && !SameRows(*was, device)) add(device.name());
  }
  return changed;
}

// Whether there are more volumes than before.
bool Neighbours::LayOut(Change* change) const {
  const size_t before = change->laid_out.size();
  for (const auto& [vg, devices] : change->redo) {
    const GroupPart part =
        PartOfGroup(machine_, stands_on_, change->better, vg, devices);
    for (const std::string& name : part.volumes) {
      BlockDevice* const bdev = stands_on_.Find(name);
      if (bdev != nullptr) change->laid_out.insert(bdev);
    }
  }
  change->changed.insert(change->laid_out.begin(), change->laid_out.end());
  return change->laid_out.size() != before;
}

// What goes with a group may have others on it, and their groups.
void Neighbours::Follow(Change* change) const {
  do {
    for (BlockDevice* bdev : stands_on_.AllAbove(change->changed, kMost)) {
      std::string vg = GroupLostWith(machine_, stands_on_, bdev);
      if (!vg.empty()) change->redo[std::move(vg)].insert(bdev);
    }
  } while (LayOut(change));
}

// What no line makes again, and what stands on that: a person who does it by
// hand decides where.
BdevSet Neighbours::ByHand(const Change& change) const {
  BdevSet by_hand;
  for (BlockDevice* bdev : change.anew) {
    const auto* device = stands_on_.InWorld(NameOfDevice(machine_, *bdev));
    if (device == nullptr || LvmNameOf(*device)) continue;
    proto::MappedDevice now = *device;
    if (!HasTypedRows(&now) ||
        LosesItsTable(machine_, *bdev, now, change.anew)) {
      by_hand.insert(bdev);
    }
  }
  return by_hand.empty() ? by_hand : stands_on_.AllAbove(by_hand, kMost);
}

std::vector<Subject> Neighbours::Others(const Change& change,
                                        const BdevSet& own) const {
  std::vector<Subject> others;
  for (BlockDevice* bdev : stands_on_.AllAbove(change.changed, kMost)) {
    if (own.contains(bdev) || change.by_hand.contains(bdev) ||
        others.size() == kMost) {
      continue;
    }
    const auto* device = stands_on_.InWorld(NameOfDevice(machine_, *bdev));
    const auto lvm = device == nullptr ? std::nullopt : LvmNameOf(*device);
    // A group that is laid out anew has its volumes aligned.
    if (lvm && change.redo.contains(lvm->vg)) continue;
    others.push_back(AsSubject(machine_, bdev));
  }
  return others;
}

proto::World Neighbours::PartOf(const std::vector<Subject>& subjects) {
  if (parts_ == nullptr) {
    parts_ = std::make_unique<WorldParts>(stands_on_.world(), machine_);
  }
  std::vector<const Subject*> pointers;
  for (const Subject& subject : subjects) pointers.push_back(&subject);
  proto::World part = parts_->Of(pointers);
  // What programs have touched decides nothing here.
  part.clear_process();
  part.clear_mount();
  return part;
}

Fate Neighbours::Of(const Change& change,
                    absl::Span<const Subject* const> subjects) {
  if (change.changed.empty()) return {};
  BdevSet own, tops;
  for (const Subject* subject : subjects) {
    if (subject->bdev == nullptr) continue;
    BlockDevice* const bdev = machine_.machine->FindBdev(subject->bdev->dev());
    if (bdev == nullptr) continue;
    tops.insert(bdev);
    for (BlockDevice* at : AllBelow(machine_, bdev)) own.insert(at);
  }
  const std::vector<Subject> others = Others(change, own);
  if (others.empty()) return {};
  std::vector<Subject> all = others;
  // In whose way nobody may be moved.
  for (BlockDevice* bdev : tops) all.push_back(AsSubject(machine_, bdev));
  return Resettle(machine_, stands_on_, change, others, PartOf(all));
}

Change Neighbours::ChangeBy(const Cure& cure,
                            const proto::World& better) const {
  Change change{.better = better, .changed = ChangedIn(better)};
  for (const std::string& name : cure.physical_volumes) {
    BlockDevice* const bdev = stands_on_.Find(name);
    if (bdev == nullptr) continue;
    std::string vg = GroupLostWith(machine_, stands_on_, bdev);
    if (!vg.empty()) change.redo[std::move(vg)].insert(bdev);
  }
  if (MakesFilesAnew(cure)) {
    Follow(&change);
    change.anew = stands_on_.AllAbove(change.changed, kMost);
  }
  return change;
}

bool Neighbours::LayOutGroups(const Cure& cure, const Session& cured,
                              proto::World* better) const {
  if (!MakesFilesAnew(cure)) return false;
  std::set<std::string> done;
  for (const std::string& name : cure.physical_volumes) {
    BlockDevice* const bdev = stands_on_.Find(name);
    if (bdev != nullptr) done.insert(stands_on_.GroupOn(bdev));
  }
  const RedoneGroups redo = ChangeBy(cure, *better).redo;
  bool any = false;
  for (const auto& [vg, devices] : redo) {
    if (done.contains(vg)) continue;
    const GroupPart part =
        PartOfGroup(machine_, stands_on_, *better, vg, devices);
    if (!part.refused.empty() || !part.held.empty()) continue;
    proto::World laid_out = *better;
    if (!LayOutGroup(cured, stands_on_, part, /*last=*/"", laid_out)) continue;
    *better = std::move(laid_out);
    any = true;
  }
  if (any) FitRows(cured, *better);
  return any;
}

Fate Neighbours::OfCure(const Cure& cure, const proto::World& better,
                        const Subject& subject) {
  if (subject.bdev == nullptr) return {};
  const Change change = ChangeBy(cure, better);
  const Subject* const subjects[] = {&subject};
  return Of(change, subjects);
}

Fate Neighbours::OfList(const BdevSet& gone, const RedoneGroups& redo,
                        const proto::World& better,
                        absl::Span<const Subject* const> subjects) {
  Change change{.better = better,
                .changed = ChangedIn(better),
                .redo = redo,
                .anew = gone};
  change.changed.insert(gone.begin(), gone.end());
  LayOut(&change);
  change.by_hand = ByHand(change);
  return Of(change, subjects);
}

}  // namespace dmdax
