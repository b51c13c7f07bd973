// SPDX-License-Identifier: Apache-2.0
//
// EraMetadata: in which era each block was last written, on a metadata device.
//
//   writeset       bits of the blocks written in the current era
//   writeset tree  era -> writeset, of eras that have ended
//   era array      era of each block, into which old writesets are digested
//
// The kernel's worker digests step by step once something else has woken it,
// and what it has copied is not committed before the next thing it is asked
// for. How many blocks are in use depends on how far it has come, so each step
// is imitated, at a speed at which a small writeset is digested before the next
// command and a large one is not.
//
// Mirrors: struct era_metadata, struct digest, do_work of
// drivers/md/dm-era-target.c (4.14 to 7.2).
// Threading: thread-compatible.
#ifndef DMDAX_DM_TARGETS_ERA_ERA_METADATA_H_
#define DMDAX_DM_TARGETS_ERA_ERA_METADATA_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "dm/device_mapper.h"
#include "dm/targets/persistent/btree.h"
#include "dm/targets/persistent/disk_array.h"
#include "dm/targets/persistent/transaction_manager.h"

namespace dmdax {

class EraMetadata {
 public:
  static absl::StatusOr<std::unique_ptr<EraMetadata>> Open(const DmTarget& ti,
                                                           const DmDev& dev,
                                                           uint64_t block_size);

  // What the worker does on behalf of others; 0 or an errno.
  int Checkpoint();
  int TakeSnap();
  int DropSnap();
  // era_preresume(), era_postsuspend().
  int Preresume(uint64_t nr_blocks);
  void Postsuspend();
  // A write to `block`, of which the era has to know first; 0 or an errno.
  int Write(uint64_t block);

  struct Stats {
    uint64_t used, total, snap, era;
  };
  int GetStats(Stats* stats);

 private:
  struct Writeset {
    uint64_t root = 0;  // 0: there is none
    uint64_t nr_bits = 0;
    std::set<uint64_t> bits;
  };
  enum class Digest { kIdle, kLookup, kTranscribe, kRemove };

  EraMetadata(Machine& machine, const DmDev& dev, uint64_t block_size)
      : machine_(machine),
        dev_(dev),
        block_size_(block_size),
        since_(machine.NowSeconds()) {}
  bool Format();
  bool Load(absl::string_view state);
  BtreeInfo Writesets();
  DiskArray BitsetOf(const Writeset& ws);

  // do_work(): a step of the digest, and then `rpc`, which is committed.
  int InWorker(absl::FunctionRef<int()> rpc);
  // The runs of the worker that its digest asks for itself.
  void RunDigest(uint64_t steps);
  // kick_off_digest()
  void KickOffDigest();
  void DigestStep();
  int Archive();
  int Rollover();
  // dm_bitset_flush() of the current writeset.
  int FlushBits();
  // The root of the bits was to be written first, and was not; -> errno.
  int ReadLostRoot();
  // metadata_commit(): 0, or EIO, which the log explains.
  int Commit();
  absl::Status Save();
  int Say(absl::string_view text);

  Machine& machine_;
  const DmDev dev_;
  const uint64_t block_size_;
  std::unique_ptr<TransactionManager> tm_;
  uint64_t tree_root_ = 0;
  std::optional<DiskArray> eras_;
  uint64_t nr_blocks_ = 0, current_era_ = 0, snap_ = 0;
  uint64_t snap_tree_ = 0, snap_array_ = 0;
  Writeset current_;
  // The word of the writeset that is at hand, and the same if it has changed
  // and is not written yet.
  std::optional<uint64_t> word_;
  std::optional<uint64_t> dirty_word_;
  // Blocks that were written, and whether others may have been before this
  // life.
  std::set<uint64_t> written_;
  bool had_a_life_ = false;
  // What the cache of blocks let go of when it could not be written: all that
  // is there to be read is what was on the disk before.
  uint64_t lost_root_ = 0;
  uint64_t resumed_blocks_ = 0;  // struct era's
  // By the root of its bitset, of all writesets that are archived.
  std::map<uint64_t, Writeset> archived_;
  bool new_archive_ = false;
  Digest digest_ = Digest::kIdle;
  uint64_t digest_era_ = 0, digest_bit_ = 0;
  int64_t since_;  // when the worker last had something to do
  Writeset digested_;
};

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_ERA_ERA_METADATA_H_
