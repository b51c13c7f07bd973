// SPDX-License-Identifier: Apache-2.0
//
// RouteBio: the path of a bio down a stack of mapped devices, for any target,
// DAX or not.  BioRead and BioWrite move data (see dm/bio/submit_bio.h); a disk
// is blank, all zeros, until something is written.
//
//   BioRoute route = RouteBio(*bdev, sector_t{24}, ReqOp::kRead);
//   route.hops.back();  // the disk, and the sector of it
//   route.kind;         // kRemapped; or zeros, dropped, an error on the way
//
// Time and suspension play no part: the path is the one that the bio takes when
// it is let through.  A target that counts bios (dust) counts these too.
// Mirrors: submit_bio_noacct, bio_check_eod of block/blk-core.c, __map_bio of
// drivers/md/dm.c (6.1).
// Threading: thread-safe, as long as no device is removed meanwhile.
#ifndef DMDAX_DM_BIO_MAP_H_
#define DMDAX_DM_BIO_MAP_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "block/block_device.h"
#include "block/machine.h"
#include "dm/device_mapper.h"

namespace dmdax {

// One device on the way, and the sector on it.
struct BioHop {
  BlockDevice* bdev;
  sector_t sector;
};

struct BioRoute {
  // The device asked for first, the last one reached last.
  std::vector<BioHop> hops;
  // kRemapped: it ends on hops.back(), which is no mapped device.
  BioMap::Kind kind = BioMap::Kind::kRemapped;
  // Of the last device that corrupts a byte, as in BioMap.
  uint32_t corrupt_byte = 0;
  uint8_t corrupt_value = 0;
  int err = 0;  // EIO: refused, or past a device's end; ELOOP: no end
  // What a target has sent to other devices too (a write to a mirror), each
  // from that device on.
  std::vector<BioRoute> also;
};

// Follows `sector` of `bdev` down to a disk.
BioRoute RouteBio(BlockDevice& bdev, sector_t sector, ReqOp op);

// bio_check_eod(): whether sectors [sector, sector + count) of `bdev` reach
// past its end, which is then logged.  `comm`: the process; `rw`: the operation
// and its REQ_* flags.
bool BioBeyondEnd(Machine& machine, absl::string_view comm,
                  const BlockDevice& bdev, sector_t sector, uint64_t count,
                  unsigned rw);
inline constexpr unsigned kReqSync = 1u << 11;

// Reads or writes whole sectors, as a target does.  Fails with the errno of the
// bio (EIO, ...), which is also that of a bad block.  A write that goes to
// several devices fails if none of them takes it.
absl::Status BioRead(BlockDevice& bdev, sector_t sector,
                     absl::Span<char> bytes);
absl::Status BioWrite(BlockDevice& bdev, sector_t sector,
                      absl::Span<const char> bytes);

}  // namespace dmdax

#endif  // DMDAX_DM_BIO_MAP_H_
