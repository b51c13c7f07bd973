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
// goes on.  The log type `userspace` finds no daemon.  What handle_errors holds
// until somebody mends the mirror waits here as if the device were suspended.
// Mirrors drivers/md/dm-raid1.c (4.14 to 7.3).
#include "dm/targets/mirror/dm_raid1.h"

#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/kstrtox.h"
#include "dm/arg_set.h"

namespace dmdax {
namespace {

constexpr uint32_t kMaxMirrors = 9;

absl::Status ParseLog(DmTarget& ti, DmArgSet& as, MirrorSet* ms) {
  if (as.argc() < 2) return DmError("Insufficient mirror log arguments");
  const std::string& type = *as.Shift();
  absl::StatusOr<uint32_t> count =
      SscanfU32(*as.Shift(), ProfileOf(ti).sscanf_overflow);
  if (!count.ok()) return DmError("Invalid mirror log argument count");
  if (*count > as.argc()) return DmError("Insufficient mirror log arguments");
  if (!ms->log.Create(ti, type, as.rest().subspan(0, *count)).ok()) {
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
  absl::Status s = ParseLog(ti, as, ms.get());
  if (s.ok()) s = ParseMirrors(ti, as, ms.get());
  if (s.ok()) s = DmSetTargetMaxIoLen(ti, ms->log.region_size());
  if (s.ok()) s = ParseFeatures(as, overflow, ms.get());
  if (s.ok() && as.argc() > 0) s = DmError("Too many mirror arguments");
  if (!s.ok()) return s;
  // That it was in sync from the start is no event: nobody hears it yet.
  ms->in_sync = ms->log.all_in_sync();
  ti.private_data = std::move(ms);
  ti.num_flush_bios = 1;
  ti.num_discard_bios = 1;
  return absl::OkStatus();
}

void MirrorResume(DmTarget& ti) {
  MirrorSet& ms = ti.Private<MirrorSet>();
  if (!ms.log.Resume(ti)) {
    DmLog(MachineOf(ti), KernLevel::kWarn, "raid1", "log resume failed");
  }
  const int64_t now = MachineOf(ti).NowSeconds();
  ms.recovery.Start(now);
  // The daemon begins at once, and says so.
  MirrorElapse(ti, now);
}

// device_status_char() of each leg.
std::string LegStates(const MirrorSet& ms) {
  std::string states;
  for (const Mirror& m : ms.mirror) {
    states += m.error_count == 0                          ? 'A'
              : (m.error_type & DM_RAID1_FLUSH_ERROR)     ? 'F'
              : (m.error_type & DM_RAID1_WRITE_ERROR)     ? 'D'
              : (m.error_type & DM_RAID1_SYNC_ERROR) != 0 ? 'S'
                                                          : 'R';
  }
  return states;
}

void MirrorInfo(const MirrorSet& ms, std::string* out) {
  absl::StrAppend(out, ms.mirror.size(), " ");
  for (const Mirror& m : ms.mirror) absl::StrAppend(out, m.dev->name, " ");
  absl::StrAppend(out, ms.log.sync_count(), "/", ms.log.region_count(), " 1 ",
                  LegStates(ms), " ", ms.log.InfoText());
}

void MirrorTable(const MirrorSet& ms, std::string* out) {
  absl::StrAppend(out, ms.log.TableText(), ms.mirror.size());
  for (const Mirror& m : ms.mirror) {
    absl::StrAppend(out, " ", m.dev->name, " ", m.offset.value());
  }
  if (ms.handle_errors) {
    absl::StrAppend(out, " ", ms.keep_log ? 2 : 1, " handle_errors",
                    ms.keep_log ? " keep_log" : "");
  }
}

void MirrorIma(const DmTarget& ti, const MirrorSet& ms, std::string* out) {
  absl::StrAppend(out, DmTargetNameVersion(ti),
                  ",nr_mirrors=", ms.mirror.size());
  const std::string states = LegStates(ms);
  for (size_t i = 0; i < ms.mirror.size(); ++i) {
    absl::StrAppend(out, ",mirror_device_", i, "=", ms.mirror[i].dev->name);
    absl::StrAppend(out, ",mirror_device_", i, "_status=", states.substr(i, 1));
  }
  absl::StrAppend(out, ",handle_errors=", ms.handle_errors ? "y" : "n",
                  ",keep_log=", ms.keep_log ? "y" : "n", ",log_type_status=;");
}

void MirrorStatus(const DmTarget& ti, StatusType type,
                  uint32_t /*status_flags*/, std::string* out) {
  const MirrorSet& ms = ti.Private<MirrorSet>();
  absl::MutexLock lock(&ms.mu);
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

// "<in sync> <leg failure> <log failure> <default> <recovery>", then "<errors>
// <kinds of them>" of each leg, then the log.
std::string MirrorSaveState(const DmTarget& ti) {
  const MirrorSet& ms = ti.Private<MirrorSet>();
  absl::MutexLock lock(&ms.mu);
  std::string state = absl::StrCat(
      ms.in_sync ? 1 : 0, " ", ms.leg_failure ? 1 : 0, " ",
      ms.log_failure ? 1 : 0, " ", ms.default_mirror, " ", ms.recovery.Save());
  for (const Mirror& m : ms.mirror) {
    absl::StrAppend(&state, " ", m.error_count, " ", m.error_type);
  }
  return absl::StrCat(state, " ", ms.log.Save());
}

bool MirrorRestoreState(DmTarget& ti, absl::string_view state) {
  MirrorSet& ms = ti.Private<MirrorSet>();
  const std::vector<absl::string_view> words = absl::StrSplit(state, ' ');
  // As it was before legs could fail: "<in sync> <regions> <recovery>".
  if (words.size() == 3) {
    absl::MutexLock lock(&ms.mu);
    ms.in_sync = words[0] == "1";
    return ms.recovery.Restore(words[2]) &&
           ms.log.Restore({words[1], "0", "0"});
  }
  const size_t log = 5 + 2 * ms.mirror.size();
  absl::MutexLock lock(&ms.mu);
  if (words.size() < log || !absl::SimpleAtoi(words[3], &ms.default_mirror) ||
      ms.default_mirror >= ms.mirror.size() || !ms.recovery.Restore(words[4])) {
    return false;
  }
  ms.in_sync = words[0] == "1";
  ms.leg_failure = words[1] == "1";
  ms.log_failure = words[2] == "1";
  for (size_t i = 0; i < ms.mirror.size(); ++i) {
    if (!absl::SimpleAtoi(words[5 + 2 * i], &ms.mirror[i].error_count) ||
        !absl::SimpleAtoi(words[6 + 2 * i], &ms.mirror[i].error_type)) {
      return false;
    }
  }
  return ms.log.Restore(absl::MakeConstSpan(words).subspan(log));
}

const TargetType kMirrorTarget = {
    .name = "mirror",
    .versions = {{k4_14, 1, 14, 0}, {k6_16, 1, 15, 0}},
    .registered = 13,
    .ctr = MirrorCtr,
    .map = MirrorMap,
    .io_failed = MirrorIoFailed,
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
