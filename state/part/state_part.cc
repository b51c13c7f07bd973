// SPDX-License-Identifier: Apache-2.0
#include "state/part/state_part.h"

#include <cstdlib>
#include <iostream>
#include <limits>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "dm/device_mapper.h"
#include "dm/mapped_device.h"
#include "state/part/state_tags.h"
#include "state/target_spec.h"

namespace dmdax {
namespace {

constexpr StateObjectKind kMachine = StateObjectKind::kMachine;
constexpr StateObjectKind kPmem = StateObjectKind::kPmem;
constexpr StateObjectKind kBlock = StateObjectKind::kBlock;
constexpr StateObjectKind kNode = StateObjectKind::kNode;
constexpr StateObjectKind kMappedDevice = StateObjectKind::kMappedDevice;
constexpr StateObjectKind kTable = StateObjectKind::kTable;
constexpr StateObjectKind kTableSlot = StateObjectKind::kTableSlot;

// The one holder of what a mount or a device-dax has open that is not loaded.
constexpr char kElsewhere[] = "not loaded";

bool KnowsOthers(const proto::World& world) {
  absl::StatusOr<const KernelProfile*> profile =
      FindKernelProfile(world.kernel());
  if (!profile.ok()) return true;
  for (const proto::MappedDevice& device : world.mapped_device()) {
    if (KnowsOthers(device.table(), **profile) ||
        KnowsOthers(device.inactive_table(), **profile)) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::vector<StatePart::Name> StatePart::Tagged(absl::string_view tag) {
  absl::StatusOr<std::vector<Name>> found = db_.Tagged(tag);
  if (found.ok()) return *std::move(found);
  status_.Update(found.status());
  return {};
}

std::vector<StatePart::Name> StatePart::OfDev(absl::string_view dev) {
  absl::string_view minor = dev;
  if (absl::ConsumePrefix(&minor, absl::StrCat(dm_major_, ":"))) {
    return {{kMappedDevice, std::string(minor)}};
  }
  return Tagged(DevTag(dev));
}

// There need be none that is called so: Load() looks.
std::vector<StatePart::Name> StatePart::Find(By by, absl::string_view name) {
  const auto disk = [](absl::string_view disk_name) {
    std::vector<Name> found = {{kPmem, std::string(disk_name)},
                               {kBlock, std::string(disk_name)}};
    if (absl::ConsumePrefix(&disk_name, "dm-")) {
      found.emplace_back(kMappedDevice, std::string(disk_name));
    }
    return found;
  };
  switch (by) {
    case By::kDmName:
      return Tagged(NameTag(name));
    case By::kDmUuid:
      return Tagged(UuidTag(name));
    case By::kDmMinor:
      return {{kMappedDevice, std::string(name)}};
    case By::kDev:
      return OfDev(name);
    case By::kDiskName:
      return disk(name);
    case By::kNode: {
      std::vector<Name> found = {{kNode, std::string(name)}};
      absl::string_view file = name;
      if (absl::ConsumePrefix(&file, "/dev/")) {
        for (Name& device : disk(file)) found.push_back(std::move(device));
      }
      return found;
    }
  }
  return {};
}

bool StatePart::Has(By by, absl::string_view name) {
  if (whole_) return false;
  for (const Name& object : Find(by, name)) {
    if (loaded_.contains(object)) continue;
    absl::StatusOr<bool> there = db_.Exists(object.first, object.second);
    status_.Update(there.status());
    if (there.ok() && *there) return true;
  }
  return false;
}

void StatePart::Need(By by, absl::string_view name) {
  if (!Has(by, name)) return;
  if (sealed_) {
    std::cerr << "dmdax: internal error: '" << name << "' was not loaded\n";
    abort();
  }
  lacks_ = true;
  for (Name& object : Find(by, name)) needed_.push_back(std::move(object));
}

void StatePart::NeedAll() {
  // What is lacking already voids this run.  Mostly somebody who has not found
  // it wants to say what there is, and will not the next time.
  if (whole_ || lacks_) return;
  if (sealed_) {
    std::cerr << "dmdax: internal error: not all was loaded\n";
    abort();
  }
  lacks_ = all_needed_ = true;
}

void StatePart::NeedUserSpace() {
  if (whole_ || user_loaded_) return;
  if (sealed_) {
    std::cerr << "dmdax: internal error: the mounts were not loaded\n";
    abort();
  }
  lacks_ = user_needed_ = true;
}

void StatePart::Want(const std::vector<Name>& names) {
  for (const Name& name : names) {
    if (!loaded_.contains(name)) todo_.push_back(name);
  }
}

void StatePart::Follow(const Name& name, absl::string_view bytes) {
  const auto& [kind, key] = name;
  if (kind == kPmem) {
    proto::Pmem pmem;
    if (!ParseObject(bytes, &pmem)) return;
    Want(Tagged(NodeTag(pmem.dev())));
    Want(Tagged(PartitionTag(key)));
  } else if (kind == kBlock) {
    proto::Block block;
    if (!ParseObject(bytes, &block)) return;
    Want(Tagged(NodeTag(block.dev())));
    Want(Tagged(PartitionTag(key)));
    if (!block.partition_of().empty()) {
      Want(Find(By::kDiskName, block.partition_of()));
    }
  } else if (kind == kNode) {
    proto::Node node;
    if (ParseObject(bytes, &node)) Want(OfDev(node.dev()));
  } else if (kind == kMappedDevice) {
    proto::MappedDevice device;
    if (!ParseObject(bytes, &device)) return;
    for (const proto::TableDevice& open : device.runtime().table_device()) {
      ++opens_[open.dev()];
      Want(OfDev(open.dev()));
    }
    Want(Tagged(NodeTag(DevT{dm_major_, device.minor()}.ToString())));
    for (std::string& slot : TableSlotsOf(key)) {
      todo_.emplace_back(kTableSlot, std::move(slot));
    }
  } else if (kind == kTableSlot) {
    todo_.emplace_back(kTable, std::string(bytes));
  } else if (kind == StateObjectKind::kMount) {
    proto::Mount mount;
    if (ParseObject(bytes, &mount)) Want(OfDev(mount.device()));
  } else if (kind == StateObjectKind::kDevDax) {
    proto::DevDax dax;
    if (!ParseObject(bytes, &dax)) return;
    Want({{kPmem, dax.pmem()}});
    // Of some memory that any pmem may have.
    if (dax.pmem().empty()) all_needed_ = true;
  }
}

absl::Status StatePart::LoadUserSpace() {
  user_loaded_ = true;
  return db_.FindAll(
      StateObjectKind::kMount, StateObjectKind::kTouch,
      [&](StateObjectKind kind, int64_t position, absl::string_view key,
          absl::string_view bytes) {
        const Name name(kind, std::string(key));
        loaded_.insert(name);
        Follow(name, bytes);
        rows_[{kind, position}] = {name.second, std::string(bytes)};
      });
}

absl::StatusOr<proto::StateSnapshot> StatePart::LoadWhole() {
  whole_ = true;
  return db_.Read();
}

absl::StatusOr<proto::StateSnapshot> StatePart::Build() {
  SnapshotBuilder builder;
  for (const auto& [at, row] : rows_) {
    absl::Status s = builder.Add(at.first, row.key, row.bytes,
                                 static_cast<uint64_t>(at.second));
    if (!s.ok()) return s;
  }
  proto::StateSnapshot snapshot = builder.Take();
  snapshot.set_generation(db_.generation());
  return snapshot;
}

absl::StatusOr<proto::StateSnapshot> StatePart::Load() {
  lacks_ = false;
  if (all_needed_) return LoadWhole();
  db_.BeginPart();
  loaded_.clear();
  rows_.clear();
  opens_.clear();
  todo_ = {{kMachine, ""}};
  for (bool first = true; first || !todo_.empty();) {
    const Name name = std::move(todo_.back());
    todo_.pop_back();
    if (loaded_.contains(name)) continue;
    absl::StatusOr<std::optional<StateDb::Found>> row =
        db_.Find(name.first, name.second);
    if (!row.ok()) return row.status();
    if (first) {
      // All else is found by the major of mapped devices.
      proto::StateSnapshot machine;
      if (!*row || !ParseObject((*row)->bytes, &machine)) return LoadWhole();
      dm_major_ = machine.world().dm_major();
      no_free_minor_below_ = machine.no_free_minor_below();
      Want(needed_);
      if (user_needed_) {
        if (absl::Status s = LoadUserSpace(); !s.ok()) return s;
      }
      first = false;
    }
    if (!*row) continue;
    loaded_.insert(name);
    Follow(name, (*row)->bytes);
    rows_[{name.first, (*row)->position}] = {name.second,
                                             std::move((*row)->bytes)};
  }
  if (!status_.ok()) return status_;
  if (all_needed_) return LoadWhole();
  absl::StatusOr<proto::StateSnapshot> snapshot = Build();
  rows_.clear();
  if (!snapshot.ok() || KnowsOthers(snapshot->world())) return LoadWhole();
  return snapshot;
}

absl::Status StatePart::OpenForOthers(BlockDevice& bdev, uint32_t dm_major) {
  const std::string dev = bdev.dev().ToString();
  const int64_t loaded = opens_[dev];
  // Of a disk only whether it is open matters here, of a mapped device also how
  // often.
  const int64_t most = bdev.dev().major_nr == dm_major
                           ? std::numeric_limits<int64_t>::max()
                           : loaded + 1;
  int64_t by_dm = -loaded;
  int64_t by_others = 0;
  for (int nth = 0; nth < kMostOpensOfOne; ++nth) {
    const std::string tag = OpenTag(nth, dev);
    absl::StatusOr<int64_t> n = db_.CountTagged(tag, kMappedDevice, most);
    if (!n.ok()) return n.status();
    by_dm += *n;
    if (user_loaded_) continue;
    n = db_.CountTagged(tag, StateObjectKind::kMount, 1);
    if (!n.ok()) return n.status();
    by_others += *n;
  }
  absl::StatusOr<int64_t> dax =
      db_.CountTagged(DevDaxTag(bdev.name()), StateObjectKind::kDevDax, 1);
  if (!dax.ok()) return dax.status();
  if (!user_loaded_) by_others += *dax;
  constexpr unsigned kMode = FMODE_READ | FMODE_EXCL;
  for (; by_dm > 0; --by_dm) {
    absl::Status s = bdev.Open(kMode, MappedDevice::Holder());
    if (!s.ok()) return s;
  }
  for (; by_others > 0; --by_others) {
    absl::Status s = bdev.Open(kMode, kElsewhere);
    if (!s.ok()) return s;
  }
  return absl::OkStatus();
}

absl::Status StatePart::Complete(Session& session) {
  if (whole_) return absl::OkStatus();
  for (BlockDevice* bdev : session.machine->LoadedBlockDevices()) {
    absl::Status s = OpenForOthers(*bdev, session.ctl->major());
    if (!s.ok()) return s;
  }
  absl::StatusOr<int64_t> last = db_.LastPosition(kMappedDevice);
  if (!last.ok()) return last.status();
  session.ctl->RestoreOrder(no_free_minor_below_, static_cast<uint64_t>(*last));
  session.machine->set_absent(this);
  return absl::OkStatus();
}

}  // namespace dmdax
