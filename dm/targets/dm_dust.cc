// SPDX-License-Identifier: Apache-2.0
//
// dust: blocks that messages declare bad fail to be read until they are
// written.
//
//   dust <dev> <offset> <block size>
//
//   offset      first sector on dev
//   block size  bytes; a power of two, 512 .. 2^30, not above the row
//
//   enable | disable                          bad blocks fail, or do not
//   addbadblock <block> [<writes that fail>]  0 .. 255, default 0
//   removebadblock <block>
//   queryblock <block> | countbadblocks | listbadblocks | clearbadblocks
//   quiet                                     logs less, or again
//
// Blocks count from the start of dev, not from `offset`.  Whatever is wrong
// with the device is EINVAL here.
// Mirrors drivers/md/dm-dust.c (5.10 to 7.2; not in 4.14).
#include <algorithm>
#include <cerrno>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/mutex.h"
#include "base/errno_status.h"
#include "base/kstrtox.h"
#include "dm/device_mapper.h"

namespace dmdax {
namespace {

struct DustDevice : DmTargetPrivate {
  const DmDev* dev;
  sector_t start;
  uint32_t blksz;  // bytes
  // Guards the list: a write changes it while other threads read it.
  absl::Mutex mu;
  // Bad block, and how many writes to it still fail.
  std::map<uint64_t, uint32_t> badblocks ABSL_GUARDED_BY(mu);
  bool fail_read_on_bb ABSL_GUARDED_BY(mu) = false;
  bool quiet_mode ABSL_GUARDED_BY(mu) = false;

  uint64_t sect_per_block() const { return blksz >> kSectorShift; }
};

absl::StatusOr<uint32_t> ParseBlockSize(const DmTarget& ti,
                                        const std::string& word) {
  constexpr uint64_t kMaxSectors = 2097152;
  absl::StatusOr<uint32_t> blksz = KstrtoU32(word);
  if (!blksz.ok() || *blksz == 0) {
    return DmError("Invalid block size parameter");
  }
  if (*blksz < kSectorSize) {
    return DmError("Block size must be at least 512");
  }
  if ((*blksz & (*blksz - 1)) != 0) {
    return DmError("Block size must be a power of 2");
  }
  if (*blksz >> kSectorShift > std::min(ti.len.value(), kMaxSectors)) {
    return DmError("Block size is too large");
  }
  return blksz;
}

absl::Status DustCtr(DmTarget& ti, absl::Span<const std::string> argv) {
  if (argv.size() != 3) return DmError("Invalid argument count");
  absl::StatusOr<uint32_t> blksz = ParseBlockSize(ti, argv[2]);
  if (!blksz.ok()) return blksz.status();
  absl::StatusOr<uint64_t> start =
      SscanfU64(argv[1], ProfileOf(ti).sscanf_overflow);
  if (!start.ok()) return DmError("Invalid device offset sector");
  absl::StatusOr<const DmDev*> dev = DmGetDevice(ti, argv[0]);
  if (!dev.ok()) return DmError("Device lookup failed");

  auto dd = std::make_unique<DustDevice>();
  dd->dev = *dev;
  dd->start = sector_t(*start);
  dd->blksz = *blksz;
  absl::Status s = DmSetTargetMaxIoLen(ti, dd->sect_per_block());
  if (!s.ok()) return s;
  ti.private_data = std::move(dd);
  ti.num_discard_bios = 1;
  ti.num_flush_bios = 1;
  return absl::OkStatus();
}

void Log(const DmTarget& ti, KernLevel level, absl::string_view text) {
  DmLog(MachineOf(ti), level, "dust", text);
}

absl::Status Refuse(const DmTarget& ti, absl::string_view text) {
  Log(ti, KernLevel::kErr, text);
  return ErrnoError(EINVAL, text);
}

BioMap DustMap(const DmTarget& ti, sector_t sector, ReqOp op) {
  DustDevice& dd = ti.Private<DustDevice>();
  const sector_t mapped = dd.start + ti.Offset(sector);
  const BioMap remapped = {BioMap::Kind::kRemapped, dd.dev, mapped, 0};
  const BioMap killed = {.kind = BioMap::Kind::kError, .err = EIO};
  absl::MutexLock lock(&dd.mu);
  if (!dd.fail_read_on_bb) return remapped;
  auto bad = dd.badblocks.find(mapped.value() / dd.sect_per_block());
  if (bad == dd.badblocks.end()) return remapped;
  if (IsRead(op)) return killed;
  if (bad->second > 0) {
    --bad->second;
    return killed;
  }
  if (!dd.quiet_mode) {
    // The kernel divides the block number a second time for this text.
    Log(ti, KernLevel::kInfo,
        absl::StrCat("block ", bad->first / dd.sect_per_block(),
                     " removed from badblocklist by write"));
  }
  dd.badblocks.erase(bad);
  return remapped;
}

absl::Status AddBlock(const DmTarget& ti, DustDevice& dd, uint64_t block,
                      uint32_t wr_fail_cnt) {
  absl::MutexLock lock(&dd.mu);
  const bool added = dd.badblocks.emplace(block, wr_fail_cnt).second;
  if (!dd.quiet_mode) {
    Log(ti, added ? KernLevel::kInfo : KernLevel::kErr,
        added ? absl::StrCat("dust_add_block: badblock added at block ", block,
                             " with write fail count ", wr_fail_cnt)
              : absl::StrCat("dust_add_block: block ", block,
                             " already in badblocklist"));
  }
  return added ? absl::OkStatus() : ErrnoError(EINVAL, "already there");
}

absl::Status RemoveBlock(const DmTarget& ti, DustDevice& dd, uint64_t block) {
  absl::MutexLock lock(&dd.mu);
  const bool removed = dd.badblocks.erase(block) > 0;
  if (!dd.quiet_mode) {
    Log(ti, removed ? KernLevel::kInfo : KernLevel::kErr,
        removed ? absl::StrCat("dust_remove_block: badblock removed at block ",
                               block)
                : absl::StrCat("dust_remove_block: block ", block,
                               " not found in badblocklist"));
  }
  return removed ? absl::OkStatus() : ErrnoError(EINVAL, "not there");
}

absl::Status Unrecognized(const DmTarget& ti, const std::string& word) {
  return Refuse(ti, absl::StrCat("unrecognized message '", word, "' received"));
}

std::string ListBlocks(DustDevice& dd) ABSL_EXCLUSIVE_LOCKS_REQUIRED(dd.mu) {
  std::string list;
  for (const auto& [block, wr_fail_cnt] : dd.badblocks) {
    absl::StrAppend(&list, block, "\n");
  }
  return list.empty() ? "No blocks in badblocklist" : list;
}

absl::StatusOr<std::string> OneWord(const DmTarget& ti, DustDevice& dd,
                                    const std::string& verb) {
  for (absl::string_view v : {"addbadblock", "removebadblock", "queryblock"}) {
    if (absl::EqualsIgnoreCase(verb, v)) {
      return Refuse(ti, absl::StrCat(verb, " requires an additional argument"));
    }
  }
  absl::MutexLock lock(&dd.mu);
  const bool enable = absl::EqualsIgnoreCase(verb, "enable");
  if (enable || absl::EqualsIgnoreCase(verb, "disable")) {
    Log(ti, KernLevel::kInfo,
        absl::StrCat(enable ? "enabling" : "disabling",
                     " read failures on bad sectors"));
    dd.fail_read_on_bb = enable;
    return "";
  }
  if (absl::EqualsIgnoreCase(verb, "countbadblocks")) {
    return absl::StrCat("countbadblocks: ", dd.badblocks.size(),
                        " badblock(s) found");
  }
  if (absl::EqualsIgnoreCase(verb, "clearbadblocks")) {
    const bool none = dd.badblocks.empty();
    dd.badblocks.clear();
    return none ? "dust_clear_badblocks: no badblocks found"
                : "dust_clear_badblocks: badblocks cleared";
  }
  if (absl::EqualsIgnoreCase(verb, "quiet")) {
    dd.quiet_mode = !dd.quiet_mode;
    return "";
  }
  if (absl::EqualsIgnoreCase(verb, "listbadblocks")) return ListBlocks(dd);
  return Unrecognized(ti, verb);
}

// "<verb> <block> [<count>]".
absl::StatusOr<std::string> BlockWords(const DmTarget& ti, DustDevice& dd,
                                       absl::Span<const std::string> argv) {
  const SscanfOverflow overflow = ProfileOf(ti).sscanf_overflow;
  absl::StatusOr<uint64_t> block = SscanfU64(argv[1], overflow);
  if (!block.ok()) return block.status();
  uint32_t wr_fail_cnt = 0;
  if (argv.size() == 3) {
    absl::StatusOr<uint32_t> count = SscanfU32(argv[2], overflow);
    if (!count.ok()) return count.status();
    if (*count > 255) {
      return Refuse(ti, "selected write fail count out of range");
    }
    wr_fail_cnt = *count;
  }
  // One block past the end passes, as in the kernel.
  if (*block > dd.dev->bdev->nr_sectors() / dd.sect_per_block()) {
    return Refuse(ti, "selected block value out of range");
  }
  if (absl::EqualsIgnoreCase(argv[0], "addbadblock")) {
    absl::Status s = AddBlock(ti, dd, *block, wr_fail_cnt);
    if (!s.ok()) return s;
    return "";
  }
  if (argv.size() == 3) return Unrecognized(ti, argv[0]);
  if (absl::EqualsIgnoreCase(argv[0], "removebadblock")) {
    absl::Status s = RemoveBlock(ti, dd, *block);
    if (!s.ok()) return s;
    return "";
  }
  if (absl::EqualsIgnoreCase(argv[0], "queryblock")) {
    absl::MutexLock lock(&dd.mu);
    return absl::StrCat("dust_query_block: block ", *block,
                        dd.badblocks.contains(*block) ? "" : " not",
                        " found in badblocklist");
  }
  return Unrecognized(ti, argv[0]);
}

absl::StatusOr<std::string> DustMessage(DmTarget& ti,
                                        absl::Span<const std::string> argv) {
  DustDevice& dd = ti.Private<DustDevice>();
  switch (argv.size()) {
    case 1:
      return OneWord(ti, dd, argv[0]);
    case 2:
    case 3:
      return BlockWords(ti, dd, argv);
    default:
      return Refuse(
          ti, absl::StrCat("invalid number of arguments '", argv.size(), "'"));
  }
}

void DustStatus(const DmTarget& ti, StatusType type, uint32_t /*status_flags*/,
                std::string* out) {
  DustDevice& dd = ti.Private<DustDevice>();
  absl::MutexLock lock(&dd.mu);
  if (type == STATUSTYPE_INFO) {
    absl::StrAppend(out, dd.dev->name,
                    dd.fail_read_on_bb ? " fail_read_on_bad_block" : " bypass",
                    dd.quiet_mode ? " quiet" : " verbose");
  } else if (type == STATUSTYPE_TABLE) {
    absl::StrAppend(out, dd.dev->name, " ", dd.start.value(), " ", dd.blksz);
  }
}

int DustIterateDevices(const DmTarget& ti, IterateDevicesFn fn) {
  const DustDevice& dd = ti.Private<DustDevice>();
  return fn(*dd.dev, dd.start, ti.len);
}

// "<enabled> <quiet> block:count ...".
std::string DustSaveState(const DmTarget& ti) {
  DustDevice& dd = ti.Private<DustDevice>();
  absl::MutexLock lock(&dd.mu);
  std::string state =
      absl::StrCat(dd.fail_read_on_bb ? 1 : 0, " ", dd.quiet_mode ? 1 : 0);
  for (const auto& [block, wr_fail_cnt] : dd.badblocks) {
    absl::StrAppend(&state, " ", block, ":", wr_fail_cnt);
  }
  return state;
}

std::vector<std::string> DustMessages(const DmTarget& ti) {
  DustDevice& dd = ti.Private<DustDevice>();
  absl::MutexLock lock(&dd.mu);
  std::vector<std::string> messages;
  for (const auto& [block, wr_fail_cnt] : dd.badblocks) {
    messages.push_back(absl::StrCat("addbadblock ", block));
    if (wr_fail_cnt != 0) absl::StrAppend(&messages.back(), " ", wr_fail_cnt);
  }
  if (dd.quiet_mode) messages.push_back("quiet");
  if (dd.fail_read_on_bb) messages.push_back("enable");
  return messages;
}

bool DustRestoreState(DmTarget& ti, absl::string_view state) {
  const std::vector<absl::string_view> words = absl::StrSplit(state, ' ');
  if (words.size() < 2) return false;
  DustDevice& dd = ti.Private<DustDevice>();
  absl::MutexLock lock(&dd.mu);
  dd.fail_read_on_bb = words[0] == "1";
  dd.quiet_mode = words[1] == "1";
  for (size_t i = 2; i < words.size(); ++i) {
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(words[i], absl::MaxSplits(':', 1));
    uint64_t block;
    uint32_t wr_fail_cnt;
    if (!absl::SimpleAtoi(pair.first, &block) ||
        !absl::SimpleAtoi(pair.second, &wr_fail_cnt)) {
      return false;
    }
    dd.badblocks[block] = wr_fail_cnt;
  }
  return true;
}

const TargetType kDustTarget = {
    .name = "dust",
    .versions = {{k5_10, 1, 0, 0}},
    .ctr = DustCtr,
    .map = DustMap,
    .status = DustStatus,
    .message = DustMessage,
    .iterate_devices = DustIterateDevices,
    .save_state = DustSaveState,
    .restore_state = DustRestoreState,
    .messages = DustMessages,
    .example = {.length = 2048, .params = "/dev/pmem0 16 512"},
};
DM_REGISTER_TARGET(kDustTarget);

}  // namespace
}  // namespace dmdax
