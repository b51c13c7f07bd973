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

// Adds [start, end), and joins it to what it touches.
void AddWritten(uint64_t start, uint64_t end, Integrity& ic)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(ic.mu) {
  auto it = ic.written.upper_bound(start);
  if (it != ic.written.begin() && std::prev(it)->second >= start) {
    --it;
    start = it->first;
  }
  while (it != ic.written.end() && it->first <= end) {
    end = std::max(end, it->second);
    it = ic.written.erase(it);
  }
  ic.written[start] = end;
}

}  // namespace

int IntegrityEndIo(const DmTarget& ti, sector_t sector, ReqOp op) {
  Integrity& ic = ti.Private<Integrity>();
  if (!ic.internal_hash.given || ic.sb.recalculating) return 0;
  const uint64_t at = ti.Offset(sector);
  absl::MutexLock lock(&ic.mu);
  if (op == ReqOp::kWrite) {
    const uint64_t block = at - at % ic.sectors_per_block;
    AddWritten(block, block + ic.sectors_per_block, ic);
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

// "<mismatches> <start> <end> ...".
std::string IntegritySaveState(const DmTarget& ti) {
  const Integrity& ic = ti.Private<Integrity>();
  absl::MutexLock lock(&ic.mu);
  std::string state = absl::StrCat(ic.mismatches);
  for (const auto& [start, end] : ic.written) {
    absl::StrAppend(&state, " ", start, " ", end);
  }
  return state;
}

bool IntegrityRestoreState(DmTarget& ti, absl::string_view state) {
  Integrity& ic = ti.Private<Integrity>();
  absl::MutexLock lock(&ic.mu);
  std::vector<uint64_t> numbers;
  for (absl::string_view word : absl::StrSplit(state, ' ')) {
    uint64_t number;
    if (!absl::SimpleAtoi(word, &number)) return false;
    numbers.push_back(number);
  }
  if (numbers.size() % 2 != 1) return false;
  ic.mismatches = numbers[0];
  for (size_t i = 1; i < numbers.size(); i += 2) {
    AddWritten(numbers[i], numbers[i + 1], ic);
  }
  return true;
}

}  // namespace dmdax
