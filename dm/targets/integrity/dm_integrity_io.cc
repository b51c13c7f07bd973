// SPDX-License-Identifier: Apache-2.0
//
// integrity: which sectors have a tag that fits.
//
// Tags are not computed.  A device that was formatted has zeros for tags, which
// fit no sector until it is written, or until all are recalculated.
// Mirrors: integrity_metadata of drivers/md/dm-integrity.c.
#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/ranges.h"
#include "base/since.h"
#include "dm/dm_table.h"
#include "dm/mapped_device.h"
#include "dm/targets/integrity/dm_integrity.h"

namespace dmdax {
namespace {

bool IsWritten(const Integrity& ic, uint64_t sector)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(ic.mu) {
  auto next = ic.written.upper_bound(sector);
  return next != ic.written.begin() && std::prev(next)->second > sector;
}

// EINVAL, which the check of the superblock gives, is a status of a bio too.
constexpr Since<bool> kHasInvalidStatus[] = {{k6_12, true}};

}  // namespace

BioMap IntegrityMap(const DmTarget& ti, sector_t sector, ReqOp op) {
  const Integrity& ic = ti.Private<Integrity>();
  if (ic.failed) {
    const bool checked =
        !ic.recalculated.has_value() &&
        ValueAt<bool>(kHasInvalidStatus, ProfileOf(ti).release);
    return {.kind = BioMap::Kind::kError, .err = checked ? EINVAL : EIO};
  }
  const bool reads = op == ReqOp::kRead || op == ReqOp::kReadAhead;
  if (ic.mode == 'R' && !reads && op != ReqOp::kFlush) {
    return {.kind = BioMap::Kind::kError, .err = EIO};
  }
  return {BioMap::Kind::kRemapped, ic.dev,
          sector_t(IntegrityDataSector(ic, ti.Offset(sector))), 0};
}

namespace {

// One sector of a bio.
int EndSector(const DmTarget& ti, sector_t sector, ReqOp op) {
  Integrity& ic = ti.Private<Integrity>();
  // Mode R is for recovery and checks nothing.
  if (!ic.internal_hash.given || ic.sb.recalculating || ic.mode == 'R') {
    return 0;
  }
  const uint64_t at = ti.Offset(sector);
  absl::MutexLock lock(&ic.mu);
  if (op == ReqOp::kWrite) {
    const uint64_t block = at - at % ic.sectors_per_block;
    AddRange(block, block + ic.sectors_per_block, &ic.written);
    return 0;
  }
  // The plain checksum of sector 0, all of it zeros, is zero.
  const bool zero_fits = at == 0 && ic.internal_hash.name == "crc32";
  if (op != ReqOp::kRead || zero_fits || IsWritten(ic, at)) return 0;
  ++ic.mismatches;
  DmLog(MachineOf(ti), KernLevel::kErr, "integrity",
        absl::StrCat(ti.table->md().disk().name(),
                     ": Checksum failed at sector 0x", absl::Hex(at)));
  return EILSEQ;
}

}  // namespace

int IntegrityEndIo(const DmTarget& ti, const DmBio& bio) {
  for (uint64_t i = 0; i < bio.sectors; ++i) {
    const int err = EndSector(ti, bio.sector + i, bio.op);
    if (err != 0) return err;
  }
  return 0;
}

// "<mismatches> <start> <end> ..."; before that, of a superblock that resuming
// has read again, "<layout>;": provided sectors, sectors of tags, log2 of the
// area, whether it recalculates, where that has stopped.
std::string IntegritySaveState(const DmTarget& ti) {
  const Integrity& ic = ti.Private<Integrity>();
  absl::MutexLock lock(&ic.mu);
  std::string state;
  if (ic.sb_read_again) {
    absl::StrAppend(&state, ic.provided_data_sectors, " ", ic.metadata_run, " ",
                    ic.sb.log2_interleave_sectors, " ",
                    ic.sb.recalculating ? 1 : 0);
    if (ic.recalculated.has_value()) {
      absl::StrAppend(&state, " ", *ic.recalculated);
    }
    state.push_back(';');
  }
  absl::StrAppend(&state, ic.mismatches);
  for (const auto& [start, end] : ic.written) {
    absl::StrAppend(&state, " ", start, " ", end);
  }
  return state;
}

namespace {

bool Numbers(absl::string_view words, std::vector<uint64_t>* numbers) {
  for (absl::string_view word : absl::StrSplit(words, ' ')) {
    uint64_t number;
    if (!absl::SimpleAtoi(word, &number)) return false;
    numbers->push_back(number);
  }
  return true;
}

// The superblock that resuming has read.
bool RestoreLayout(absl::string_view words, DmTarget& ti, Integrity& ic) {
  std::vector<uint64_t> numbers;
  if (!Numbers(words, &numbers) || numbers.size() < 4 || numbers[2] > 63) {
    return false;
  }
  ic.sb = {.log2_interleave_sectors = static_cast<uint32_t>(numbers[2]),
           .recalculating = numbers[3] != 0};
  ic.provided_data_sectors = numbers[0];
  ic.metadata_run = numbers[1];
  ic.sb_read_again = true;
  if (ic.meta_dev == nullptr) {
    ti.max_io_len = uint32_t{1} << (ic.sb.log2_interleave_sectors & 31);
  }
  if (numbers.size() > 4) ic.recalculated = numbers[4];
  ic.failed = ic.recalculated.has_value();
  return true;
}

}  // namespace

bool IntegrityRestoreState(DmTarget& ti, absl::string_view state) {
  Integrity& ic = ti.Private<Integrity>();
  absl::MutexLock lock(&ic.mu);
  if (const size_t end = state.find(';'); end != state.npos) {
    if (!RestoreLayout(state.substr(0, end), ti, ic)) return false;
    state.remove_prefix(end + 1);
  }
  std::vector<uint64_t> numbers;
  if (!Numbers(state, &numbers) || numbers.size() % 2 != 1) return false;
  ic.mismatches = numbers[0];
  for (size_t i = 1; i < numbers.size(); i += 2) {
    AddRange(numbers[i], numbers[i + 1], &ic.written);
  }
  return true;
}

}  // namespace dmdax
