// SPDX-License-Identifier: Apache-2.0
//
// BioSubmitter: sends requests down a stack of mapped devices to the disks.
//
//   BioSubmitter bios;
//   absl::Status s = bios.Read(*bdev, sector_t{8}, absl::MakeSpan(bytes));
//
// A request is one bio.  Each mapped device cuts it at the ends of its rows and
// at their max_io_len, asks ->map of each piece once, and sends it on; so a
// request of a megabyte costs a copy, not a route for each of its sectors.
// RouteBio() (dm/bio_map.h) says where a single sector goes, and is the judge.
// When a piece has failed, those beside it are done all the same; the first
// error is the request's.
//
// Mirrors: submit_bio_noacct, bio_check_ro, bio_check_eod of block/blk-core.c,
// dm_split_and_process_bio, __process_abnormal_io, clone_endio of
// drivers/md/dm.c (5.10 to 6.12).
// Threading: thread-compatible.
#ifndef DMDAX_DM_BIO_SUBMIT_BIO_H_
#define DMDAX_DM_BIO_SUBMIT_BIO_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "block/block_device.h"
#include "block/machine.h"
#include "dm/device_mapper.h"
#include "dm/mapped_device.h"

namespace dmdax {

class BioSubmitter {
 public:
  // Of a target, or a test: nothing is logged but by targets, statistics do not
  // count it, and suspended devices let it through.
  BioSubmitter() = default;
  // Of the program `comm`, as the log names it, which also shows the flags that
  // requests have: those of direct I/O, or of a page cache that an fsync waits
  // for.
  enum class Suspended { kPass, kWait };
  enum class From { kDirectIo, kPageCache };
  BioSubmitter(Machine& machine, std::string comm, Suspended suspended,
               From from = From::kDirectIo)
      : machine_(&machine),
        comm_(std::move(comm)),
        suspended_(suspended),
        from_(from) {}

  // Whole sectors.  The errno of the bio: EIO, EILSEQ ...; EAGAIN with
  // IsSuspended(): a device on the way is suspended.
  absl::Status Read(BlockDevice& bdev, sector_t sector, absl::Span<char> bytes,
                    ReqOp op = ReqOp::kRead);
  // The same, of bytes that nobody has asked for yet.
  absl::Status ReadAhead(BlockDevice& bdev, sector_t sector,
                         absl::Span<char> bytes) {
    return Read(bdev, sector, bytes, ReqOp::kReadAhead);
  }
  absl::Status Write(BlockDevice& bdev, sector_t sector,
                     absl::Span<const char> bytes);
  // kDiscard, kWriteZeroes: EOPNOTSUPP, a device on the way does not do it.
  // kFlush: `sectors` is 0.
  absl::Status Submit(ReqOp op, BlockDevice& bdev, sector_t sector,
                      uint64_t sectors);

 private:
  // A bio, or a piece of one.
  struct Bio {
    ReqOp op;
    BlockDevice* bdev;
    sector_t sector;
    uint64_t count;
    char* in = nullptr;         // of a read
    const char* out = nullptr;  // of a write
  };
  // What SendRemapped() leaves to do.
  enum class Next { kIsDone, kMapsAgain };
  absl::Status Send(const Bio& bio);
  absl::Status SendNested(const Bio& bio);
  absl::Status SendToDisk(const Bio& bio);
  absl::Status SendToMapped(const Bio& bio, MappedDevice& md);
  std::optional<absl::Status> SubmitByTarget(const Bio& piece,
                                             const DmTarget& ti);
  absl::Status SendPiece(const Bio& piece, const DmTarget& ti);
  absl::Status EndPiece(const Bio& piece, const DmTarget& ti);
  absl::Status SendRemapped(const Bio& piece, const DmTarget& ti,
                            const BioMap& map, uint32_t attempt, Next* next);
  // To all places of `map`; the target then hears of those that failed.
  absl::Status SendBelow(const Bio& piece, const char* out, const DmTarget& ti,
                         const BioMap& map, uint32_t attempt, Next* next);
  DmBio DmBioOf(const Bio& piece) const;
  absl::Status Flush(const Bio& bio, const DmTable& table);
  absl::Status CheckBio(const Bio& bio);
  unsigned FlagsOf(ReqOp op) const;
  void WarnReadOnly(BlockDevice& bdev);
  void SayIoError(const Bio& bio);

  Machine* machine_ = nullptr;
  std::string comm_;
  Suspended suspended_ = Suspended::kPass;
  From from_ = From::kDirectIo;
  uint64_t request_ = 0;  // that is on its way
  int nested_ = 0;
};

// A device is suspended, so that the request would wait.
bool IsSuspended(const absl::Status& status);

}  // namespace dmdax

#endif  // DMDAX_DM_BIO_SUBMIT_BIO_H_
