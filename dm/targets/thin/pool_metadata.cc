// SPDX-License-Identifier: Apache-2.0
#include "dm/targets/thin/pool_metadata.h"

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "dm/targets/persistent/metadata_image.h"

namespace dmdax {
namespace {

// A value of the mapping tree: the data block, and when it was mapped.
constexpr unsigned kTimeBits = 24;
uint64_t PackBlockTime(uint64_t block, uint64_t time) {
  return block << kTimeBits | time;
}
uint64_t BlockOf(uint64_t value) { return value >> kTimeBits; }
uint64_t TimeOf(uint64_t value) {
  return value & ((uint64_t{1} << kTimeBits) - 1);
}

}  // namespace

BtreeInfo PoolMetadata::Blocks() {
  return {
      .value_size = 8,
      .refer = [this](uint64_t value,
                      int change) { data_->Change(BlockOf(value), change); },
      .equal = [](uint64_t a, uint64_t b) { return BlockOf(a) == BlockOf(b); }};
}

BtreeInfo PoolMetadata::Subtrees() {
  return {.value_size = 8, .refer = [this](uint64_t root, int change) {
            if (change > 0) {
              tm_->Inc(root);
            } else {
              BtreeDel(*tm_, Blocks(), root);
            }
          }};
}

absl::StatusOr<std::unique_ptr<PoolMetadata>> PoolMetadata::Open(
    const DmTarget& ti, const DmDev& dev, uint64_t data_block_size,
    bool may_format) {
  Machine& machine = MachineOf(ti);
  auto say = [&](absl::string_view text) {
    DmLog(machine, KernLevel::kErr, kPrefix, text);
  };
  absl::StatusOr<std::optional<std::string>> state =
      ReadMetadataImage(ti, dev, kSuperblock);
  if (!state.ok()) {
    if (!IsNotModelled(state.status()) && ErrnoOf(state.status()) != EIO) {
      say("couldn't read superblock");
    }
    return state.status();
  }
  std::unique_ptr<PoolMetadata> pmd(
      new PoolMetadata(machine, dev, data_block_size));
  if (!state->has_value()) {
    if (!may_format) return ErrnoError(EPERM, "not formatted");
    if (const int err = pmd->Format()) {
      return ErrnoError(err, "no new metadata");
    }
    return pmd;
  }
  NumberReader in(**state);
  if (const uint64_t old = in.Get(); old != data_block_size) {
    say(absl::StrCat("changing the data block size (from ", old, " to ",
                     data_block_size, ") is not supported"));
    return ErrnoError(EINVAL, "another data block size");
  }
  if (!pmd->Load(**state)) return ErrnoError(EILSEQ, "bad metadata");
  return pmd;
}

int PoolMetadata::Format() {
  const KernelProfile& profile = machine_.profile();
  auto fail = [&](absl::string_view text) {
    LogNoMetadataSpace(machine_, *tm_);
    if (!text.empty()) DmLog(machine_, KernLevel::kErr, kPrefix, text);
    return ENOSPC;
  };
  tm_ = std::make_unique<TransactionManager>(profile, MetadataBlocks(dev_));
  if (tm_->failed()) {
    DmLog(machine_, KernLevel::kErr, "transaction manager",
          "couldn't create metadata space map");
    DmLog(machine_, KernLevel::kErr, kPrefix, "tm_create_with_sm failed");
    return ENOSPC;
  }
  data_ = std::make_unique<DiskSpaceMap>(*tm_);
  if (tm_->failed()) return fail("sm_disk_create failed");
  root_ = BtreeEmpty(*tm_, {.value_size = 8});
  if (tm_->failed()) return fail("");
  details_root_ = BtreeEmpty(*tm_, Details());
  if (tm_->failed()) return fail("couldn't create devices root");
  return Commit();
}

void PoolMetadata::WriteChangedDetails() {
  // The kernel has the devices in a list, the newest first; the order of the
  // inserts makes no difference to the tree but in which node is split.
  for (auto it = devices_.begin(); it != devices_.end();) {
    Device& device = it->second;
    if (device.changed) {
      details_root_ = BtreeInsert(*tm_, Details(), details_root_, it->first, 0);
      device.changed = false;
      details_[it->first] = device;
      details_[it->first].open_count = 0;
      changed_details_.insert(it->first);
    }
    it = device.open_count == 0 ? devices_.erase(it) : std::next(it);
  }
}

bool PoolMetadata::changed() const {
  return std::any_of(devices_.begin(), devices_.end(),
                     [](const auto& device) { return device.second.changed; });
}

int PoolMetadata::Commit() {
  WriteChangedDetails();
  data_->Commit();
  tm_->PreCommit();
  if (tm_->failed()) return ENOSPC;
  tm_->Commit();
  committed_root_ = root_;
  committed_details_ = details_root_;
  return Save().ok() ? 0 : EIO;
}

bool PoolMetadata::Abort(const DmTarget& ti) {
  const std::optional<std::string> state =
      ReadLastCommit(ti, dev_, kSuperblock, committed_);
  if (!state) return false;
  details_.clear();
  // What is kept in memory alone is not looked up again.
  const uint64_t time = time_, transaction_id = transaction_id_;
  if (!Load(*state)) return false;
  time_ = time;
  transaction_id_ = transaction_id;
  tm_->SetThreshold(threshold_, threshold_fn_);
  needs_check_ = true;
  WriteNeedsCheck();
  return true;
}

void PoolMetadata::WriteNeedsCheck() {
  if (!needs_check_ || needs_check_written_) return;
  needs_check_written_ = Save().ok();
}

PoolMetadata::Device* PoolMetadata::OpenOrCreate(uint64_t id, bool create) {
  if (auto open = devices_.find(id); open != devices_.end()) {
    ++open->second.open_count;
    return &open->second;
  }
  Device device;
  if (auto known = details_.find(id); known != details_.end()) {
    device = known->second;
  } else if (create) {
    device.changed = true;
    device.transaction_id = transaction_id_;
    device.creation_time = device.snapshotted_time = time_;
  } else {
    return nullptr;
  }
  device.open_count = 1;
  return &(devices_[id] = device);
}

std::vector<uint64_t> PoolMetadata::Ids() const {
  std::vector<uint64_t> ids;
  for (const auto& [id, device] : details_) ids.push_back(id);
  return ids;
}

int PoolMetadata::OpenDevice(uint64_t id) {
  return OpenOrCreate(id, false) == nullptr ? ENODATA : 0;
}

void PoolMetadata::CloseWhileOpen() const {
  const auto open = std::count_if(
      devices_.begin(), devices_.end(),
      [](const auto& device) { return device.second.open_count > 0; });
  DmLog(machine_, KernLevel::kErr, kPrefix,
        absl::StrCat("attempt to close pmd when ", open,
                     " device(s) are still open"));
  DmLog(machine_, KernLevel::kWarn, "thin",
        "__pool_destroy: dm_pool_metadata_close() failed.");
}

int PoolMetadata::CreateThin(uint64_t id) {
  if (details_.contains(id) || devices_.contains(id)) return EEXIST;
  const uint64_t subtree = BtreeEmpty(*tm_, {.value_size = 8});
  root_ = BtreeInsert(*tm_, Subtrees(), root_, id, subtree);
  OpenOrCreate(id, true);
  CloseDevice(id);
  return 0;
}

int PoolMetadata::CreateSnap(uint64_t id, uint64_t origin) {
  if (details_.contains(id)) return EEXIST;
  const std::optional<uint64_t> subtree = SubtreeOf(origin);
  if (!subtree) return ENODATA;
  tm_->Inc(*subtree);
  root_ = BtreeInsert(*tm_, Subtrees(), root_, id, *subtree);
  ++time_;
  Device& snap = *OpenOrCreate(id, true);
  Device& of = *OpenOrCreate(origin, false);
  of.changed = true;
  of.snapshotted_time = snap.snapshotted_time = time_;
  snap.mapped_blocks = of.mapped_blocks;
  CloseDevice(origin);
  CloseDevice(id);
  return 0;
}

int PoolMetadata::Delete(uint64_t id) {
  const Device* device = OpenOrCreate(id, false);
  if (device == nullptr) return ENODATA;
  if (device->open_count > 1) {
    CloseDevice(id);
    return EBUSY;
  }
  devices_.erase(id);
  details_.erase(id);
  changed_details_.insert(id);
  details_root_ = BtreeRemove(*tm_, Details(), details_root_, id);
  root_ = BtreeRemove(*tm_, Subtrees(), root_, id);
  return 0;
}

int PoolMetadata::SetTransactionId(uint64_t current, uint64_t next) {
  if (transaction_id_ != current) {
    DmLog(machine_, KernLevel::kErr, kPrefix, "mismatched transaction id");
    return EINVAL;
  }
  transaction_id_ = next;
  return 0;
}

int PoolMetadata::ReserveSnap() {
  if (held_root_ != 0) {
    DmLog(machine_, KernLevel::kWarn, kPrefix,
          "Pool metadata snapshot already exists: release this before taking "
          "another.");
    return EBUSY;
  }
  if (const int err = Commit()) return err;
  constexpr uint64_t kSuperblockBlock = 0;
  bool shared;
  tm_->Inc(kSuperblockBlock);
  const uint64_t copy = tm_->Shadow(kSuperblockBlock, &shared);
  if (tm_->failed()) return ENOSPC;
  held_mapping_ = committed_root_;
  held_details_ = committed_details_;
  tm_->Inc(held_mapping_);
  tm_->Inc(held_details_);
  held_root_ = copy;
  return 0;
}

int PoolMetadata::ReleaseSnap() {
  if (held_root_ == 0) {
    DmLog(machine_, KernLevel::kWarn, kPrefix,
          "No pool metadata snapshot found: nothing to release.");
    return EINVAL;
  }
  BtreeDel(*tm_, Subtrees(), held_mapping_);
  BtreeDel(*tm_, Details(), held_details_);
  tm_->Dec(held_root_);
  held_root_ = 0;
  return 0;
}

std::optional<uint64_t> PoolMetadata::HighestBlock(uint64_t id) {
  const std::optional<uint64_t> subtree = SubtreeOf(id);
  return subtree ? BtreeHighestKey(*tm_, *subtree) : std::nullopt;
}

std::optional<PoolMetadata::Found> PoolMetadata::FindBlock(uint64_t id,
                                                           uint64_t block) {
  const std::optional<uint64_t> subtree = SubtreeOf(id);
  if (!subtree) return std::nullopt;
  const std::optional<uint64_t> value = BtreeLookup(*tm_, *subtree, block);
  if (!value) return std::nullopt;
  return Found{BlockOf(*value), devices_[id].snapshotted_time > TimeOf(*value)};
}

void PoolMetadata::Insert(uint64_t id, uint64_t block, uint64_t data_block) {
  Device& device = devices_[id];
  if (!FindBlock(id, block)) ++device.mapped_blocks;
  device.changed = true;
  root_ = BtreeInsert2(*tm_, Blocks(), root_, id, block,
                       PackBlockTime(data_block, time_));
}

void PoolMetadata::Remove(uint64_t id, uint64_t block) {
  uint64_t subtree = *SubtreeOf(id);
  Device& device = devices_[id];
  --device.mapped_blocks;
  device.changed = true;
  // One reference more, so that it does not go with its entry.
  tm_->Inc(subtree);
  root_ = BtreeRemove(*tm_, Subtrees(), root_, id);
  subtree = BtreeRemove(*tm_, Blocks(), subtree, block);
  root_ = BtreeInsert(*tm_, Subtrees(), root_, id, subtree);
}

void PoolMetadata::ResizeData(uint64_t blocks) {
  data_->Extend(blocks - data_->nr_blocks());
}

void PoolMetadata::ResizeMetadata(uint64_t blocks) {
  tm_->Extend(blocks - tm_->nr_blocks());
}

uint64_t PoolMetadata::metadata_used() const {
  const uint64_t total = tm_->nr_blocks();
  const uint64_t reserve = std::min<uint64_t>(4096, total / 10);
  return std::min(total, tm_->nr_used() + reserve);
}

}  // namespace dmdax
