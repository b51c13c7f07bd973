// SPDX-License-Identifier: Apache-2.0
#include "dm/targets/cache/cache_metadata.h"

#include <cerrno>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "dm/targets/persistent/metadata_image.h"

namespace dmdax {
namespace {

constexpr char kPrefix[] = "cache metadata";
constexpr SuperblockFormat kSuperblock = {.log_prefix = kPrefix,
                                          .magic = 06142003};
constexpr uint32_t kMappingBytes = 8, kWordBytes = 8, kHintBytes = 4;

// The kernel's `table`: one object for a device, as long as it is in use.
absl::Mutex open_mu;
std::map<const BlockDevice*, std::weak_ptr<CacheMetadata>>& OpenOnes() {
  static auto* ones =
      new std::map<const BlockDevice*, std::weak_ptr<CacheMetadata>>;
  return *ones;
}

void Say(Machine& machine, absl::string_view text) {
  DmLog(machine, KernLevel::kErr, kPrefix, text);
}

}  // namespace

absl::StatusOr<std::shared_ptr<CacheMetadata>> CacheMetadata::Open(
    const DmTarget& ti, const DmDev& dev, uint64_t data_block_size,
    bool separate_dirty_bits) {
  absl::MutexLock lock(&open_mu);
  Machine& machine = MachineOf(ti);
  if (std::shared_ptr<CacheMetadata> open = OpenOnes()[dev.bdev].lock()) {
    if (open->data_block_size_ == data_block_size) return open;
    Say(machine, absl::StrCat("data block size (", data_block_size,
                              ") different from that in metadata (",
                              open->data_block_size_, ")"));
    return ErrnoError(EINVAL, "another data block size");
  }
  absl::StatusOr<std::optional<std::string>> state =
      ReadMetadataImage(ti, dev, kSuperblock);
  if (!state.ok()) {
    if (!IsNotModelled(state.status()) && ErrnoOf(state.status()) != EIO) {
      Say(machine, "couldn't read lock superblock");
    }
    return state.status();
  }
  std::shared_ptr<CacheMetadata> cmd(new CacheMetadata(dev, data_block_size));
  if (!state->has_value()) {
    absl::Status s = cmd->Format(machine, separate_dirty_bits);
    if (!s.ok()) return s;
  } else {
    NumberReader in(**state);
    if (const uint64_t old = in.Get(); old != data_block_size) {
      Say(machine, absl::StrCat("changing the data block size (from ", old,
                                " to ", data_block_size, ") is not supported"));
      return ErrnoError(EINVAL, "another data block size");
    }
    absl::MutexLock cmd_lock(&cmd->mu_);
    if (!cmd->LoadLocked(machine.profile(), **state)) {
      return ErrnoError(EILSEQ, "bad metadata");
    }
  }
  OpenOnes()[dev.bdev] = cmd;
  return cmd;
}

absl::Status CacheMetadata::Format(Machine& machine, bool separate_dirty_bits) {
  absl::MutexLock lock(&mu_);
  tm_ = std::make_unique<TransactionManager>(machine.profile(),
                                             MetadataBlocks(dev_));
  if (tm_->failed()) {
    DmLog(machine, KernLevel::kErr, "transaction manager",
          "couldn't create metadata space map");
    Say(machine, "tm_create_with_sm failed");
    return ErrnoError(ENOSPC, "no metadata space");
  }
  mappings_.emplace(*tm_, kMappingBytes);
  if (separate_dirty_bits) dirty_.emplace(*tm_, kWordBytes);
  discards_.emplace(*tm_, kWordBytes);
  if (tm_->failed()) {
    LogNoMetadataSpace(machine, *tm_);
    return ErrnoError(ENOSPC, "no metadata space");
  }
  CommitLocked();
  return absl::OkStatus();
}

// Back to the last commit, after which the metadata need a check.
void CacheMetadata::AbortLocked(Machine& machine) {
  LogNoMetadataSpace(machine, *tm_);
  const std::string state = committed_;
  (void)LoadLocked(tm_->profile(), state);
  needs_check_ = true;
  SaveLocked();
}

bool CacheMetadata::Resize(Machine& machine, uint64_t cache_blocks) {
  absl::MutexLock lock(&mu_);
  mappings_->Resize(cache_blocks);
  if (dirty_) dirty_->Resize(BitsetWords(cache_blocks));
  if (tm_->failed()) {
    AbortLocked(machine);
    return false;
  }
  cache_blocks_ = cache_blocks;
  return true;
}

bool CacheMetadata::needs_check() const {
  absl::MutexLock lock(&mu_);
  return needs_check_;
}

CacheMetadata::Misses CacheMetadata::misses() const {
  absl::MutexLock lock(&mu_);
  return misses_;
}

CacheMetadata::Step CacheMetadata::WriteLocked(uint64_t discard_blocks,
                                               bool policy_has_hints) {
  // No block is dirty, so only a bitset, which is written anew, changes.
  if (dirty_) {
    dirty_->Delete();
    dirty_ = DiskArray::New(*tm_, kWordBytes, BitsetWords(cache_blocks_));
  }
  if (tm_->failed()) return Step::kDirtyBits;
  discards_->Resize(BitsetWords(discard_blocks));
  for (uint64_t word = 0; word < discards_->size(); ++word) {
    discards_->Set(word);
  }
  if (tm_->failed()) return Step::kDiscardBits;
  if (policy_has_hints) {
    if (hints_) hints_->Delete();
    hints_ = DiskArray::New(*tm_, kHintBytes, cache_blocks_);
  }
  if (tm_->failed()) return Step::kHints;
  CommitLocked();
  return tm_->failed() ? Step::kCommit : Step::kAllDone;
}

CacheMetadata::Step CacheMetadata::Sync(Machine& machine,
                                        uint64_t discard_blocks,
                                        bool policy_has_hints, Misses misses) {
  absl::MutexLock lock(&mu_);
  const Misses before = std::exchange(misses_, misses);
  const Step step = WriteLocked(discard_blocks, policy_has_hints);
  if (step == Step::kAllDone) return step;
  misses_ = before;
  AbortLocked(machine);
  return step;
}

void CacheMetadata::Commit() {
  absl::MutexLock lock(&mu_);
  CommitLocked();
}

void CacheMetadata::CommitLocked() {
  tm_->PreCommit();
  if (tm_->failed()) return;
  tm_->Commit();
  SaveLocked();
}

void CacheMetadata::SaveLocked() {
  NumberWriter out;
  for (uint64_t n :
       {data_block_size_, uint64_t{needs_check_ ? 1u : 0u}, cache_blocks_,
        uint64_t{misses_.reads}, uint64_t{misses_.writes}}) {
    out.Put(n);
  }
  for (const std::optional<DiskArray>* array :
       {&mappings_, &dirty_, &discards_, &hints_}) {
    out.Put(array->has_value() ? 1 : 0);
    if (array->has_value()) (*array)->Save(&out);
  }
  tm_->Save(&out);
  committed_ = out.bytes();
  WriteMetadataImage(dev_, kSuperblock, committed_);
}

bool CacheMetadata::LoadLocked(const KernelProfile& profile,
                               absl::string_view state) {
  // The arrays point to the transaction manager, which comes behind them.
  struct Saved {
    bool present;
    uint64_t root, size;
  };
  committed_ = std::string(state);
  NumberReader in(state);
  in.Get();  // the data block size
  needs_check_ = in.Get() != 0;
  cache_blocks_ = in.Get();
  misses_.reads = static_cast<uint32_t>(in.Get());
  misses_.writes = static_cast<uint32_t>(in.Get());
  Saved saved[4];
  for (Saved& s : saved) {
    s.present = in.Get() != 0;
    s.root = s.present ? in.Get() : 0;
    s.size = s.present ? in.Get() : 0;
  }
  tm_ = std::make_unique<TransactionManager>(profile, &in);
  std::optional<DiskArray>* const arrays[] = {&mappings_, &dirty_, &discards_,
                                              &hints_};
  for (size_t i = 0; i < 4; ++i) {
    arrays[i]->reset();
    if (!saved[i].present) continue;
    arrays[i]->emplace(*tm_, i == 3 ? kHintBytes : kWordBytes, saved[i].root,
                       saved[i].size);
  }
  return in.ok() && mappings_.has_value() && discards_.has_value();
}

uint64_t CacheMetadata::used() const {
  absl::MutexLock lock(&mu_);
  return tm_->nr_used();
}

uint64_t CacheMetadata::blocks() const {
  absl::MutexLock lock(&mu_);
  return tm_->nr_blocks();
}

}  // namespace dmdax
