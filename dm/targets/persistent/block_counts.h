// SPDX-License-Identifier: Apache-2.0
//
// BlockCounts: how often each block of a device is referenced, now and as of
// the last commit.  A block may be given out only if it is free in both, so
// that a crash finds the old tree whole.
//
// Mirrors: ll and old_ll of struct sm_metadata and sm_disk,
// sm_ll_find_common_free_block of drivers/md/persistent-data (6.1).
// Threading: thread-compatible.
#ifndef DMDAX_DM_TARGETS_PERSISTENT_BLOCK_COUNTS_H_
#define DMDAX_DM_TARGETS_PERSISTENT_BLOCK_COUNTS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>

#include "dm/targets/persistent/number_stream.h"

namespace dmdax {

class BlockCounts {
 public:
  uint64_t nr_blocks() const { return nr_blocks_; }
  void Grow(uint64_t blocks) { nr_blocks_ += blocks; }
  uint32_t Get(uint64_t block) const {
    auto it = counts_.find(block);
    return it == counts_.end() ? 0 : it->second;
  }
  // Adds `change` (1 or -1; a count never goes below 0).
  void Add(uint64_t block, int change);

  // nr_allocated, now and at the last commit.
  uint64_t allocated() const { return counts_.size(); }
  uint64_t committed_allocated() const { return committed_allocated_; }
  uint64_t committed_blocks() const { return committed_blocks_; }

  // The next block from where the last one was found, then from 0 on.
  std::optional<uint64_t> TakeFree();
  void SetBegin(uint64_t begin) { begin_ = begin; }
  uint64_t begin() const { return begin_; }

  void Commit();

  // As of a commit.  `begin` is not kept: who opens it begins at 0.
  void Save(NumberWriter* out) const;
  bool Load(NumberReader* in);
  // What is other than at the last of these two, or ForgetChanges().
  void SaveChanges(NumberWriter* out);
  void ForgetChanges() { changed_.clear(); }
  // After Load(), in the order in which they were saved.
  bool LoadChanges(NumberReader* in);

 private:
  std::optional<uint64_t> FindFree(uint64_t begin, uint64_t end) const;

  uint64_t nr_blocks_ = 0;
  uint64_t begin_ = 0;
  std::map<uint64_t, uint32_t> counts_;  // those that are not 0
  uint64_t committed_allocated_ = 0;
  uint64_t committed_blocks_ = 0;
  // Since the last commit: taken that were free, and freed that were taken.
  std::set<uint64_t> taken_, freed_;
  std::set<uint64_t> changed_;  // blocks whose count SaveChanges() has to say
};

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_PERSISTENT_BLOCK_COUNTS_H_
