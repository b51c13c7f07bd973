// SPDX-License-Identifier: Apache-2.0
//
// dm_bio.h: what a target is told of a bio, and what it answers: where ->map
// sends it (BioMap), what passes ->end_io and ->submit (DmBio), what has failed
// below (DmIoFailure) and what is to become of that (AfterFailure).
//
// Sectors are 512 bytes, counted from the start of the mapped device unless a
// comment says whose they are; an err is an errno, above 0.
// Mirrors: enum req_op of include/linux/blk_types.h, DM_MAPIO_* and DM_ENDIO_*
// of include/linux/device-mapper.h (6.1).
// Threading: plain values.
#ifndef DMDAX_DM_BIO_DM_BIO_H_
#define DMDAX_DM_BIO_DM_BIO_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "base/units.h"

namespace dmdax {

struct DmDev;

// The operation of a bio, as far as targets tell them apart.
enum class ReqOp { kRead, kReadAhead, kWrite, kFlush, kDiscard, kWriteZeroes };

// Whether it reads: what is not a read changes something, or orders it.
constexpr bool IsRead(ReqOp op) {
  return op == ReqOp::kRead || op == ReqOp::kReadAhead;
}

// Where ->map sends one sector of a bio.
struct BioMap {
  enum class Kind {
    kRemapped,  // to `sector` of `dev`
    kZeroes,    // a read that gets zeros
    kDropped,   // a write that succeeds and goes nowhere
    kError,     // fails with `err`
    kWaits,     // until somebody mends the device
  };
  Kind kind = Kind::kError;
  const DmDev* dev = nullptr;
  sector_t sector{};
  int err = 0;
  // A byte of the whole bio, from 1, that becomes another; 0: none does.
  uint32_t corrupt_byte = 0;
  uint8_t corrupt_value = 0;
  // Where else it goes: the other legs of a mirror.
  struct Place {
    const DmDev* dev;
    sector_t sector;
  };
  std::vector<Place> also = {};
  // The target's own number of what it has chosen, for ->io_failed.
  uint32_t choice = 0;
  // REQ_FAILFAST_TRANSPORT, which the log shows of a bio.
  bool failfast = false;
  // dm_accept_partial_bio(): so many sectors of the bio; ->map is asked again
  // of those behind.  0: all of it.
  uint64_t sectors = 0;
};

// A request that a target has passed on, or dropped, as it comes back.
struct DmBio {
  sector_t sector;  // of the device
  ReqOp op;
  uint64_t sectors;                // 0 for a flush
  absl::Span<char> data;           // of a read
  absl::Span<const char> written;  // of a write, as it came
  // Of the request that it is a piece of; 0: nobody counts them.
  uint64_t request = 0;
};

// A piece that ->map sent below and that has failed there.
struct DmIoFailure {
  const BioMap& map;
  // Which of the map's places have failed: 0 is its own, i that of also[i - 1].
  absl::Span<const size_t> places;
  int err;           // of the first of them: EIO, EOPNOTSUPP, ...
  uint32_t attempt;  // how often the piece has failed before
};

// What a target makes of such a piece.
enum class AfterFailure {
  kFails,
  kMapsAgain,  // ->map is asked once more, and must change its mind some time
  kSucceeds,
  kWaits,  // as BioMap's
};

}  // namespace dmdax

#endif  // DMDAX_DM_BIO_DM_BIO_H_
