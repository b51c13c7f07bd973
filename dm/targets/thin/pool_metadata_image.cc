// SPDX-License-Identifier: Apache-2.0
//
// A pool's metadata on its device, in our own form: all of them, and behind
// them what each commit has changed.
#include <cstdint>
#include <memory>
#include <vector>

#include "dm/targets/persistent/metadata_image.h"
#include "dm/targets/thin/pool_metadata.h"

namespace dmdax {

void PoolMetadata::PutHeader(NumberWriter* out) const {
  for (uint64_t n :
       {uint64_t{needs_check_ ? 1u : 0u}, root_, details_root_, held_root_,
        held_mapping_, held_details_, time_, transaction_id_}) {
    out->Put(n);
  }
}

void PoolMetadata::PutDetails(uint64_t id, const Device& device,
                              NumberWriter* out) {
  for (uint64_t n : {id, device.mapped_blocks, device.snapshotted_time,
                     device.transaction_id, device.creation_time}) {
    out->Put(n);
  }
}

absl::Status PoolMetadata::Save() {
  // A quarter of what is there, at least, was not superseded when it was
  // written; so all is written seldom enough to cost less than the changes.
  const bool appends =
      committed_all_ > 0 && committed_.size() < 4 * committed_all_;
  return appends ? SaveChanges() : SaveAll();
}

absl::Status PoolMetadata::SaveAll() {
  NumberWriter out;
  out.Put(data_block_size_);
  PutHeader(&out);
  out.Put(details_.size());
  for (const auto& [id, device] : details_) PutDetails(id, device, &out);
  tm_->Save(&out);
  data_->Save(&out);
  tm_->ForgetChanges();
  data_->ForgetChanges();
  changed_details_.clear();
  no_changes_ = TakeChanges();
  committed_all_ = 0;
  absl::Status s = WriteMetadataImage(dev_, kSuperblock, out.bytes());
  if (!s.ok()) return s;
  committed_ = out.bytes();
  if (HasRoomForImage(dev_, committed_.size())) {
    committed_all_ = committed_.size();
  }
  return s;
}

std::string PoolMetadata::TakeChanges() {
  NumberWriter out;
  PutHeader(&out);
  std::vector<uint64_t> gone;
  for (const uint64_t id : changed_details_) {
    if (!details_.contains(id)) gone.push_back(id);
  }
  out.Put(gone.size());
  for (const uint64_t id : gone) out.Put(id);
  out.Put(changed_details_.size() - gone.size());
  for (const uint64_t id : changed_details_) {
    const auto it = details_.find(id);
    if (it != details_.end()) PutDetails(id, it->second, &out);
  }
  changed_details_.clear();
  tm_->SaveChanges(&out);
  data_->SaveChanges(&out);
  return out.bytes();
}

absl::Status PoolMetadata::SaveChanges() {
  const std::string changes = TakeChanges();
  const size_t written = committed_.size();
  // A commit of nothing leaves the device as it was; the superblock is written
  // all the same, as the kernel does.
  if (changes != no_changes_) {
    if (!HasRoomForImage(dev_, written + changes.size())) return SaveAll();
    committed_ += changes;
    no_changes_ = TakeChanges();
  }
  absl::Status s =
      AppendToMetadataImage(dev_, kSuperblock, committed_, written);
  if (!s.ok()) {
    committed_.resize(written);
    committed_all_ = 0;
  }
  return s;
}

void PoolMetadata::LoadHeader(NumberReader* in) {
  needs_check_ = needs_check_written_ = in->Get() != 0;
  for (uint64_t* n : {&root_, &details_root_, &held_root_, &held_mapping_,
                      &held_details_, &time_, &transaction_id_}) {
    *n = in->Get();
  }
}

void PoolMetadata::LoadDetails(NumberReader* in) {
  for (uint64_t n = in->Get(); n > 0 && in->ok(); --n) {
    Device& device = details_[in->Get()];
    for (uint64_t* field : {&device.mapped_blocks, &device.snapshotted_time,
                            &device.transaction_id, &device.creation_time}) {
      *field = in->Get();
    }
  }
}

bool PoolMetadata::Load(absl::string_view state) {
  NumberReader in(state);
  in.Get();  // the data block size
  LoadHeader(&in);
  LoadDetails(&in);
  tm_ = std::make_unique<TransactionManager>(machine_.profile(), &in);
  data_ = std::make_unique<DiskSpaceMap>(*tm_, &in);
  const size_t all = state.size() - in.left();
  while (in.ok() && !in.at_end()) {
    LoadHeader(&in);
    for (uint64_t n = in.Get(); n > 0 && in.ok(); --n) details_.erase(in.Get());
    LoadDetails(&in);
    tm_->LoadChanges(&in);
    data_->LoadChanges(&in);
  }
  if (!in.ok()) return false;
  committed_root_ = root_;
  committed_details_ = details_root_;
  // Who loads them goes on where they were left, byte by byte.
  tm_->ForgetChanges();
  data_->ForgetChanges();
  changed_details_.clear();
  no_changes_ = TakeChanges();
  committed_ = std::string(state);
  committed_all_ = all;
  return true;
}

}  // namespace dmdax
