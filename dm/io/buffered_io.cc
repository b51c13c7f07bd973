// SPDX-License-Identifier: Apache-2.0
#include "dm/io/buffered_io.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"

namespace dmdax {
namespace {

sector_t SectorOf(uint64_t offset) { return sector_t(offset >> kSectorShift); }

// Copies what of [from, from + in.size()) belongs to [offset, ...) of `out`.
void CopyPart(uint64_t from, absl::Span<const char> in, uint64_t offset,
              absl::Span<char> out) {
  const uint64_t begin = std::max(from, offset);
  const uint64_t end = std::min(from + in.size(), offset + out.size());
  if (begin >= end) return;
  memcpy(out.data() + (begin - offset), in.data() + (begin - from),
         end - begin);
}

// A page of the cache; one block if that is larger.
uint64_t UnitOf(const BlockDevice& bdev) {
  return std::max<uint64_t>(kPageSize, bdev.soft_block_size());
}

}  // namespace

BufferedIo::BufferedIo(Machine& machine, BlockDevice& bdev,
                       const std::string& comm)
    : machine_(machine),
      bdev_(bdev),
      bios_(machine, comm, BioSubmitter::Suspended::kWait,
            BioSubmitter::From::kPageCache),
      since_(bdev.writeback().Sample()) {}

absl::Status BufferedIo::Failed(const absl::Status& status) const {
  if (IsSuspended(status) || ErrnoOf(status) == EOPNOTSUPP) return status;
  return ErrnoError(EIO, status.message());
}

// buffer_io_error().
void BufferedIo::SayLost(uint64_t block, absl::string_view what) {
  machine_.log().PrintkRatelimited(
      "buffer_io_error", KernLevel::kErr,
      absl::StrCat("Buffer I/O error on dev ", bdev_.name(), ", logical block ",
                   block, ", ", what));
}

// --- reading ---

// Whole pages from `begin` on, by which `bytes` at `offset` are covered, in one
// request.
absl::Status BufferedIo::ReadPages(uint64_t begin, uint64_t offset,
                                   absl::Span<char> bytes) {
  const uint64_t unit = UnitOf(bdev_);
  const uint64_t end = offset + bytes.size();
  const uint64_t stop = std::min(Size(), (end + unit - 1) / unit * unit);
  if (begin == offset && stop == end) {
    return bios_.ReadAhead(bdev_, SectorOf(begin), bytes);
  }
  std::vector<char> pages(stop - begin);
  absl::Status s =
      bios_.ReadAhead(bdev_, SectorOf(begin), absl::MakeSpan(pages));
  if (s.ok()) CopyPart(begin, pages, offset, bytes);
  return s;
}

// block_read_full_folio(): all blocks of the page at `page`.
absl::Status BufferedIo::ReadPage(uint64_t page, uint64_t offset,
                                  absl::Span<char> bytes) {
  const uint64_t block = bdev_.soft_block_size();
  const uint64_t end = std::min(Size(), page + UnitOf(bdev_));
  absl::Status failed;
  for (uint64_t at = page; at < end; at += block) {
    std::vector<char> data(std::min(block, end - at));
    absl::Status s = bios_.Read(bdev_, SectorOf(at), absl::MakeSpan(data));
    if (IsSuspended(s)) return s;
    if (s.ok()) {
      CopyPart(at, data, offset, bytes);
      continue;
    }
    failed.Update(Failed(s));
    if (ErrnoOf(s) != EOPNOTSUPP) SayLost(at / block, "async page read");
  }
  return failed;
}

absl::StatusOr<size_t> BufferedIo::Read(uint64_t offset,
                                        absl::Span<char> bytes) {
  const uint64_t unit = UnitOf(bdev_);
  const uint64_t begin = offset - offset % unit;
  absl::Status s = ReadPages(begin, offset, bytes);
  if (s.ok()) return bytes.size();
  if (IsSuspended(s)) return s;
  // Pages are read one by one, and those before the bad one are returned.
  const uint64_t end = offset + bytes.size();
  for (uint64_t page = begin; page < end; page += unit) {
    s = ReadPage(page, offset, bytes);
    if (s.ok()) continue;
    if (page <= offset) return s;
    return page - offset;
  }
  return bytes.size();
}

// --- writing ---

// Whole blocks from `first` on.
absl::Status BufferedIo::WriteBlocks(uint64_t first,
                                     absl::Span<const char> bytes) {
  const uint64_t block = bdev_.soft_block_size();
  for (uint64_t at = 0; at < bytes.size(); at += block) {
    const absl::Span<const char> one =
        bytes.subspan(at, std::min<uint64_t>(block, bytes.size() - at));
    const sector_t sector = SectorOf(first + at);
    absl::Status s = bios_.Write(bdev_, sector, one);
    if (IsSuspended(s)) return s;
    if (s.ok()) {
      bdev_.writeback().Written(sector, one.size() >> kSectorShift);
    } else if (ErrnoOf(s) == EOPNOTSUPP) {
      unmodelled_.Update(s);
    } else {
      bdev_.writeback().Lost(sector, one.size() >> kSectorShift);
    }
  }
  return absl::OkStatus();
}

// Bytes that lie in one page.
absl::Status BufferedIo::WritePage(uint64_t offset,
                                   absl::Span<const char> bytes) {
  const uint64_t block = bdev_.soft_block_size();
  const uint64_t end = offset + bytes.size();
  const uint64_t first = offset - offset % block;
  const uint64_t last = std::min(Size(), (end + block - 1) / block * block);
  if (first == offset && last == end) return WriteBlocks(offset, bytes);
  std::vector<char> blocks(last - first);
  const auto read = [&](uint64_t at) {
    const uint64_t size = std::min(block, last - at);
    absl::Status s = bios_.Read(
        bdev_, SectorOf(at), absl::MakeSpan(blocks).subspan(at - first, size));
    return s.ok() ? s : Failed(s);
  };
  const uint64_t tail = (last - 1) / block * block;
  absl::Status s;
  if (first < offset) s = read(first);
  if (s.ok() && end < last && (tail != first || first == offset)) {
    s = read(tail);
  }
  if (!s.ok()) return s;
  memcpy(blocks.data() + (offset - first), bytes.data(), bytes.size());
  return WriteBlocks(first, blocks);
}

absl::StatusOr<size_t> BufferedIo::Write(uint64_t offset,
                                         absl::Span<const char> bytes) {
  const uint64_t unit = UnitOf(bdev_);
  size_t done = 0;
  while (done < bytes.size()) {
    const uint64_t at = offset + done;
    const uint64_t n =
        std::min<uint64_t>(unit - at % unit, bytes.size() - done);
    absl::Status s = WritePage(at, bytes.subspan(done, n));
    if (IsSuspended(s)) return s;
    if (!s.ok() && done == 0) return s;
    if (!s.ok()) break;
    done += n;
  }
  return done;
}

void BufferedIo::LogLost() {
  const uint64_t block = bdev_.soft_block_size();
  const std::vector<Writeback::Run> lost = bdev_.writeback().TakeLost();
  for (const Writeback::Run& run : lost) {
    const uint64_t end = run.end << kSectorShift;
    for (uint64_t at = run.begin << kSectorShift; at < end; at += block) {
      SayLost(at / block, "lost async page write");
    }
  }
  if (!lost.empty()) bdev_.writeback().SetError(EIO);
}

absl::Status BufferedIo::WriteBack() {
  LogLost();
  const int err = bdev_.writeback().CheckAndAdvance(&since_);
  absl::Status unmodelled = std::exchange(unmodelled_, absl::OkStatus());
  if (!unmodelled.ok()) return unmodelled;
  if (err == 0) return absl::OkStatus();
  return ErrnoError(
      err, absl::StrCat(bdev_.name(), ": what was written to it is lost"));
}

}  // namespace dmdax
