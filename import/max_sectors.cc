// SPDX-License-Identifier: Apache-2.0
#include "import/max_sectors.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "base/kernel_profile.h"
#include "base/units.h"
#include "block/block_device.h"
#include "import/guess.h"
#include "state/find_device.h"
#include "state/world_load.h"

namespace dmdax {
namespace {

class Taker {
 public:
  Taker(Facts* facts, proto::World* world) : facts_(*facts), world_(*world) {}

  // max_sectors_kb where the machine has another than a fresh one would.  A
  // mapped device takes that of its legs when its table is loaded: one that was
  // loaded before they were changed has its own.
  absl::Status Run(const Session& fresh) {
    const proto::World before = world_;
    absl::StatusOr<Session> now = absl::UnknownError("not loaded");
    const Session* at = &fresh;
    const bool of_disks = SetOfDisks(fresh);
    bool changed = of_disks || SetOfMapped(fresh);
    while (changed) {
      now = LoadWorld(world_);
      if (!now.ok()) {
        world_ = before;
        facts_.Note({},
                    "max_sectors_kb of /sys/block is not taken over: the "
                    "emulated kernel refuses it");
        return absl::OkStatus();
      }
      at = &*now;
      changed = SetOfMapped(*at);
    }
    GuessMaxSectors(fresh, *at);
    return absl::OkStatus();
  }

 private:
  static uint64_t SaidMaxSectors(
      const std::map<std::string, Said<uint64_t>>& queue) {
    auto it = queue.find("max_sectors_kb");
    return it == queue.end() || !it->second ? 0 : it->second->value;
  }

  // Whether the queue has another than the machine's.
  static bool Differs(const Session& session, const std::string& device,
                      uint64_t said) {
    if (said == 0 || said > UINT32_MAX) return false;
    absl::StatusOr<BlockDevice*> bdev = FindDevice(session, device);
    return bdev.ok() && (*bdev)->queue().limits().max_sectors / 2 != said;
  }

  bool SetOfDisks(const Session& session) {
    bool changed = false;
    const auto set = [&](auto& disk) {
      const uint64_t said = SaidMaxSectors(facts_.disks.at(disk.name()).queue);
      if (!Differs(session, disk.name(), said)) return;
      disk.mutable_queue()->set_max_sectors_kb(static_cast<uint32_t>(said));
      changed = true;
    };
    for (proto::Pmem& p : *world_.mutable_pmem()) set(p);
    for (proto::Block& b : *world_.mutable_block()) {
      if (b.partition_of().empty()) set(b);
    }
    return changed;
  }

  bool SetOfMapped(const Session& session) {
    bool changed = false;
    for (proto::MappedDevice& m : *world_.mutable_mapped_device()) {
      const uint64_t said = SaidMaxSectors(facts_.mapped.at(m.name()).queue);
      if (!Differs(session, m.name(), said) || m.max_sectors_kb() == said) {
        continue;
      }
      m.set_max_sectors_kb(static_cast<uint32_t>(said));
      changed = true;
    }
    return changed;
  }

  static bool HasHugeChunks(const DmTargetSpec& row) {
    if (row.target_type != "striped") return false;
    const std::vector<absl::string_view> words =
        absl::StrSplit(row.params, ' ', absl::SkipEmpty());
    constexpr uint64_t kHuge = (2 << 20) >> kSectorShift;
    uint64_t chunk = 0;
    return words.size() > 1 && absl::SimpleAtoi(words[1], &chunk) &&
           chunk >= kHuge;
  }

  // Of those with chunks, whose requests end there, it matters; shorter chunks
  // than a huge page are what stands in its way whatever the queue has.
  void GuessMaxSectors(const Session& fresh, const Session& now) {
    if (!now.machine->profile().dm_max_io_len_has_max_sectors) return;
    for (const proto::MappedDevice& m : world_.mapped_device()) {
      const Mapped& known = facts_.mapped.at(m.name());
      const bool has_chunks = absl::c_any_of(known.rows, HasHugeChunks);
      if (!has_chunks || SaidMaxSectors(known.queue) != 0) continue;
      const absl::StatusOr<BlockDevice*> bdev = FindDevice(now, m.name());
      if (!bdev.ok()) continue;
      const uint64_t taken = (*bdev)->queue().limits().max_sectors / 2;
      const bool of_legs = Differs(fresh, m.name(), taken);
      // Nobody makes a queue's requests shorter than those of a new one.
      constexpr uint64_t kWanted = 2048;
      if (!of_legs && taken >= kWanted) continue;
      facts_.Guess(
          known.table ? *known.table : known.place,
          MakeGuess(
              proto::Guess::PMD, m.name(),
              absl::StrCat(
                  "no input says the max_sectors_kb of ", m.name(),
                  of_legs
                      ? ", and that of its legs was changed"
                      : absl::StrCat(", of which 2 MiB pages want ", kWanted)),
              absl::StrCat(taken, of_legs ? ", as if it was loaded afterwards,"
                                          : ", as of a queue that is new,"),
              "a copy of /sys/block"));
    }
  }

  Facts& facts_;
  proto::World& world_;
};

}  // namespace

absl::Status TakeMaxSectors(const Session& fresh, Facts* facts,
                            proto::World* world) {
  return Taker(facts, world).Run(fresh);
}

}  // namespace dmdax
