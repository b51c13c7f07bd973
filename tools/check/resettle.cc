// SPDX-License-Identifier: Apache-2.0
#include "tools/check/resettle.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/one_line.h"
#include "state/world_load.h"
#include "tools/byte_count.h"
#include "tools/check/cure_lines.h"
#include "tools/check/data_off.h"
#include "tools/check/dax_depth.h"
#include "tools/check/fit_rows.h"
#include "tools/check/kpartx_map.h"
#include "tools/check/look.h"
#include "tools/check/move_rows.h"
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

class Settler {
 public:
  Settler(const Session& machine, StandsOn& stands_on, const Change& change,
          proto::World part)
      : machine_(machine),
        stands_on_(stands_on),
        change_(change),
        now_(LoadWorld(part)),
        part_(std::move(part)) {}

  Fate Run(const std::vector<Subject>& others) {
    Fate fate;
    if (!now_.ok()) return fate;
    TakeOver(change_.better, &part_);
    Load();
    if (then_.ok() && AlignLaidOut()) Load();
    if (!then_.ok()) {
      fate.losses =
          absl::StrCat("what else stands there cannot be made again: ",
                       then_.status().message());
      return fate;
    }
    Move(others, &fate);
    std::vector<std::string> losses;
    for (const Subject& other : others) {
      const uint64_t before = Before(other), after = After(other);
      if (after >= before) continue;
      losses.push_back(
          absl::StrCat(OneLine(other.name), " has ", BytesText(before),
                       " in large pages now, and then ", BytesText(after)));
    }
    fate.losses = absl::StrJoin(losses, "; ");
    return fate;
  }

 private:
  void Load() {
    FitRows(machine_, part_);
    absl::StatusOr<Session> loaded = LoadWorld(part_);
    std::swap(then_, loaded);
  }

  // LVM2 begins what it lays out at a boundary.  Whether any of it was off.
  bool AlignLaidOut() {
    bool moved = false;
    for (BlockDevice* bdev : change_.laid_out) {
      proto::MappedDevice* const device =
          FindMapped(part_, NameOfDevice(machine_, *bdev));
      if (device == nullptr) continue;
      for (proto::Target& row : *EditRows(device)) {
        const uint64_t at = row.start();
        ForEachLeg(row, [&](proto::Linear& leg, int nr_legs) {
          const auto dev = DevOfWord(machine_, leg.device());
          BlockDevice* const below =
              dev ? then_->machine->FindBdev(*dev) : nullptr;
          if (below == nullptr) return;
          const uint64_t want = at / static_cast<uint64_t>(nr_legs);
          const uint64_t less =
              (leg.start() + DataOff(*then_, *below) - want) % kPmdSectors;
          moved |= less != 0;
          leg.set_start(leg.start() >= less ? leg.start() - less
                                            : leg.start() + kPmdSectors - less);
        });
      }
    }
    return moved;
  }

  // Up comes the last first, so that it is in nobody's way, and down the first.
  void Move(std::vector<Subject> others, Fate* fate) {
    std::map<BlockDevice*, uint64_t> starts;
    for (const Subject& other : others) starts[other.bdev] = StartOf(other);
    for (const RowMover::Way way : {RowMover::Way::kUp, RowMover::Way::kDown}) {
      const auto is_first = [&](const Subject& a, const Subject& b) {
        // Who is right again once what it stands on is need not be moved.
        const int depth_a = stands_on_.Depth(a.bdev);
        const int depth_b = stands_on_.Depth(b.bdev);
        if (depth_a != depth_b) return depth_a < depth_b;
        return way == RowMover::Way::kUp ? starts[a.bdev] > starts[b.bdev]
                                         : starts[a.bdev] < starts[b.bdev];
      };
      std::stable_sort(others.begin(), others.end(), is_first);
      for (const Subject& other : others) {
        if (After(other) < Before(other) && IsMovable(other) &&
            MoveOne(other, way)) {
          fate->moved.push_back(*FindMapped(part_, other.name));
        }
      }
    }
  }

  bool MoveOne(const Subject& other, RowMover::Way way) {
    proto::World moved = part_;
    const FaultReason reason;
    const CureRequest request{.reason = reason,
                              .session = *then_,
                              .subject = other,
                              .machine = &machine_,
                              .stands_on = &stands_on_};
    RowMover mover(request, moved, FindMapped(moved, other.name), Seen::kStack);
    const RowMover::Way ways[] = {way};
    if (!mover.HasWork() || !mover.Run(ways)) return false;
    absl::StatusOr<Session> session = LoadWorld(moved);
    if (!session.ok() || Large(*session, other) <= After(other)) return false;
    part_ = std::move(moved);
    std::swap(then_, session);
    return true;
  }

  // Whether lines make it again, in another place.
  bool IsMovable(const Subject& other) {
    if (!change_.anew.contains(other.bdev)) return false;
    proto::MappedDevice* const device = FindMapped(part_, other.name);
    return device != nullptr && !LvmNameOf(*device) &&
           KpartxNumber(*device) == 0 && HasTypedRows(device);
  }

  uint64_t StartOf(const Subject& other) {
    uint64_t start = 0;
    proto::MappedDevice* const device = FindMapped(part_, other.name);
    if (device == nullptr || EditRows(device)->empty()) return start;
    ForEachLeg((*EditRows(device))[0], [&](proto::Linear& leg, int) {
      start = std::max(start, leg.start());
    });
    return start;
  }

  uint64_t Large(Session& session, const Subject& other) {
    const Look look =
        LookAt(session, {DevicePath(machine_, *other.bdev), Wish::kPmd});
    return look.error.ok() ? Huge(look.shares) : 0;
  }
  uint64_t Before(const Subject& other) {
    const auto [at, fresh] = before_.try_emplace(other.bdev, 0);
    if (fresh) at->second = Large(*now_, other);
    return at->second;
  }
  uint64_t After(const Subject& other) {
    return Before(other) == 0 ? 0 : Large(*then_, other);
  }

  const Session& machine_;
  StandsOn& stands_on_;
  const Change& change_;
  absl::StatusOr<Session> now_;
  proto::World part_;
  absl::StatusOr<Session> then_ = absl::UnknownError("not loaded");
  std::map<BlockDevice*, uint64_t> before_;
};

}  // namespace

std::string MovedText(const Fate& fate) {
  std::vector<std::string> names;
  for (const proto::MappedDevice& device : fate.moved) {
    names.push_back(OneLine(device.name()));
  }
  return absl::StrCat(absl::StrJoin(names, ", "),
                      names.size() == 1 ? " begins" : " begin",
                      " elsewhere then, so that the large pages stay");
}

Fate Resettle(const Session& machine, StandsOn& stands_on, const Change& change,
              const std::vector<Subject>& others, proto::World part) {
  return Settler(machine, stands_on, change, std::move(part)).Run(others);
}

}  // namespace dmdax
