// SPDX-License-Identifier: Apache-2.0
#include "tools/check/neighbours.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/one_line.h"
#include "state/world_load.h"
#include "tools/byte_count.h"
#include "tools/check/bdev_set.h"
#include "tools/check/cure_lines.h"
#include "tools/check/dax_depth.h"
#include "tools/check/fit_rows.h"
#include "tools/check/look.h"
#include "tools/check/volume_cure.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

template <typename Message>
class ByName {
 public:
  explicit ByName(const google::protobuf::RepeatedPtrField<Message>& messages) {
    for (const Message& message : messages) {
      by_name_.try_emplace(message.name(), &message);
    }
  }
  // null: there is none.
  const Message* Find(const std::string& name) const {
    const auto at = by_name_.find(name);
    return at == by_name_.end() ? nullptr : at->second;
  }

 private:
  absl::flat_hash_map<std::string, const Message*> by_name_;
};

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

// What a cure may have changed of a device; its number is as it was.
void TakeOver(const proto::World& better, proto::World* part) {
  const ByName pmems(better.pmem());
  const ByName blocks(better.block());
  const ByName mapped(better.mapped_device());
  for (proto::Pmem& pmem : *part->mutable_pmem()) {
    const proto::Pmem* const now = pmems.Find(pmem.name());
    if (now == nullptr) continue;
    pmem.set_data_offset(now->data_offset());
    pmem.set_size(now->size());
    pmem.set_raw(now->raw());
  }
  for (proto::Block& block : *part->mutable_block()) {
    const proto::Block* const now = blocks.Find(block.name());
    if (now == nullptr) continue;
    block.set_start(now->start());
    block.set_sectors(now->sectors());
  }
  for (proto::MappedDevice& device : *part->mutable_mapped_device()) {
    const auto* const now = mapped.Find(device.name());
    if (now == nullptr) continue;
    *device.mutable_table() = now->table();
    device.set_max_sectors_kb(now->max_sectors_kb());
  }
}

uint64_t LargeBytes(Session& session, const std::string& path) {
  const Look look = LookAt(session, {path, Wish::kPmd});
  return look.error.ok() ? look.shares.pud + look.shares.pmd : 0;
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

std::vector<BlockDevice*> Neighbours::Others(const Cure& cure,
                                             const proto::World& better,
                                             const Subject& subject) const {
  if (subject.bdev == nullptr) return {};
  const BdevSet changed = ChangedIn(better);
  if (changed.empty()) return {};
  BdevSet own;
  if (BlockDevice* bdev = machine_.machine->FindBdev(subject.bdev->dev())) {
    for (BlockDevice* at : AllBelow(machine_, bdev)) own.insert(at);
  }
  // A group that is laid out anew has its volumes aligned.
  const auto is_laid_out_anew = [&](const std::string& vg) {
    return std::any_of(cure.physical_volumes.begin(),
                       cure.physical_volumes.end(),
                       [&](const std::string& name) {
                         BlockDevice* const pv = stands_on_.Find(name);
                         return pv != nullptr && stands_on_.HasGroup(pv, vg);
                       });
  };
  std::vector<BlockDevice*> others;
  for (BlockDevice* bdev : stands_on_.AllAbove(changed, kMost)) {
    if (own.contains(bdev) || others.size() == kMost) continue;
    const auto* device = stands_on_.InWorld(NameOfDevice(machine_, *bdev));
    const auto lvm = device == nullptr ? std::nullopt : LvmNameOf(*device);
    if (lvm && is_laid_out_anew(lvm->vg)) continue;
    others.push_back(bdev);
  }
  return others;
}

std::string Neighbours::LossOf(const Cure& cure, const proto::World& better,
                               const Subject& subject) {
  const std::vector<BlockDevice*> others = Others(cure, better, subject);
  if (others.empty()) return "";
  if (parts_ == nullptr) {
    parts_ = std::make_unique<WorldParts>(stands_on_.world(), machine_);
  }
  std::vector<Subject> subjects;
  for (BlockDevice* bdev : others) {
    subjects.push_back({.name = NameOfDevice(machine_, *bdev),
                        .kind = Subject::kDevice,
                        .bdev = bdev});
  }
  std::vector<const Subject*> pointers;
  for (const Subject& other : subjects) pointers.push_back(&other);
  proto::World part = parts_->Of(pointers);
  // What programs have touched decides nothing here.
  part.clear_process();
  part.clear_mount();
  absl::StatusOr<Session> now = LoadWorld(part);
  if (!now.ok()) return "";
  TakeOver(better, &part);
  FitRows(machine_, part);
  absl::StatusOr<Session> then = LoadWorld(part);
  if (!then.ok()) {
    return absl::StrCat("what else stands there cannot be made again: ",
                        then.status().message());
  }
  std::vector<std::string> losses;
  for (BlockDevice* bdev : others) {
    const std::string path = DevicePath(machine_, *bdev);
    const uint64_t before = LargeBytes(*now, path);
    if (before == 0) continue;
    const uint64_t after = LargeBytes(*then, path);
    if (after >= before) continue;
    losses.push_back(absl::StrCat(
        OneLine(NameOfDevice(machine_, *bdev)), " has ", BytesText(before),
        " in large pages now, and then ", BytesText(after)));
  }
  return absl::StrJoin(losses, "; ");
}

}  // namespace dmdax
