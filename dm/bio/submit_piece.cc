// SPDX-License-Identifier: Apache-2.0
//
// What a row makes of a piece of a bio: __map_bio and clone_endio of
// drivers/md/dm.c.
#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "dm/bio/bio_status.h"
#include "dm/bio/submit_bio.h"

namespace dmdax {
namespace {

constexpr char kSuspendedPayload[] = "dmdax/suspended";

size_t Bytes(uint64_t sectors) { return sectors << kSectorShift; }

bool RowDoes(ReqOp op, const DmTarget& ti) {
  if (op == ReqOp::kDiscard) return ti.num_discard_bios > 0;
  if (op == ReqOp::kWriteZeroes) return ti.num_write_zeroes_bios > 0;
  return true;
}

}  // namespace

absl::Status BioError(int err, const BlockDevice& bdev, sector_t sector) {
  return ErrnoError(
      err, absl::StrCat(bdev.name(), ": I/O error at sector ", sector.value()));
}

absl::Status BioWaits(const BlockDevice& bdev) {
  absl::Status wait =
      ErrnoError(EAGAIN, absl::StrCat(bdev.name(), " is suspended"));
  wait.SetPayload(kSuspendedPayload, absl::Cord());
  return wait;
}

absl::Status BioNotSupported(const BlockDevice& bdev) {
  return ErrnoError(EOPNOTSUPP, absl::StrCat(bdev.name(), " does not do that"));
}

bool IsSuspended(const absl::Status& status) {
  return status.GetPayload(kSuspendedPayload).has_value();
}

std::optional<absl::Status> BioSubmitter::SubmitByTarget(const Bio& piece,
                                                         const DmTarget& ti) {
  if (ti.type->submit == nullptr ||
      (piece.in == nullptr && piece.out == nullptr)) {
    return std::nullopt;
  }
  const std::optional<int> err = ti.type->submit(ti, DmBioOf(piece));
  if (!err) return std::nullopt;
  return *err == 0 ? absl::OkStatus()
                   : BioError(*err, *piece.bdev, piece.sector);
}

absl::Status BioSubmitter::SendPiece(const Bio& piece, const DmTarget& ti) {
  if (!RowDoes(piece.op, ti)) return BioNotSupported(*piece.bdev);
  if (ti.type->map == nullptr) return BioError(EIO, *piece.bdev, piece.sector);
  for (uint32_t attempt = 0;; ++attempt) {
    const BioMap map =
        ti.type->map_bio != nullptr
            ? ti.type->map_bio(ti, piece.sector, piece.count, piece.op)
            : ti.type->map(ti, piece.sector, piece.op);
    switch (map.kind) {
      case BioMap::Kind::kError:
        return BioError(map.err != 0 ? map.err : EIO, *piece.bdev,
                        piece.sector);
      case BioMap::Kind::kZeroes:
        if (piece.in != nullptr) memset(piece.in, 0, Bytes(piece.count));
        return absl::OkStatus();
      case BioMap::Kind::kDropped:
        return EndPiece(piece, ti);
      case BioMap::Kind::kWaits:
        return BioWaits(*piece.bdev);
      case BioMap::Kind::kRemapped:
        break;
    }
    Next next = Next::kIsDone;
    absl::Status status = SendRemapped(piece, ti, map, attempt, &next);
    if (next == Next::kIsDone) return status;
  }
}

DmBio BioSubmitter::DmBioOf(const Bio& piece) const {
  DmBio bio = {piece.sector, piece.op, piece.count, {}, {}, request_};
  const size_t size = Bytes(piece.count);
  if (piece.in != nullptr) bio.data = absl::MakeSpan(piece.in, size);
  if (piece.out != nullptr) bio.written = absl::MakeConstSpan(piece.out, size);
  return bio;
}

// clone_endio().
absl::Status BioSubmitter::EndPiece(const Bio& piece, const DmTarget& ti) {
  if (ti.type->end_io == nullptr) return absl::OkStatus();
  if (const int err = ti.type->end_io(ti, DmBioOf(piece)); err != 0) {
    return BioError(err, *piece.bdev, piece.sector);
  }
  return absl::OkStatus();
}

absl::Status BioSubmitter::SendBelow(const Bio& piece, const char* out,
                                     const DmTarget& ti, const BioMap& map,
                                     uint32_t attempt, Next* next) {
  std::vector<size_t> failed;
  absl::Status status;
  for (size_t i = 0; i <= map.also.size(); ++i) {
    Bio below = piece;
    below.out = out;
    below.bdev = i == 0 ? map.dev->bdev : map.also[i - 1].dev->bdev;
    below.sector = i == 0 ? map.sector : map.also[i - 1].sector;
    absl::Status s = Send(below);
    if (IsSuspended(s)) return s;
    if (s.ok()) continue;
    failed.push_back(i);
    status.Update(std::move(s));
  }
  if (failed.empty()) return status;
  AfterFailure after = failed.size() <= map.also.size()
                           ? AfterFailure::kSucceeds
                           : AfterFailure::kFails;
  if (ti.type->io_failed != nullptr) {
    after = ti.type->io_failed(ti, DmBioOf(piece),
                               {map, failed, ErrnoOf(status), attempt});
  }
  if (after == AfterFailure::kWaits) return BioWaits(*piece.bdev);
  if (after == AfterFailure::kMapsAgain) *next = Next::kMapsAgain;
  return after == AfterFailure::kSucceeds ? absl::OkStatus() : status;
}

absl::Status BioSubmitter::SendRemapped(const Bio& piece, const DmTarget& ti,
                                        const BioMap& map, uint32_t attempt,
                                        Next* next) {
  const size_t size = Bytes(piece.count);
  const bool corrupts = map.corrupt_byte > 0 && map.corrupt_byte <= size;
  const char* out = piece.out;
  std::vector<char> changed;
  if (piece.out != nullptr && ti.type->encode != nullptr) {
    const int err = ti.type->encode(
        ti, piece.sector, absl::MakeConstSpan(piece.out, size), &changed);
    if (err != 0) return BioError(err, *piece.bdev, piece.sector);
    out = changed.data();
  } else if (piece.out != nullptr && corrupts) {
    changed.assign(piece.out, piece.out + size);
    changed[map.corrupt_byte - 1] = static_cast<char>(map.corrupt_value);
    out = changed.data();
  }
  absl::Status status = SendBelow(piece, out, ti, map, attempt, next);
  if (!status.ok()) return status;
  status = EndPiece(piece, ti);
  if (!status.ok()) return status;
  if (piece.in != nullptr && corrupts) {
    piece.in[map.corrupt_byte - 1] = static_cast<char>(map.corrupt_value);
  }
  return absl::OkStatus();
}

}  // namespace dmdax
