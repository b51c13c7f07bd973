// SPDX-License-Identifier: Apache-2.0
//
// mirror: the same data on several legs.
//
//   mirror core <#args> <region size> [sync|nosync]
//          <#legs> [<dev> <start>]{#legs} [<#features> handle_errors keep_log]
//   mirror disk <#args> <log dev> <region size> [sync|nosync] <#legs> ...
//
//   region size  sectors; a power of two, 2 .. the row's length
//   #legs        2 .. 9
//   start        first sector on dev
//
// A resume begins to copy the first leg to the others, as the machine's clock
// goes on.  The log type `userspace` is unknown.
// Mirrors drivers/md/dm-raid1.c, dm-log.c (4.14 to 7.2).
#include <algorithm>
#include <cerrno>
#include <limits>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/errno_status.h"
#include "base/kstrtox.h"
#include "dm/arg_set.h"
#include "dm/bio_map.h"
#include "dm/device_mapper.h"
#include "dm/targets/background.h"

namespace dmdax {
namespace {

constexpr uint32_t kMaxMirrors = 9;

enum class Sync { kDefault, kForce, kNo };

// struct dm_dirty_log.
struct DirtyLog {
  const DmDev* dev = nullptr;  // null: core
  uint32_t region_size = 0;    // sectors
  uint64_t region_count = 0;
  Sync sync = Sync::kDefault;
};

struct Mirror {
  const DmDev* dev;
  sector_t offset;
};

struct MirrorSet : DmTargetPrivate {
  DirtyLog log;
  std::vector<Mirror> mirror;
  bool handle_errors = false;
  bool keep_log = false;
  bool in_sync = false;
  uint64_t synced = 0;  // regions, from the first on
  BackgroundCopy recovery;
};

absl::Status LogError(const DmTarget& ti, absl::string_view text) {
  DmLog(MachineOf(ti), KernLevel::kWarn, "dirty region log", text);
  return ErrnoError(EINVAL, text);
}

// create_log_context(): "<region size> [sync|nosync]".
absl::Status CreateLogContext(const DmTarget& ti,
                              absl::Span<const std::string> argv,
                              DirtyLog* log) {
  if (argv.empty() || argv.size() > 2) {
    return LogError(ti, "wrong number of arguments to dirty region log");
  }
  if (argv.size() == 2) {
    if (argv[1] == "sync") {
      log->sync = Sync::kForce;
    } else if (argv[1] == "nosync") {
      log->sync = Sync::kNo;
    } else {
      return LogError(
          ti, absl::StrCat("unrecognised sync argument to dirty region log: ",
                           argv[1]));
    }
  }
  absl::StatusOr<uint32_t> size =
      SscanfU32(argv[0], ProfileOf(ti).sscanf_overflow);
  if (!size.ok() || *size < 2 || *size > ti.len.value() ||
      (*size & (*size - 1)) != 0) {
    return LogError(ti, absl::StrCat("invalid region size ", argv[0]));
  }
  log->region_size = *size;
  log->region_count = (ti.len.value() - 1) / *size + 1;
  constexpr uint64_t kMax = std::numeric_limits<uint32_t>::max();
  if (log->region_count > kMax) {
    return LogError(ti, absl::StrCat("region count exceeds limit of ", kMax));
  }
  return absl::OkStatus();
}

// The header and the bitmap must fit the log device.
absl::Status CheckLogDevice(const DmTarget& ti, const DirtyLog& log) {
  constexpr uint64_t kHeaderBytes = 2 << kSectorShift;
  const uint64_t lbs = log.dev->bdev->queue().limits().logical_block_size;
  const uint64_t bitset = (log.region_count + 63) / 64 * 8;
  const uint64_t size = (kHeaderBytes + bitset + lbs - 1) / lbs * lbs;
  if (size <= log.dev->bdev->nr_sectors() << kSectorShift) {
    return absl::OkStatus();
  }
  return LogError(ti, absl::StrCat("log device ", log.dev->name,
                                   " too small: need ", size, " bytes"));
}

absl::Status CreateLog(DmTarget& ti, const std::string& type,
                       absl::Span<const std::string> argv, DirtyLog* log) {
  if (type == "core") return CreateLogContext(ti, argv, log);
  if (type != "disk") {
    return LogError(
        ti, absl::StrCat("Module for logging type \"", type, "\" not found."));
  }
  if (argv.size() < 2 || argv.size() > 3) {
    return LogError(ti, "wrong number of arguments to disk dirty region log");
  }
  absl::StatusOr<const DmDev*> dev = DmGetDevice(ti, argv[0]);
  if (!dev.ok()) return dev.status();
  log->dev = *dev;
  absl::Status s = CreateLogContext(ti, argv.subspan(1), log);
  return s.ok() ? CheckLogDevice(ti, *log) : s;
}

absl::Status ParseLog(DmTarget& ti, DmArgSet& as, DirtyLog* log) {
  if (as.argc() < 2) return DmError("Insufficient mirror log arguments");
  const std::string& type = *as.Shift();
  absl::StatusOr<uint32_t> count =
      SscanfU32(*as.Shift(), ProfileOf(ti).sscanf_overflow);
  if (!count.ok()) return DmError("Invalid mirror log argument count");
  if (*count > as.argc()) return DmError("Insufficient mirror log arguments");
  if (!CreateLog(ti, type, as.rest().subspan(0, *count), log).ok()) {
    return DmError("Error creating mirror dirty log");
  }
  as.Consume(*count);
  return absl::OkStatus();
}

absl::Status ParseFeatures(DmArgSet& as, SscanfOverflow overflow,
                           MirrorSet* ms) {
  if (as.argc() == 0) return absl::OkStatus();
  absl::StatusOr<uint32_t> count = SscanfU32(*as.Shift(), overflow);
  if (!count.ok()) return DmError("Invalid number of features");
  if (*count > as.argc()) {
    return DmError("Not enough arguments to support feature count");
  }
  for (uint32_t i = 0; i < *count; ++i) {
    const std::string& name = *as.Shift();
    if (name == "handle_errors") {
      ms->handle_errors = true;
    } else if (name == "keep_log") {
      ms->keep_log = true;
    } else {
      return DmError("Unrecognised feature requested");
    }
  }
  if (ms->keep_log && !ms->handle_errors) {
    return DmError("keep_log feature requires the handle_errors feature");
  }
  return absl::OkStatus();
}

absl::Status ParseMirrors(DmTarget& ti, DmArgSet& as, MirrorSet* ms) {
  constexpr char kError[] = "Invalid number of mirrors";
  absl::StatusOr<uint32_t> count = as.ReadArg({2, kMaxMirrors, kError});
  if (!count.ok()) return count.status();
  if (as.argc() < size_t{*count} * 2) {
    return DmError("Too few mirror arguments");
  }
  for (uint32_t i = 0; i < *count; ++i) {
    const std::string& path = *as.Shift();
    absl::StatusOr<uint64_t> offset =
        SscanfU64(*as.Shift(), ProfileOf(ti).sscanf_overflow);
    if (!offset.ok()) return DmError("Invalid offset");
    absl::StatusOr<const DmDev*> dev =
        DmGetDevice(ti, path, "Device lookup failure");
    if (!dev.ok()) return dev.status();
    ms->mirror.push_back({*dev, sector_t(*offset)});
  }
  return absl::OkStatus();
}

absl::Status MirrorCtr(DmTarget& ti, absl::Span<const std::string> argv) {
  const SscanfOverflow overflow = ProfileOf(ti).sscanf_overflow;
  DmArgSet as(argv, overflow);
  auto ms = std::make_unique<MirrorSet>();
  absl::Status s = ParseLog(ti, as, &ms->log);
  if (s.ok()) s = ParseMirrors(ti, as, ms.get());
  if (s.ok()) s = DmSetTargetMaxIoLen(ti, ms->log.region_size);
  if (s.ok()) s = ParseFeatures(as, overflow, ms.get());
  if (s.ok() && as.argc() > 0) s = DmError("Too many mirror arguments");
  if (!s.ok()) return s;
  // nosync says that the legs are equal already, so there is nothing to
  // recover.
  // That it was in sync from the start is no event.
  ms->in_sync = ms->log.sync == Sync::kNo;
  if (ms->in_sync) ms->synced = ms->log.region_count;
  ti.private_data = std::move(ms);
  ti.num_flush_bios = 1;
  ti.num_discard_bios = 1;
  return absl::OkStatus();
}

// The first leg serves reads; a write goes to all.
BioMap MirrorMap(const DmTarget& ti, sector_t sector, ReqOp op) {
  const MirrorSet& ms = ti.Private<MirrorSet>();
  const uint64_t offset = ti.Offset(sector);
  BioMap map = {BioMap::Kind::kRemapped, ms.mirror[0].dev,
                ms.mirror[0].offset + offset, 0};
  if (op == ReqOp::kRead || op == ReqOp::kReadAhead) return map;
  for (size_t i = 1; i < ms.mirror.size(); ++i) {
    map.also.push_back({ms.mirror[i].dev, ms.mirror[i].offset + offset});
  }
  return map;
}

// recover(): region `region` of the first leg goes to the others.
void Recover(const DmTarget& ti, const MirrorSet& ms, uint64_t region) {
  const uint64_t start = region * ms.log.region_size;
  const uint64_t sectors =
      std::min<uint64_t>(ms.log.region_size, ti.len.value() - start);
  std::vector<char> bytes(sectors << kSectorShift);
  const Mirror& from = ms.mirror[0];
  if (!BioRead(*from.dev->bdev, from.offset + start, absl::MakeSpan(bytes))
           .ok()) {
    return;
  }
  for (size_t i = 1; i < ms.mirror.size(); ++i) {
    (void)BioWrite(*ms.mirror[i].dev->bdev, ms.mirror[i].offset + start, bytes);
  }
}

// do_recovery(): that all regions are in sync is an event.
void MirrorElapse(DmTarget& ti, int64_t now) {
  MirrorSet& ms = ti.Private<MirrorSet>();
  uint64_t left = ms.recovery.Take(now, ms.log.region_size);
  for (; left > 0 && ms.synced < ms.log.region_count; --left) {
    Recover(ti, ms, ms.synced++);
  }
  if (ms.in_sync || ms.synced < ms.log.region_count) return;
  ms.in_sync = true;
  DmTableEvent(ti);
}

void MirrorResume(DmTarget& ti) {
  MirrorSet& ms = ti.Private<MirrorSet>();
  ms.recovery.Start(MachineOf(ti).NowSeconds());
}

void LogTable(const DirtyLog& log, std::string* out) {
  const int args = log.sync == Sync::kDefault ? 1 : 2;
  if (log.dev == nullptr) {
    absl::StrAppend(out, "core ", args, " ");
  } else {
    absl::StrAppend(out, "disk ", args + 1, " ", log.dev->name, " ");
  }
  absl::StrAppend(out, log.region_size, " ");
  if (log.sync == Sync::kForce) absl::StrAppend(out, "sync ");
  if (log.sync == Sync::kNo) absl::StrAppend(out, "nosync ");
}

void MirrorInfo(const MirrorSet& ms, std::string* out) {
  absl::StrAppend(out, ms.mirror.size(), " ");
  for (const Mirror& m : ms.mirror) absl::StrAppend(out, m.dev->name, " ");
  absl::StrAppend(out, ms.synced, "/", ms.log.region_count, " 1 ",
                  std::string(ms.mirror.size(), 'A'), " ");
  if (ms.log.dev == nullptr) {
    absl::StrAppend(out, "1 core");
  } else {
    absl::StrAppend(out, "3 disk ", ms.log.dev->name, " A");
  }
}

void MirrorTable(const MirrorSet& ms, std::string* out) {
  LogTable(ms.log, out);
  absl::StrAppend(out, ms.mirror.size());
  for (const Mirror& m : ms.mirror) {
    absl::StrAppend(out, " ", m.dev->name, " ", m.offset.value());
  }
  if (ms.handle_errors) {
    absl::StrAppend(out, " ", ms.keep_log ? 2 : 1, " handle_errors",
                    ms.keep_log ? " keep_log" : "");
  }
}

void MirrorIma(const DmTarget& ti, const MirrorSet& ms, std::string* out) {
  const TargetVersion& v = ti.type->version(ProfileOf(ti));
  absl::StrAppend(out, "target_name=mirror,target_version=", v[0], ".", v[1],
                  ".", v[2], ",nr_mirrors=", ms.mirror.size());
  for (size_t i = 0; i < ms.mirror.size(); ++i) {
    absl::StrAppend(out, ",mirror_device_", i, "=", ms.mirror[i].dev->name);
    absl::StrAppend(out, ",mirror_device_", i, "_status=A");
  }
  absl::StrAppend(out, ",handle_errors=", ms.handle_errors ? "y" : "n",
                  ",keep_log=", ms.keep_log ? "y" : "n", ",log_type_status=;");
}

void MirrorStatus(const DmTarget& ti, StatusType type, std::string* out) {
  const MirrorSet& ms = ti.Private<MirrorSet>();
  switch (type) {
    case STATUSTYPE_INFO:
      return MirrorInfo(ms, out);
    case STATUSTYPE_TABLE:
      return MirrorTable(ms, out);
    case STATUSTYPE_IMA:
      return MirrorIma(ti, ms, out);
  }
}

int MirrorIterateDevices(const DmTarget& ti, IterateDevicesFn fn) {
  for (const Mirror& m : ti.Private<MirrorSet>().mirror) {
    if (int ret = fn(*m.dev, m.offset, ti.len)) return ret;
  }
  return 0;
}

// "<in sync> <regions in sync> <recovery>".
std::string MirrorSaveState(const DmTarget& ti) {
  const MirrorSet& ms = ti.Private<MirrorSet>();
  return absl::StrCat(ms.in_sync ? 1 : 0, " ", ms.synced, " ",
                      ms.recovery.Save());
}

bool MirrorRestoreState(DmTarget& ti, absl::string_view state) {
  MirrorSet& ms = ti.Private<MirrorSet>();
  const std::vector<absl::string_view> words = absl::StrSplit(state, ' ');
  if (words.size() != 3) return false;
  ms.in_sync = words[0] == "1";
  return absl::SimpleAtoi(words[1], &ms.synced) &&
         ms.recovery.Restore(words[2]) && ms.synced <= ms.log.region_count;
}

const TargetType kMirrorTarget = {
    .name = "mirror",
    .versions = {{k4_14, 1, 14, 0}, {k6_16, 1, 15, 0}},
    .registered = 13,
    .ctr = MirrorCtr,
    .map = MirrorMap,
    .status = MirrorStatus,
    .resume = MirrorResume,
    .elapse = MirrorElapse,
    .iterate_devices = MirrorIterateDevices,
    .save_state = MirrorSaveState,
    .restore_state = MirrorRestoreState,
    .example = {.length = 2048,
                .params = "core 1 64 2 /dev/pmem0 8 /dev/pmem1 0"},
};
DM_REGISTER_TARGET(kMirrorTarget);

}  // namespace
}  // namespace dmdax
