// SPDX-License-Identifier: Apache-2.0
//
// The integrity payload that a bio brings to an integrity target without a hash
// of its own: so many bytes with each of its blocks.
// Mirrors: bip_iter of integrity_metadata of drivers/md/dm-integrity.c.
// Threading: thread-safe.
#ifndef DMDAX_DM_TARGETS_INTEGRITY_INTEGRITY_PROFILE_H_
#define DMDAX_DM_TARGETS_INTEGRITY_INTEGRITY_PROFILE_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "block/block_device.h"

namespace dmdax {

// Of `blocks` blocks from `sector` on, one after the other.  EOPNOTSUPP: the
// device is no integrity target; else the errors of the one below.
absl::StatusOr<std::string> ReadIntegrityPayload(const BlockDevice& bdev,
                                                 sector_t sector,
                                                 uint64_t blocks);
absl::Status WriteIntegrityPayload(const BlockDevice& bdev, sector_t sector,
                                   absl::string_view payload);

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_INTEGRITY_INTEGRITY_PROFILE_H_
