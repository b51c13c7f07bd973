// SPDX-License-Identifier: Apache-2.0
#include "dm/targets/clone/clone_metadata.h"

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "dm/targets/persistent/metadata_image.h"

namespace dmdax {
namespace {

constexpr char kPrefix[] = "clone metadata";
constexpr SuperblockFormat kSuperblock = {.log_prefix = kPrefix,
                                          .magic = 0x8af27f64,
                                          .check = "Superblock check failed",
                                          .wanted = ", expected "};
constexpr uint32_t kWordBytes = 8;

}  // namespace

absl::StatusOr<std::unique_ptr<CloneMetadata>> CloneMetadata::Open(
    const DmTarget& ti, const DmDev& dev, uint64_t region_size,
    uint64_t nr_regions) {
  Machine& machine = MachineOf(ti);
  auto say = [&](absl::string_view text) {
    DmLog(machine, KernLevel::kErr, kPrefix, text);
  };
  absl::StatusOr<std::optional<std::string>> state =
      ReadMetadataImage(ti, dev, kSuperblock);
  if (!state.ok()) {
    if (!IsNotModelled(state.status()) && ErrnoOf(state.status()) != EIO) {
      say("Failed to read_lock superblock");
    }
    return state.status();
  }
  std::unique_ptr<CloneMetadata> cmd(
      new CloneMetadata(machine, dev, region_size));
  if (!state->has_value()) {
    if (const int err = cmd->Format(nr_regions)) {
      return ErrnoError(err, "no new metadata");
    }
    return cmd;
  }
  NumberReader in(**state);
  const uint64_t old_size = in.Get(), old_regions = in.Get();
  if (old_size != region_size || old_regions != nr_regions) {
    say("Region and/or target size don't match the ones in metadata");
    return ErrnoError(EINVAL, "another size");
  }
  if (!cmd->Load(**state)) return ErrnoError(EILSEQ, "bad metadata");
  return cmd;
}

int CloneMetadata::Format(uint64_t nr_regions) {
  auto fail = [&](absl::string_view text, int err = ENOSPC) {
    DmLog(machine_, KernLevel::kErr, kPrefix, text);
    return err;
  };
  tm_ = std::make_unique<TransactionManager>(machine_.profile(),
                                             MetadataBlocks(dev_));
  if (tm_->failed()) {
    DmLog(machine_, KernLevel::kErr, "transaction manager",
          "couldn't create metadata space map");
    return fail("Failed to create transaction manager");
  }
  bitset_.emplace(*tm_, kWordBytes);
  if (tm_->failed()) {
    LogNoMetadataSpace(machine_, *tm_);
    return fail("Failed to create empty on-disk bitset");
  }
  bitset_->Resize(BitsetWords(nr_regions));
  if (tm_->failed()) {
    LogNoMetadataSpace(machine_, *tm_);
    return fail(absl::StrCat("Failed to resize on-disk bitset to ", nr_regions,
                             " entries"));
  }
  hydrated_.assign(nr_regions, false);
  tm_->PreCommit();
  tm_->Commit();
  return Save().ok() ? 0 : fail("dm_tm_pre_commit failed", EIO);
}

uint64_t CloneMetadata::NextUnhydrated(uint64_t region) const {
  while (region < hydrated_.size() && hydrated_[region]) ++region;
  return region;
}

void CloneMetadata::SetHydrated(uint64_t region) {
  if (hydrated_[region]) return;
  hydrated_[region] = true;
  ++nr_hydrated_;
  dirty_words_.insert(region / 64);
}

int CloneMetadata::Commit() {
  auto fail = [&](int err, absl::string_view text) {
    if (err == ENOSPC) LogNoMetadataSpace(machine_, *tm_);
    DmLog(machine_, KernLevel::kErr, kPrefix, text);
    return err;
  };
  for (uint64_t word : dirty_words_) bitset_->Set(word);
  if (tm_->failed()) return fail(ENOSPC, "dm_bitset_set_bit failed");
  tm_->PreCommit();
  if (tm_->failed()) return fail(ENOSPC, "dm_tm_pre_commit failed");
  tm_->Commit();
  if (!Save().ok()) return fail(EIO, "dm_tm_pre_commit failed");
  dirty_words_.clear();
  return 0;
}

bool CloneMetadata::Abort(const DmTarget& ti) {
  const uint64_t regions = hydrated_.size();
  dirty_words_.clear();
  const std::optional<std::string> state =
      ReadLastCommit(ti, dev_, kSuperblock, committed_);
  if (!state) {
    DmLog(machine_, KernLevel::kErr, kPrefix, "Failed to read_lock superblock");
    return false;
  }
  hydrated_.clear();
  nr_hydrated_ = 0;
  if (Load(*state) && hydrated_.size() == regions) return true;
  hydrated_.resize(regions);
  return false;
}

absl::Status CloneMetadata::Save() {
  NumberWriter out;
  out.Put(region_size_);
  out.Put(hydrated_.size());
  // Runs of regions that are alike, the first of them not copied.
  uint64_t run = 0;
  bool is = false;
  for (bool hydrated : hydrated_) {
    if (hydrated != is) {
      out.Put(run);
      run = 0;
      is = hydrated;
    }
    ++run;
  }
  out.Put(run);
  bitset_->Save(&out);
  tm_->Save(&out);
  absl::Status s = WriteMetadataImage(dev_, kSuperblock, out.bytes());
  if (s.ok()) committed_ = out.bytes();
  return s;
}

bool CloneMetadata::Load(absl::string_view state) {
  NumberReader in(state);
  in.Get();  // the region size
  const uint64_t regions = in.Get();
  for (bool is = false; hydrated_.size() < regions && in.ok(); is = !is) {
    const uint64_t run = in.Get();
    if (run > regions - hydrated_.size()) return false;
    hydrated_.insert(hydrated_.end(), run, is);
    if (is) nr_hydrated_ += run;
  }
  const uint64_t root = in.Get(), size = in.Get();
  tm_ = std::make_unique<TransactionManager>(machine_.profile(), &in);
  bitset_.emplace(*tm_, kWordBytes, root, size);
  return in.ok();
}

}  // namespace dmdax
