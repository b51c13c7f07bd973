// SPDX-License-Identifier: Apache-2.0
#include "dm/targets/era/era_metadata.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "dm/targets/persistent/metadata_image.h"

namespace dmdax {
namespace {

constexpr char kPrefix[] = "era";
constexpr SuperblockFormat kSuperblock = {.log_prefix = kPrefix,
                                          .magic = 2126579579};
constexpr uint32_t kEraBytes = 4, kWordBytes = 8, kWritesetBytes = 12;
constexpr uint64_t kInsertsPerStep = 100;
// Steps of the digest until the next request, until the next command, and in
// each second of the machine's clock.
constexpr uint64_t kStepsAtOnce = 50, kStepsBeforeCommand = 300;
constexpr uint64_t kStepsPerSecond = 50000;

}  // namespace

absl::StatusOr<std::unique_ptr<EraMetadata>> EraMetadata::Open(
    const DmTarget& ti, const DmDev& dev, uint64_t block_size) {
  Machine& machine = MachineOf(ti);
  absl::StatusOr<std::optional<std::string>> state =
      ReadMetadataImage(ti, dev, kSuperblock);
  std::unique_ptr<EraMetadata> md(new EraMetadata(machine, dev, block_size));
  if (!state.ok()) {
    if (!IsNotModelled(state.status()) && ErrnoOf(state.status()) != EIO) {
      md->Say("couldn't read_lock superblock");
    }
    return state.status();
  }
  if (!state->has_value()) {
    if (!md->Format()) return ErrnoError(ENOSPC, "no metadata space");
    return md;
  }
  NumberReader in(**state);
  if (const uint64_t old = in.Get(); old != block_size) {
    md->Say(absl::StrCat("changing the data block size (from ", old, " to ",
                         block_size, ") is not supported"));
    return ErrnoError(EINVAL, "another data block size");
  }
  if (!md->Load(**state)) return ErrnoError(EILSEQ, "bad metadata");
  return md;
}

int EraMetadata::Say(absl::string_view text) {
  DmLog(machine_, KernLevel::kErr, kPrefix, text);
  return EINVAL;
}

BtreeInfo EraMetadata::Writesets() {
  return {.value_size = kWritesetBytes,
          .refer = [this](uint64_t root, int change) {
            if (change > 0) {
              tm_->Inc(root);
            } else {
              DiskArray(*tm_, kWordBytes, root, 0).Delete();
            }
          }};
}

DiskArray EraMetadata::BitsetOf(const Writeset& ws) {
  return DiskArray(*tm_, kWordBytes, ws.root, BitsetWords(ws.nr_bits));
}

bool EraMetadata::Format() {
  tm_ = std::make_unique<TransactionManager>(machine_.profile(),
                                             MetadataBlocks(dev_));
  if (tm_->failed()) {
    DmLog(machine_, KernLevel::kErr, "transaction manager",
          "couldn't create metadata space map");
    Say("dm_tm_create_with_sm failed");
    return false;
  }
  auto fail = [&](absl::string_view text) {
    LogNoMetadataSpace(machine_, *tm_);
    Say(text);
    return false;
  };
  tree_root_ = BtreeEmpty(*tm_, Writesets());
  if (tm_->failed()) return fail("couldn't create new writeset tree");
  eras_.emplace(*tm_, kEraBytes);
  if (tm_->failed()) return fail("couldn't create era array");
  // Unlike the others, era writes its first superblock without a commit of the
  // space map.
  tm_->Commit();
  return Save().ok();
}

int EraMetadata::ReadLostRoot() {
  DmLog(machine_, KernLevel::kErr, "btree spine",
        absl::StrCat("node_check failed: blocknr 0 != wanted ", lost_root_));
  DmLog(
      machine_, KernLevel::kErr, "block manager",
      absl::StrCat("btree_node validator check failed for block ", lost_root_));
  return ENOTBLK;
}

int EraMetadata::FlushBits() {
  if (!dirty_word_ || current_.root == 0) return 0;
  if (lost_root_ == current_.root) return ReadLostRoot();
  DiskArray bitset = BitsetOf(current_);
  bitset.Set(*dirty_word_);
  current_.root = bitset.root();
  dirty_word_.reset();
  return 0;
}

int EraMetadata::Commit() {
  if (const int err = FlushBits()) {
    Say("metadata_commit: bitset flush failed");
    return err;
  }
  tm_->PreCommit();
  if (tm_->failed()) return 0;
  if (Save().ok()) {
    written_.insert(tm_->shadows().begin(), tm_->shadows().end());
    tm_->Commit();
    return 0;
  }
  // The transaction goes on, without what was not written.
  if (!had_a_life_ && tm_->shadows().contains(current_.root) &&
      !written_.contains(current_.root)) {
    lost_root_ = current_.root;
  }
  Say("metadata_commit: pre commit failed");
  return EIO;
}

absl::Status EraMetadata::Save() {
  NumberWriter out;
  auto put_writeset = [&](const Writeset& ws) {
    out.Put(ws.root);
    out.Put(ws.nr_bits);
    out.Put(ws.bits.size());
    for (uint64_t bit : ws.bits) out.Put(bit);
  };
  for (uint64_t n : {block_size_, tree_root_, eras_->root(), eras_->size(),
                     nr_blocks_, current_era_, snap_, snap_tree_, snap_array_,
                     uint64_t{archived_.size()}}) {
    out.Put(n);
  }
  for (const auto& [root, ws] : archived_) put_writeset(ws);
  put_writeset(current_);
  tm_->Save(&out);
  return WriteMetadataImage(dev_, kSuperblock, out.bytes());
}

bool EraMetadata::Load(absl::string_view state) {
  NumberReader in(state);
  auto get_writeset = [&] {
    Writeset ws;
    ws.root = in.Get();
    ws.nr_bits = in.Get();
    for (uint64_t n = in.Get(); n > 0 && in.ok(); --n) ws.bits.insert(in.Get());
    return ws;
  };
  in.Get();  // the block size
  tree_root_ = in.Get();
  const uint64_t array_root = in.Get(), array_size = in.Get();
  uint64_t archived = 0;
  for (uint64_t* n : {&nr_blocks_, &current_era_, &snap_, &snap_tree_,
                      &snap_array_, &archived}) {
    *n = in.Get();
  }
  for (; archived > 0 && in.ok(); --archived) {
    Writeset ws = get_writeset();
    archived_[ws.root] = std::move(ws);
  }
  current_ = get_writeset();
  tm_ = std::make_unique<TransactionManager>(machine_.profile(), &in);
  eras_.emplace(*tm_, kEraBytes, array_root, array_size);
  had_a_life_ = true;
  new_archive_ = true;
  return in.ok();
}

void EraMetadata::DigestStep() {
  switch (digest_) {
    case Digest::kIdle:
      return;
    case Digest::kLookup: {
      const std::optional<uint64_t> era = BtreeLowestKey(*tm_, tree_root_);
      if (!era) {
        digest_ = Digest::kIdle;
        return;
      }
      digest_era_ = *era;
      digested_ = archived_[*BtreeLookup(*tm_, tree_root_, *era)];
      digest_bit_ = 0;
      digest_ = Digest::kTranscribe;
      return;
    }
    case Digest::kTranscribe: {
      const uint64_t bits = std::min(digested_.nr_bits, nr_blocks_);
      const uint64_t end = std::min(digest_bit_ + kInsertsPerStep, bits);
      for (auto it = digested_.bits.lower_bound(digest_bit_);
           it != digested_.bits.end() && *it < end; ++it) {
        eras_->Set(*it);
      }
      digest_bit_ = end;
      if (end == bits) digest_ = Digest::kRemove;
      return;
    }
    case Digest::kRemove:
      tree_root_ = BtreeRemove(*tm_, Writesets(), tree_root_, digest_era_);
      digest_ = Digest::kLookup;
      return;
  }
}

void EraMetadata::KickOffDigest() {
  if (std::exchange(new_archive_, false) && digest_ == Digest::kIdle) {
    digest_ = Digest::kLookup;
  }
}

void EraMetadata::RunDigest(uint64_t steps) {
  for (; steps > 0 && digest_ != Digest::kIdle; --steps) {
    KickOffDigest();
    DigestStep();
  }
}

int EraMetadata::InWorker(absl::FunctionRef<int()> rpc) {
  const int64_t now = machine_.NowSeconds();
  const int64_t seconds = std::clamp<int64_t>(now - since_, 0, 1000);
  since_ = now;
  RunDigest(kStepsBeforeCommand +
            static_cast<uint64_t>(seconds) * kStepsPerSecond);
  KickOffDigest();
  DigestStep();
  int err = rpc();
  if (const int commit_err = Commit()) err = commit_err;
  RunDigest(kStepsAtOnce);
  return err;
}

int EraMetadata::Archive() {
  if (const int err = FlushBits()) {
    Say("metadata_era_archive: dm_bitset_flush failed");
    return err;
  }
  tree_root_ =
      BtreeInsert(*tm_, Writesets(), tree_root_, current_era_, current_.root);
  archived_[current_.root] = current_;
  current_ = Writeset();
  new_archive_ = true;
  return 0;
}

int EraMetadata::Rollover() {
  if (const int err = current_.root == 0 ? 0 : Archive()) {
    Say("metadata_era_rollover: metadata_archive_era failed");
    return err;
  }
  current_.nr_bits = nr_blocks_;
  current_.root =
      DiskArray::New(*tm_, kWordBytes, BitsetWords(nr_blocks_)).root();
  ++current_era_;
  return 0;
}

int EraMetadata::Checkpoint() {
  return InWorker([&] { return Rollover(); });
}

int EraMetadata::TakeSnap() {
  return InWorker([&] {
    if (snap_ != 0) {
      return Say("metadata_take_snap: metadata snapshot already exists");
    }
    if (const int err = Rollover()) {
      Say("metadata_take_snap: era rollover failed");
      return err;
    }
    if (const int err = Commit()) {
      Say("metadata_take_snap: pre commit failed");
      return err;
    }
    bool shared;
    tm_->Inc(0);
    const uint64_t copy = tm_->Shadow(0, &shared);
    tm_->Inc(tree_root_);
    tm_->Inc(eras_->root());
    snap_ = copy;
    snap_tree_ = tree_root_;
    snap_array_ = eras_->root();
    return 0;
  });
}

int EraMetadata::DropSnap() {
  return InWorker([&] {
    if (snap_ == 0) return Say("metadata_drop_snap: no snap to drop");
    const uint64_t copy = std::exchange(snap_, 0);
    BtreeDel(*tm_, Writesets(), snap_tree_);
    DiskArray(*tm_, kEraBytes, snap_array_, 0).Delete();
    tm_->Dec(copy);
    return 0;
  });
}

int EraMetadata::Preresume(uint64_t nr_blocks) {
  if (nr_blocks != resumed_blocks_) {
    if (nr_blocks != nr_blocks_) eras_->Resize(nr_blocks);
    if (tm_->failed()) {
      LogNoMetadataSpace(machine_, *tm_);
      Say("metadata_resize: dm_array_resize failed");
      Say("era_preresume: metadata_resize failed");
      return ENOSPC;
    }
    nr_blocks_ = nr_blocks;
    if (const int err = Commit()) {
      Say("era_preresume: metadata_commit failed");
      return err;
    }
    resumed_blocks_ = nr_blocks;
  }
  const int err = Checkpoint();
  if (err != 0) Say("era_preresume: metadata_era_rollover failed");
  return err;
}

void EraMetadata::Postsuspend() {
  if (InWorker([&] { return Archive(); }) != 0) {
    Say("era_postsuspend: couldn't archive current era");
  }
  if (Commit() != 0) Say("era_postsuspend: metadata_commit failed");
}

int EraMetadata::Write(uint64_t block) {
  if (current_.root == 0 || current_.bits.contains(block)) return 0;
  KickOffDigest();
  DigestStep();
  const uint64_t word = block / 64;
  if (word_ != word) {
    // dm_bitset_set_bit() puts one back and gets the other.
    if (lost_root_ == current_.root) {
      ReadLostRoot();
      return EIO;
    }
    FlushBits();
  }
  word_ = dirty_word_ = word;
  current_.bits.insert(block);
  const int err = Commit();
  // The bits in memory have only what was committed.
  if (err != 0) current_.bits.erase(block);
  RunDigest(kStepsAtOnce);
  return err == 0 ? 0 : EIO;
}

int EraMetadata::GetStats(Stats* stats) {
  return InWorker([&] {
    *stats = {tm_->nr_used(), tm_->nr_blocks(), snap_, current_era_};
    return 0;
  });
}

}  // namespace dmdax
