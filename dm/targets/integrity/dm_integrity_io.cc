// SPDX-License-Identifier: Apache-2.0
//
// integrity: what is written gets a tag, and what is read has to fit its own.
//
// A device that was formatted has zeros for tags, which fit (nearly) no block
// until it is written, or until all are recalculated.  There is no journal:
// what was written is on the device. Mirrors: integrity_metadata of
// drivers/md/dm-integrity.c.
#include <cerrno>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/errno_status.h"
#include "base/since.h"
#include "dm/dm_table.h"
#include "dm/mapped_device.h"
#include "dm/targets/integrity/dm_integrity.h"

namespace dmdax {
namespace {

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
  const bool reads = IsRead(op);
  if (ic.mode == 'R' && !reads && op != ReqOp::kFlush) {
    return {.kind = BioMap::Kind::kError, .err = EIO};
  }
  return {BioMap::Kind::kRemapped, ic.dev,
          sector_t(IntegrityDataSector(ic, ti.Offset(sector))), 0};
}

namespace {

// What the tags of discarded blocks are.
constexpr char kDiscardFiller = '\xf6';

bool Fits(const Integrity& ic, absl::string_view tag,
          absl::string_view expected) {
  return tag == expected ||
         (ic.discard && tag.find_first_not_of(kDiscardFiller) == tag.npos);
}

std::string TagsOf(const Integrity& ic, uint64_t at, absl::string_view data) {
  const size_t block = size_t{ic.sectors_per_block} << kSectorShift;
  const IntegrityTagger tagger(ic);
  std::string tags;
  for (size_t i = 0; i < data.size() / block; ++i) {
    tags += tagger.Tag(at + i * ic.sectors_per_block,
                       data.substr(i * block, block));
  }
  return tags;
}

int CheckTags(const DmTarget& ti, Integrity& ic, uint64_t at,
              absl::string_view data) ABSL_EXCLUSIVE_LOCKS_REQUIRED(ic.mu) {
  const size_t block = size_t{ic.sectors_per_block} << kSectorShift;
  const absl::StatusOr<std::string> tags =
      ReadIntegrityTags(ic, at, data.size() / block);
  if (!tags.ok()) return ErrnoOf(tags.status());
  const IntegrityTagger tagger(ic);
  for (size_t i = 0; i < data.size() / block; ++i) {
    const uint64_t sector = at + i * ic.sectors_per_block;
    const absl::string_view tag =
        absl::string_view(*tags).substr(i * ic.tag_size, ic.tag_size);
    if (Fits(ic, tag, tagger.Tag(sector, data.substr(i * block, block)))) {
      continue;
    }
    ++ic.mismatches;
    DmLog(MachineOf(ti), KernLevel::kErr, "integrity",
          absl::StrCat(ti.table->md().disk().name(),
                       ": Checksum failed at sector 0x", absl::Hex(sector)));
    return EILSEQ;
  }
  return 0;
}

}  // namespace

int IntegrityEndIo(const DmTarget& ti, const DmBio& bio) {
  Integrity& ic = ti.Private<Integrity>();
  // Mode R is for recovery and checks nothing.
  if (!ic.internal_hash.given || ic.mode == 'R') return 0;
  const uint64_t at = ti.Offset(bio.sector);
  absl::MutexLock lock(&ic.mu);
  std::string tags;
  switch (bio.op) {
    case ReqOp::kRead:
    case ReqOp::kReadAhead:
      if (ic.sb.recalculating) return 0;
      return CheckTags(ti, ic, at, {bio.data.data(), bio.data.size()});
    case ReqOp::kWrite:
      tags = TagsOf(ic, at, {bio.written.data(), bio.written.size()});
      break;
    case ReqOp::kDiscard:
      tags.assign(bio.sectors / ic.sectors_per_block * ic.tag_size,
                  kDiscardFiller);
      break;
    default:
      return 0;
  }
  return ErrnoOf(WriteIntegrityTags(ic, at, tags));
}

// "<mismatches>"; before that, of a superblock that resuming
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
  // An older state has behind it which blocks have tags.
  if (!Numbers(state, &numbers) || numbers.size() % 2 != 1) return false;
  ic.mismatches = numbers[0];
  return true;
}

}  // namespace dmdax
