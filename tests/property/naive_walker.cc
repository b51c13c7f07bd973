// SPDX-License-Identifier: Apache-2.0
//
// What a query answers.  Reading and loading tables is in naive_tables.cc.
#include "tests/property/naive_walker.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace dmdax::property {

NaiveWorld::NaiveWorld(uint32_t major, uint32_t minor) {
  const auto since = [release = std::pair(major, minor)](uint32_t a,
                                                         uint32_t b) {
    return release >= std::pair(a, b);
  };
  rejects_unaligned_ = !since(5, 17);
  negative_nr_returns_itself_ = !since(6, 1);
  max_sectors_counts_ = since(5, 10);
  log_writes_has_dax_ = since(5, 10);
  error_row_takes_device_ = since(6, 12);
  partition_must_be_aligned_ = since(5, 16);
  poison_errno_ = since(6, 5) ? EHWPOISON : EIO;
}

NaiveAnswer NaiveWorld::DirectAccess(const std::string& name, uint64_t pgoff,
                                     int64_t nr, bool recovery) const {
  const Device& device = devices_.at(name);
  if (device.kind == DeviceKind::kPartition) {
    // A partition has no DaxDevice of its own; its start has been added.
    return DirectAccess(device.whole, pgoff, nr, recovery);
  }
  if (device.kind == DeviceKind::kDisk) return {-EOPNOTSUPP};
  if (nr < 0) return {negative_nr_returns_itself_ ? nr : -EINVAL};
  NaiveAnswer answer = device.kind == DeviceKind::kPmem
                           ? AskPmem(device.pmem, pgoff, nr, recovery)
                           : AskMapped(device, pgoff, nr, recovery);
  if (answer.ret == 0) answer.ret = -ERANGE;
  answer.ret = std::min(answer.ret, nr);
  return answer;
}

NaiveAnswer NaiveWorld::AskMapped(const Device& md, uint64_t pgoff, int64_t nr,
                                  bool recovery) const {
  if (md.live == nullptr) return {-EIO};
  const uint64_t first = pgoff * 8;
  if (first >= md.live->sectors.size()) return {-EIO};
  const NaiveSector& at = md.live->sectors[first];
  if (at.kind == NaiveSector::Kind::kEio) return {-EIO};
  uint64_t sectors = at.left;
  if (at.row_has_chunk && max_sectors_counts_) {
    sectors = std::min(sectors, md.max_sectors);
  }
  if (sectors < 8) return {-EIO};
  const int64_t pages = static_cast<int64_t>(sectors / 8);

  const Device& below = devices_.at(at.device);
  const uint64_t physical = below.start + at.sector;
  if (rejects_unaligned_ && physical % 8 != 0) return {-EINVAL};
  if (!md.handles.at(at.device).has_dax) return {-EOPNOTSUPP};
  NaiveAnswer answer =
      DirectAccess(at.device, physical / 8, std::min(nr, pages), recovery);
  ++answer.levels;
  return answer;
}

int64_t NaiveWorld::FirstBad(const NaivePmem& pmem, uint64_t begin,
                             uint64_t sectors) {
  for (uint64_t i = 0; i < sectors && begin + i < pmem.bad.size(); ++i) {
    if (pmem.bad[begin + i]) return static_cast<int64_t>(i);
  }
  // A window of no sectors is bad in the middle of a bad range.
  const bool inside = sectors == 0 && begin > 0 && begin < pmem.bad.size() &&
                      pmem.bad[begin - 1] && pmem.bad[begin];
  return inside ? 0 : -1;
}

NaiveAnswer NaiveWorld::AskPmem(const NaivePmem& pmem, uint64_t pgoff,
                                int64_t nr, bool recovery) const {
  const uint64_t offset = pmem.data_offset + pgoff * 4096;
  const uint64_t end = pmem.data_offset + pmem.sectors * 512;
  NaiveAnswer answer;
  answer.pfn = (pmem.base + offset) / 4096;
  // Nobody checks the end: what lies behind it is as long as 2^64 allows.
  answer.ret = static_cast<int64_t>((end - offset) / 4096);
  if (pmem.bad.empty()) return answer;
  const int64_t good = FirstBad(pmem, pgoff * 8, static_cast<uint64_t>(nr) * 8);
  if (good < 0) {
    answer.ret = nr;
  } else if (recovery) {
    // Counted from where the kernel's bad entry begins, which holds at most
    // 512 sectors: before the page, the difference wraps to a huge number.
    uint64_t run = pgoff * 8 + static_cast<uint64_t>(good);
    const uint64_t bad = run;
    while (run > 0 && pmem.bad[run - 1]) --run;
    const uint64_t entry = bad - (bad - run) % 512;
    const uint64_t pages = ((entry - pgoff * 8) * 512 + 4095) / 4096;
    answer.ret = pages == 0 ? 1 : static_cast<int64_t>(pages);
  } else {
    answer.ret = -poison_errno_;
  }
  return answer;
}

}  // namespace dmdax::property
