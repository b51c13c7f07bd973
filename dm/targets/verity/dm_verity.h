// SPDX-License-Identifier: Apache-2.0
//
// What the files of the verity target share.
// Mirrors: drivers/md/dm-verity.h, dm-verity-fec.h (4.14 to 7.2).
// Threading: nothing but `failed` changes once the constructor is done.
#ifndef DMDAX_DM_TARGETS_VERITY_DM_VERITY_H_
#define DMDAX_DM_TARGETS_VERITY_DM_VERITY_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "dm/device_mapper.h"

namespace dmdax {

struct Verity : DmTargetPrivate {
  uint32_t version;
  const DmDev* data_dev;
  const DmDev* hash_dev;
  uint32_t data_block;  // bytes
  uint32_t hash_block;  // bytes
  uint64_t data_blocks;
  uint64_t hash_start;  // blocks
  uint64_t hash_end;    // where the tree ends
  unsigned levels = 0;  // of the tree
  unsigned hash_per_block_bits = 0;
  std::vector<uint64_t> level_start;  // blocks, by level; 0: the lowest
  std::atomic<int> corrupted_errs{0};
  // A read has found a block that its hash does not fit.
  std::atomic<bool> failed{false};
  std::string alg, digest, salt;

  // Option words as the table shows them; "" where none was given.
  absl::string_view mode, error_mode;
  bool hash_needs_key = false;  // and has none, so that nothing is hashed
  bool ignore_zero_blocks = false;
  bool check_at_most_once = false;
  bool verify_in_tasklet = false;

  // Hash blocks that fit what is above them, and with check_at_most_once the
  // data blocks that have been seen.
  absl::Mutex mu;
  std::map<uint64_t, std::vector<char>> verified ABSL_GUARDED_BY(mu);
  std::set<uint64_t> validated ABSL_GUARDED_BY(mu);

  const DmDev* fec_dev = nullptr;  // null: no error correction
  uint64_t fec_blocks = 0;
  uint64_t fec_start = 0;
  uint32_t fec_roots = 0;
};

// verity_parse_opt_args(): the words after the salt.
absl::Status ParseVerityOptions(DmTarget& ti,
                                absl::Span<const std::string> argv, Verity* v);

// The kernels that read these words a first time before all else: only whether
// their number is right, and try_verify_in_tasklet.
absl::Status PreparseVerityOptions(const DmTarget& ti,
                                   absl::Span<const std::string> argv);

// Says in the log that nothing can be hashed without a key.
void LogVerityHashError(const DmTarget& ti);

// verity_fec_ctr(): whether the words about error correction agree.
absl::Status CheckVerityFec(const Verity& v);

// ->end_io: reads are checked.
int VerityEndIo(const DmTarget& ti, const DmBio& bio);

// ->status.
void VerityStatus(const DmTarget& ti, StatusType type, uint32_t status_flags,
                  std::string* out);

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_VERITY_DM_VERITY_H_
