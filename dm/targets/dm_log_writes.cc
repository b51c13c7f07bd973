// SPDX-License-Identifier: Apache-2.0
//
// log-writes: passes everything through and keeps a log of writes.
//
//   log-writes <dev> <logdev> [ignored ...]
//
// Sectors are passed on unchanged: the row's start is not subtracted, as in the
// kernel.  DAX writes bypass the log (since 5.17).
//
// The log is the kernel's, and replay-log reads it: a block that says how many
// entries there are, then each entry, a block about the write and its data.  A
// write is logged when a flush that came after it is done.  Writes that wait
// for one are forgotten between two commands, but not by a resident machine.
// Mirrors drivers/md/dm-log-writes.c (4.14 to 7.2).
#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/mutex.h"
#include "base/errno_status.h"
#include "dm/bio_map.h"
#include "dm/device_mapper.h"

namespace dmdax {
namespace {

// struct log_write_entry: in blocks of the device.
struct LogEntry {
  uint64_t sector = 0, nr_sectors = 0, flags = 0;
  std::string mark;
  std::vector<char> data;
};

constexpr uint64_t kLogFlush = 1, kLogDiscard = 4, kLogMark = 8;

struct LogWritesC : DmTargetPrivate {
  const DmDev* dev;
  const DmDev* logdev;
  uint32_t sectorsize;  // bytes: the device's logical blocks
  uint64_t logged_entries = 0;
  uint64_t next_sector = 0;  // of the log, in 512-byte sectors
  bool logging_enabled = true;
  absl::Mutex mu;
  std::vector<LogEntry> unflushed ABSL_GUARDED_BY(mu);
};

absl::Status LogWritesCtr(DmTarget& ti, absl::Span<const std::string> argv) {
  if (argv.size() < 2) return DmError("Invalid argument count");
  absl::StatusOr<const DmDev*> dev =
      DmGetDevice(ti, argv[0], "Device lookup failed");
  if (!dev.ok()) return dev.status();
  absl::StatusOr<const DmDev*> logdev =
      DmGetDevice(ti, argv[1], "Log device lookup failed");
  if (!logdev.ok()) return logdev.status();

  auto lc = std::make_unique<LogWritesC>();
  lc->dev = *dev;
  lc->logdev = *logdev;
  lc->sectorsize = lc->dev->bdev->queue().limits().logical_block_size;
  // Block 0 of the log is its super block.
  lc->next_sector = lc->sectorsize >> kSectorShift;
  ti.private_data = std::move(lc);
  ti.num_flush_bios = 1;
  ti.flush_supported = true;
  ti.num_discard_bios = 1;
  ti.discards_supported = true;
  return absl::OkStatus();
}

bool Discards(const LogWritesC& lc) {
  return lc.dev->bdev->queue().limits().max_discard_sectors > 0;
}

BioMap LogWritesMap(const DmTarget& ti, sector_t sector, ReqOp op) {
  // What the device can not discard is only logged.
  if (op == ReqOp::kDiscard && !Discards(ti.Private<LogWritesC>())) {
    return {.kind = BioMap::Kind::kDropped};
  }
  return {BioMap::Kind::kRemapped, ti.Private<LogWritesC>().dev, sector, 0};
}

void LogWritesStatus(const DmTarget& ti, StatusType type,
                     uint32_t /*status_flags*/, std::string* out) {
  const LogWritesC& lc = ti.Private<LogWritesC>();
  switch (type) {
    case STATUSTYPE_INFO:
      // Entries logged, and the last sector of the log in use.
      absl::StrAppend(out, lc.logged_entries, " ", lc.next_sector - 1,
                      lc.logging_enabled ? "" : " logging_disabled");
      break;
    case STATUSTYPE_TABLE:
      absl::StrAppend(out, lc.dev->name, " ", lc.logdev->name);
      break;
    case STATUSTYPE_IMA:
      break;
  }
}

void PutLe(uint64_t value, size_t n, char* out) {
  for (size_t i = 0; i < n; ++i) out[i] = static_cast<char>(value >> (8 * i));
}

// log_end_io(): a log that can not be written is given up.
void WriteLog(const DmTarget& ti, LogWritesC& lc, uint64_t sector,
              absl::Span<const char> bytes) {
  constexpr int kBlkStsIoerr = 10;
  if (BioWrite(*lc.logdev->bdev, sector_t(sector), bytes).ok()) return;
  DmLog(MachineOf(ti), KernLevel::kErr, "log-writes",
        absl::StrCat("Error writing log block, error=", kBlkStsIoerr));
  lc.logging_enabled = false;
}

// log_super().
void WriteSuper(const DmTarget& ti, LogWritesC& lc) {
  constexpr uint64_t kMagic = 0x6a736677736872ULL;
  std::vector<char> block(lc.sectorsize);
  PutLe(kMagic, 8, &block[0]);
  PutLe(1, 8, &block[8]);
  PutLe(lc.logged_entries, 8, &block[16]);
  PutLe(lc.sectorsize, 4, &block[24]);
  WriteLog(ti, lc, 0, block);
}

// log_writes_kthread(), of one entry.
void WriteEntry(const DmTarget& ti, LogWritesC& lc, const LogEntry& entry) {
  if (!lc.logging_enabled) return;
  const uint64_t end_sector = lc.logdev->bdev->nr_sectors();
  const uint64_t unit = lc.sectorsize >> kSectorShift;
  const uint64_t at = lc.next_sector;
  lc.next_sector += unit;
  if (!(entry.flags & kLogDiscard)) lc.next_sector += entry.nr_sectors * unit;
  if (end_sector != 0 && lc.next_sector >= end_sector) {
    DmLog(MachineOf(ti), KernLevel::kErr, "log-writes",
          "Ran out of space on the logdev");
    lc.logging_enabled = false;
    return;
  }
  ++lc.logged_entries;
  std::vector<char> block(lc.sectorsize);
  PutLe(entry.sector, 8, &block[0]);
  PutLe(entry.nr_sectors, 8, &block[8]);
  PutLe(entry.flags, 8, &block[16]);
  PutLe(entry.mark.size(), 8, &block[24]);
  std::copy(entry.mark.begin(), entry.mark.end(), block.begin() + 32);
  WriteLog(ti, lc, at, block);
  if (!entry.data.empty()) WriteLog(ti, lc, at + unit, entry.data);
  if (entry.flags & kLogMark) WriteSuper(ti, lc);
}

// normal_end_io(): a flush brings all that came before it into the log.
int LogWritesEndIo(const DmTarget& ti, const DmBio& bio) {
  LogWritesC& lc = ti.Private<LogWritesC>();
  const bool flush = bio.op == ReqOp::kFlush;
  if (IsRead(bio.op)) return 0;
  absl::MutexLock lock(&lc.mu);
  if (!lc.logging_enabled) return 0;
  LogEntry entry;
  const uint64_t unit = lc.sectorsize >> kSectorShift;
  if (!flush) entry.sector = bio.sector.value() / unit;
  entry.nr_sectors = bio.sectors / unit;
  if (flush) entry.flags = kLogFlush;
  if (bio.op == ReqOp::kDiscard) entry.flags = kLogDiscard;
  entry.data.assign(bio.written.begin(), bio.written.end());
  if (bio.op == ReqOp::kWriteZeroes) {
    entry.data.assign(bio.sectors << kSectorShift, '\0');
  }
  lc.unflushed.push_back(std::move(entry));
  if (!flush) return 0;
  for (const LogEntry& e : lc.unflushed) WriteEntry(ti, lc, e);
  lc.unflushed.clear();
  return 0;
}

// A mark takes one block of the log, its text included.
void LogMark(const DmTarget& ti, LogWritesC& lc, absl::string_view text) {
  constexpr size_t kEntryHeader = 32;
  absl::MutexLock lock(&lc.mu);
  WriteEntry(
      ti, lc,
      {.flags = kLogMark,
       .mark = std::string(text.substr(0, lc.sectorsize - kEntryHeader - 1))});
}

// log_writes_dtor().
void LogWritesDtor(DmTarget& ti) {
  LogWritesC& lc = ti.Private<LogWritesC>();
  {
    absl::MutexLock lock(&lc.mu);
    for (const LogEntry& e : lc.unflushed) WriteEntry(ti, lc, e);
    lc.unflushed.clear();
  }
  LogMark(ti, lc, "dm-log-writes-end");
}

absl::StatusOr<std::string> LogWritesMessage(
    DmTarget& ti, absl::Span<const std::string> argv) {
  Machine& machine = MachineOf(ti);
  if (argv.size() != 2) {
    DmLog(machine, KernLevel::kWarn, "log-writes",
          absl::StrCat("Invalid log-writes message arguments, expect 2 "
                       "arguments, got ",
                       argv.size()));
    return ErrnoError(EINVAL, "expect 2 arguments");
  }
  if (!absl::EqualsIgnoreCase(argv[0], "mark")) {
    DmLog(machine, KernLevel::kWarn, "log-writes",
          absl::StrCat("Unrecognised log writes target message received: ",
                       argv[0]));
    return ErrnoError(EINVAL, "unrecognised message");
  }
  LogMark(ti, ti.Private<LogWritesC>(), argv[1]);
  return "";
}

// "<entries> <next sector> <enabled>".
std::string LogWritesSaveState(const DmTarget& ti) {
  const LogWritesC& lc = ti.Private<LogWritesC>();
  return absl::StrCat(lc.logged_entries, " ", lc.next_sector, " ",
                      lc.logging_enabled ? 1 : 0);
}

bool LogWritesRestoreState(DmTarget& ti, absl::string_view state) {
  LogWritesC& lc = ti.Private<LogWritesC>();
  const std::vector<absl::string_view> words = absl::StrSplit(state, ' ');
  if (words.size() != 3) return false;
  lc.logging_enabled = words[2] == "1";
  return absl::SimpleAtoi(words[0], &lc.logged_entries) &&
         absl::SimpleAtoi(words[1], &lc.next_sector);
}

int LogWritesIterateDevices(const DmTarget& ti, IterateDevicesFn fn) {
  return fn(*ti.Private<LogWritesC>().dev, sector_t{0}, ti.len);
}

void LogWritesIoHints(const DmTarget& ti, QueueLimits& limits) {
  const LogWritesC& lc = ti.Private<LogWritesC>();
  const QueueLimits dev = lc.dev->bdev->queue().limits();
  if (dev.max_discard_sectors == 0) {
    limits.discard_granularity = lc.sectorsize;
    limits.max_discard_sectors = ~uint32_t{0} >> kSectorShift;
    limits.max_hw_discard_sectors = limits.max_discard_sectors;
  }
  limits.logical_block_size = dev.logical_block_size;
  limits.physical_block_size = dev.physical_block_size;
  limits.io_min = limits.physical_block_size;
  limits.dma_alignment = limits.logical_block_size - 1;
}

DaxAccess LogWritesDaxDirectAccess(const DmTarget& ti, pgoff_t pgoff,
                                   int64_t nr_pages, DaxAccessMode mode,
                                   Trace* trace) {
  return DmDaxForward(ti, *ti.Private<LogWritesC>().dev, PageToSector(pgoff),
                      pgoff, nr_pages, mode, trace);
}

// The row's start is not subtracted on the way down.
bool LogWritesDaxLayout(const DmTarget& ti, DaxLayout* layout) {
  layout->legs = {{ti.Private<LogWritesC>().dev, ti.begin}};
  return true;
}

int LogWritesDaxZeroPageRange(const DmTarget& ti, pgoff_t pgoff,
                              uint64_t nr_pages, Trace* trace) {
  const DmDev& dev = *ti.Private<LogWritesC>().dev;
  pgoff_t lower;
  if (!DmDaxPgoff(ProfileOf(ti), dev, PageToSector(pgoff), &lower)) {
    return -EINVAL;
  }
  // The kernel passes a byte count where a page count is expected, so the
  // device below always refuses.
  return DaxZeroPageRange(dev.dax_dev, lower, nr_pages << kPageShift, trace);
}

size_t LogWritesDaxRecoveryWrite(const DmTarget& ti, pgoff_t pgoff,
                                 uint64_t offset,
                                 absl::Span<const char> bytes) {
  const DmDev& dev = *ti.Private<LogWritesC>().dev;
  pgoff_t lower;
  if (!DmDaxPgoff(ProfileOf(ti), dev, PageToSector(pgoff), &lower)) return 0;
  return DaxRecoveryWrite(dev.dax_dev, lower, offset, bytes);
}

// 4.14 had no DAX here.
const TargetType kLogWritesTargetNoDax = {
    .name = "log-writes",
    .versions = {{k4_14, 1, 0, 0}, GoneSince(k5_10)},
    .registered = 11,
    .ctr = LogWritesCtr,
    .map = LogWritesMap,
    .end_io = LogWritesEndIo,
    .status = LogWritesStatus,
    .message = LogWritesMessage,
    .dtor = LogWritesDtor,
    .iterate_devices = LogWritesIterateDevices,
    .io_hints = LogWritesIoHints,
    .save_state = LogWritesSaveState,
    .restore_state = LogWritesRestoreState,
    .example = {.length = 2048, .params = "/dev/pmem0 /dev/sda"},
};
DM_REGISTER_TARGET(kLogWritesTargetNoDax);

const TargetType kLogWritesTarget = {
    .name = "log-writes",
    .versions = {{k5_10, 1, 1, 0}},
    .registered = 11,
    .ctr = LogWritesCtr,
    .map = LogWritesMap,
    .end_io = LogWritesEndIo,
    .status = LogWritesStatus,
    .message = LogWritesMessage,
    .dtor = LogWritesDtor,
    .iterate_devices = LogWritesIterateDevices,
    .io_hints = LogWritesIoHints,
    .direct_access = LogWritesDaxDirectAccess,
    .dax_layout = LogWritesDaxLayout,
    .dax_zero_page_range = LogWritesDaxZeroPageRange,
    .dax_recovery_write = LogWritesDaxRecoveryWrite,
    .save_state = LogWritesSaveState,
    .restore_state = LogWritesRestoreState,
    .example = {.length = 2048, .params = "/dev/pmem0 /dev/sda"},
};
DM_REGISTER_TARGET(kLogWritesTarget);

}  // namespace
}  // namespace dmdax
