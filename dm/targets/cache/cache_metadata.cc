// SPDX-License-Identifier: Apache-2.0
#include "dm/targets/cache/cache_metadata.h"

#include <cerrno>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "dm/bio_map.h"
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
  if (const int err = CommitLocked()) return ErrnoError(err, "no commit");
  return absl::OkStatus();
}

// Back to what the device has, after which the metadata need a check.
void CacheMetadata::AbortLocked(const DmTarget& ti) {
  if (tm_->failed()) LogNoMetadataSpace(MachineOf(ti), *tm_);
  const std::optional<std::string> state =
      ReadLastCommit(ti, dev_, kSuperblock, committed_);
  if (!state || !LoadLocked(ProfileOf(ti), *state)) {
    fail_io_ = true;
    return;
  }
  needs_check_ = true;
  WriteNeedsCheckLocked();
}

void CacheMetadata::WriteNeedsCheck() {
  absl::MutexLock lock(&mu_);
  WriteNeedsCheckLocked();
}

void CacheMetadata::WriteNeedsCheckLocked() {
  if (fail_io_ || !needs_check_ || needs_check_written_) return;
  needs_check_written_ = SaveLocked().ok();
}

int CacheMetadata::Resize(const DmTarget& ti, uint64_t cache_blocks) {
  absl::MutexLock lock(&mu_);
  mappings_->Resize(cache_blocks);
  if (dirty_) dirty_->Resize(BitsetWords(cache_blocks));
  if (tm_->failed()) {
    AbortLocked(ti);
    return ENOSPC;
  }
  cache_blocks_ = cache_blocks;
  return 0;
}

bool CacheMetadata::fail_io() const {
  absl::MutexLock lock(&mu_);
  return fail_io_;
}

bool CacheMetadata::needs_check() const {
  absl::MutexLock lock(&mu_);
  return needs_check_;
}

CacheMetadata::Misses CacheMetadata::misses() const {
  absl::MutexLock lock(&mu_);
  return misses_;
}

int CacheMetadata::WriteLocked(const DmTarget& ti, uint64_t discard_blocks,
                               bool policy_has_hints, Step* step) {
  // No block is dirty, so only a bitset, which is written anew, changes.
  *step = Step::kDirtyBits;
  if (dirty_) {
    dirty_->Delete();
    dirty_ = DiskArray::New(*tm_, kWordBytes, BitsetWords(cache_blocks_));
  }
  if (tm_->failed()) return ENOSPC;
  *step = Step::kDiscardBits;
  // The first time they are written the space map is read for blocks.
  std::vector<char> block(kPageSize);
  if (discards_->size() == 0 &&
      !BioRead(*dev_.bdev, sector_t{0}, absl::MakeSpan(block)).ok()) {
    DmLog(MachineOf(ti), KernLevel::kErr, "space map metadata",
          "unable to allocate new metadata block");
    return EIO;
  }
  discards_->Resize(BitsetWords(discard_blocks));
  for (uint64_t word = 0; word < discards_->size(); ++word) {
    discards_->Set(word);
  }
  if (tm_->failed()) return ENOSPC;
  *step = Step::kHints;
  if (policy_has_hints) {
    if (hints_) hints_->Delete();
    hints_ = DiskArray::New(*tm_, kHintBytes, cache_blocks_);
  }
  if (tm_->failed()) return ENOSPC;
  *step = Step::kCommit;
  if (const int err = CommitLocked()) return err;
  *step = Step::kAllDone;
  return 0;
}

int CacheMetadata::Sync(const DmTarget& ti, uint64_t discard_blocks,
                        bool policy_has_hints, Misses misses, Step* step) {
  absl::MutexLock lock(&mu_);
  const Misses before = std::exchange(misses_, misses);
  const int err = WriteLocked(ti, discard_blocks, policy_has_hints, step);
  if (err == 0) return 0;
  misses_ = before;
  AbortLocked(ti);
  return err;
}

int CacheMetadata::Commit(const DmTarget& ti) {
  absl::MutexLock lock(&mu_);
  const int err = CommitLocked();
  if (err != 0) AbortLocked(ti);
  return err;
}

int CacheMetadata::CommitLocked() {
  tm_->PreCommit();
  if (tm_->failed()) return ENOSPC;
  tm_->Commit();
  return SaveLocked().ok() ? 0 : EIO;
}

absl::Status CacheMetadata::SaveLocked() {
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
  absl::Status s = WriteMetadataImage(dev_, kSuperblock, out.bytes());
  if (s.ok()) committed_ = out.bytes();
  return s;
}

bool CacheMetadata::LoadLocked(const KernelProfile& profile,
                               absl::string_view state) {
  // The arrays point to the transaction manager, which comes behind them.
  struct Saved {
    bool present;
    uint64_t root, size;
  };
  NumberReader in(state);
  in.Get();  // the data block size
  needs_check_ = needs_check_written_ = in.Get() != 0;
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
