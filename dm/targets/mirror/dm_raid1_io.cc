// SPDX-License-Identifier: Apache-2.0
//
// mirror: where I/O goes, what becomes of it when a leg fails, and how the legs
// come in sync.
// Mirrors: mirror_map, mirror_end_io, fail_mirror, do_reads, do_writes,
// do_failures, do_recovery of drivers/md/dm-raid1.c (5.10 to 7.3).
#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dm/bio/submit_bio.h"
#include "dm/bio_map.h"
#include "dm/targets/dm_delay.h"
#include "dm/targets/mirror/dm_raid1.h"

namespace dmdax {
namespace {

enum class Event { kNone, kRaised };

// BioMap::choice: the leg of a read, and how it, or a write, was let through.
enum Choice : uint32_t {
  kLegMask = 0xff,
  kDirect = 0x100,      // a read that mirror_map() has sent itself
  kDefaultOnly = 0x200  // a write to a region that is not in sync
};

void Say(const DmTarget& ti, KernLevel level, absl::string_view text) {
  DmLog(MachineOf(ti), level, "raid1", text);
}

// DMERR_LIMIT and DMWARN_LIMIT: each place has a limit of its own.
void SayLimited(const DmTarget& ti, KernLevel level, absl::string_view place,
                absl::string_view text) {
  MachineOf(ti).log().PrintkRatelimited(
      place, level, absl::StrCat("device-mapper: raid1: ", text));
}

uint64_t Region(const DmTarget& ti, const MirrorSet& ms, sector_t sector) {
  return ti.Offset(sector) / ms.log.region_size();
}

bool DefaultOk(const MirrorSet& ms) {
  return ms.mirror[ms.default_mirror].error_count == 0;
}

// choose_mirror(): the default one, or one before it, in a circle.
std::optional<size_t> ChooseMirror(const MirrorSet& ms) {
  const size_t n = ms.mirror.size();
  for (size_t i = 0; i < n; ++i) {
    const size_t leg = (ms.default_mirror + n - i) % n;
    if (ms.mirror[leg].error_count == 0) return leg;
  }
  return std::nullopt;
}

std::optional<size_t> ValidMirror(const MirrorSet& ms) {
  for (size_t leg = 0; leg < ms.mirror.size(); ++leg) {
    if (ms.mirror[leg].error_count == 0) return leg;
  }
  return std::nullopt;
}

Event FailMirror(const DmTarget& ti, MirrorSet& ms, size_t leg, unsigned type) {
  Mirror& m = ms.mirror[leg];
  ms.leg_failure = true;
  ++m.error_count;
  if ((m.error_type & type) != 0) return Event::kNone;
  m.error_type |= type;
  if (!ms.handle_errors) return Event::kNone;
  if (leg != ms.default_mirror) return Event::kRaised;
  if (!ms.in_sync && !ms.keep_log) {
    // Better the failing leg than data that may be wrong.
    Say(ti, KernLevel::kErr,
        absl::StrCat("Primary mirror (", m.dev->name,
                     ") failed while out-of-sync: Reads may fail."));
    return Event::kRaised;
  }
  if (const std::optional<size_t> valid = ValidMirror(ms)) {
    ms.default_mirror = *valid;
  } else {
    Say(ti, KernLevel::kWarn, "All sides of mirror have failed.");
  }
  return Event::kRaised;
}

bool MirrorAvailable(const MirrorSet& ms, uint64_t region) {
  return ms.log.InSync(region) && ChooseMirror(ms).has_value();
}

BioMap To(const MirrorSet& ms, size_t leg, uint64_t offset, uint32_t choice) {
  return {.kind = BioMap::Kind::kRemapped,
          .dev = ms.mirror[leg].dev,
          .sector = ms.mirror[leg].offset + offset,
          .choice = choice};
}

BioMap Refused() { return {.kind = BioMap::Kind::kError, .err = EIO}; }

BioMap MapRead(const MirrorSet& ms, uint64_t region, uint64_t offset,
               ReqOp op) {
  if (ms.log.InSync(region)) {
    const std::optional<size_t> leg = ChooseMirror(ms);
    if (!leg) return Refused();
    return To(ms, *leg, offset, static_cast<uint32_t>(*leg) | kDirect);
  }
  // What is not in sync is read by the daemon, from the default leg alone.
  if (op == ReqOp::kReadAhead || !DefaultOk(ms)) return Refused();
  return To(ms, ms.default_mirror, offset,
            static_cast<uint32_t>(ms.default_mirror));
}

AfterFailure ReadFailed(const DmTarget& ti, MirrorSet& ms, uint64_t region,
                        const DmIoFailure& failure, Event* event) {
  const uint32_t choice = failure.map.choice;
  const size_t leg = choice & kLegMask;
  const std::string& name = ms.mirror[leg].dev->name;
  const bool direct = (choice & kDirect) != 0 && failure.attempt == 0;
  if (direct) {
    Say(ti, KernLevel::kErr,
        absl::StrCat("Mirror read failed from ", name,
                     ". Trying alternative device."));
  }
  *event = FailMirror(ti, ms, leg, DM_RAID1_READ_ERROR);
  const bool again = DefaultOk(ms) || MirrorAvailable(ms, region);
  if (direct && !again) {
    Say(ti, KernLevel::kErr, "All replicated volumes dead, failing I/O");
  } else if (!direct) {
    SayLimited(ti, again ? KernLevel::kWarn : KernLevel::kErr,
               again ? "raid1 read again" : "raid1 read_callback",
               absl::StrCat("Read failure on mirror device ", name,
                            again ? ".  Trying alternative device."
                                  : ".  Failing I/O."));
    // mirror_end_io(), which has no other to try.
    if (!again) {
      SayLimited(ti, KernLevel::kErr, "raid1 mirror_end_io",
                 "Mirror read failed.");
    }
  }
  return again ? AfterFailure::kMapsAgain : AfterFailure::kFails;
}

// write_callback() and do_failures().
AfterFailure WriteFailed(const DmTarget& ti, MirrorSet& ms, uint64_t region,
                         const DmIoFailure& failure, Event* event) {
  for (const size_t leg : failure.places) {
    if (FailMirror(ti, ms, leg, DM_RAID1_WRITE_ERROR) == Event::kRaised) {
      *event = Event::kRaised;
    }
  }
  if (!ms.log_failure) {
    ms.in_sync = false;
    ms.log.SetSync(region, false);
  }
  if (!ValidMirror(ms) || (ms.keep_log && ms.log_failure)) {
    return AfterFailure::kFails;
  }
  return ms.handle_errors && !ms.keep_log ? AfterFailure::kWaits
                                          : AfterFailure::kSucceeds;
}

// Writes the log, without a lock: it may lie on any device.  False: it has
// failed.
bool FlushLog(const DmTarget& ti, MirrorSet& ms) {
  std::optional<std::string> image;
  {
    absl::MutexLock lock(&ms.mu);
    image = ms.log.Image();
  }
  if (!image || ms.log.Write(*image)) return true;
  bool first;
  {
    absl::MutexLock lock(&ms.mu);
    first = ms.log.FailDevice();
  }
  if (first) DmTableEvent(ti);
  return false;
}

// mirror_flush(): a log on a disk is written behind what the legs have.
void FlushLegs(const DmTarget& ti, MirrorSet& ms) {
  std::vector<size_t> failed;
  for (size_t i = 0; i < ms.mirror.size(); ++i) {
    if (!BioSubmitter()
             .Submit(ReqOp::kFlush, *ms.mirror[i].dev->bdev, sector_t{0}, 0)
             .ok()) {
      failed.push_back(i);
    }
  }
  Event event = Event::kNone;
  {
    absl::MutexLock lock(&ms.mu);
    for (const size_t leg : failed) {
      if (FailMirror(ti, ms, leg, DM_RAID1_FLUSH_ERROR) == Event::kRaised) {
        event = Event::kRaised;
      }
    }
  }
  if (event == Event::kRaised) DmTableEvent(ti);
}

// recover(): a region of the default leg goes to the others.  Whether it did.
bool CopyRegion(const DmTarget& ti, MirrorSet& ms, uint64_t region) {
  const uint64_t start = region * ms.log.region_size();
  const uint64_t sectors =
      std::min<uint64_t>(ms.log.region_size(), ti.len.value() - start);
  std::vector<char> bytes(sectors << kSectorShift);
  size_t from;
  {
    absl::MutexLock lock(&ms.mu);
    from = ms.default_mirror;
  }
  uint64_t write_err = 0;
  const bool read =
      BioRead(*ms.mirror[from].dev->bdev, ms.mirror[from].offset + start,
              absl::MakeSpan(bytes))
          .ok();
  std::vector<size_t> failed;
  if (!read) {
    SayLimited(ti, KernLevel::kErr, "raid1 recovery read",
               "Unable to read primary mirror during recovery");
    failed.push_back(from);
  }
  unsigned bit = 0;
  for (size_t i = 0; read && i < ms.mirror.size(); ++i) {
    if (i == from) continue;
    if (!BioWrite(*ms.mirror[i].dev->bdev, ms.mirror[i].offset + start, bytes)
             .ok()) {
      write_err |= uint64_t{1} << bit;
      failed.push_back(i);
    }
    ++bit;
  }
  if (write_err != 0) {
    SayLimited(ti, KernLevel::kErr, "raid1 recovery write",
               absl::StrCat("Write error during recovery (error = 0x",
                            absl::Hex(write_err), ")"));
  }
  Event event = Event::kNone;
  {
    absl::MutexLock lock(&ms.mu);
    for (const size_t leg : failed) {
      if (FailMirror(ti, ms, leg, DM_RAID1_SYNC_ERROR) == Event::kRaised) {
        event = Event::kRaised;
      }
    }
  }
  if (event == Event::kRaised) DmTableEvent(ti);
  return failed.empty();
}

// reset_ms_flags().
void ResetFlags(MirrorSet& ms) {
  ms.leg_failure = false;
  for (Mirror& m : ms.mirror) {
    m.error_count = 0;
    m.error_type = 0;
  }
}

}  // namespace

BioMap MirrorMap(const DmTarget& ti, sector_t sector, ReqOp op) {
  MirrorSet& ms = ti.Private<MirrorSet>();
  const uint64_t offset = ti.Offset(sector);
  const uint64_t region = Region(ti, ms, sector);
  // The region is dirty before it is written, and clean again afterwards.
  const bool flushed = op != ReqOp::kWrite || FlushLog(ti, ms);
  absl::MutexLock lock(&ms.mu);
  if (IsRead(op)) return MapRead(ms, region, offset, op);
  if (!flushed) ms.log_failure = true;
  if (op == ReqOp::kWrite) {
    const bool in_sync = ms.log.InSync(region);
    // What is held is let go by a suspend.
    if (ms.handle_errors &&
        (in_sync ? ms.log_failure : ms.leg_failure && !ms.keep_log)) {
      return ms.keep_log || !ValidMirror(ms)
                 ? Refused()
                 : BioMap{.kind = BioMap::Kind::kWaits};
    }
    if (!in_sync) return To(ms, ms.default_mirror, offset, kDefaultOnly);
  }
  BioMap map = To(ms, 0, offset, 0);
  for (size_t i = 1; i < ms.mirror.size(); ++i) {
    map.also.push_back({ms.mirror[i].dev, ms.mirror[i].offset + offset});
  }
  return map;
}

AfterFailure MirrorIoFailed(const DmTarget& ti, const DmBio& bio,
                            const DmIoFailure& failure) {
  // What a mirror can not do does not degrade it.
  if (failure.err == EOPNOTSUPP || bio.op == ReqOp::kDiscard ||
      bio.op == ReqOp::kReadAhead) {
    return AfterFailure::kFails;
  }
  if ((failure.map.choice & kDefaultOnly) != 0) return AfterFailure::kFails;
  MirrorSet& ms = ti.Private<MirrorSet>();
  Event event = Event::kNone;
  AfterFailure after;
  {
    absl::MutexLock lock(&ms.mu);
    const uint64_t region = Region(ti, ms, bio.sector);
    after = IsRead(bio.op) ? ReadFailed(ti, ms, region, failure, &event)
                           : WriteFailed(ti, ms, region, failure, &event);
  }
  if (event == Event::kRaised) DmTableEvent(ti);
  // That the region was dirty went to the log before the write.
  if (!IsRead(bio.op)) (void)FlushLog(ti, ms);
  return after;
}

// How long delay targets make the copy of a region take.
uint64_t RecoveryDelayMs(const MirrorSet& ms) {
  size_t from;
  {
    absl::MutexLock lock(&ms.mu);
    if (ms.log.all_in_sync()) return 0;
    from = ms.default_mirror;
  }
  uint64_t write_ms = 0;
  for (size_t i = 0; i < ms.mirror.size(); ++i) {
    const Mirror& m = ms.mirror[i];
    if (i == from) continue;
    write_ms =
        std::max(write_ms, DelayBelowMs(*m.dev->bdev, m.offset, ReqOp::kWrite));
  }
  const Mirror& source = ms.mirror[from];
  return DelayBelowMs(*source.dev->bdev, source.offset, ReqOp::kRead) +
         write_ms;
}

// do_recovery(): that all regions are in sync is an event.  Without
// handle_errors those that could not be copied count as if they had been.
void MirrorElapse(DmTarget& ti, int64_t now) {
  MirrorSet& ms = ti.Private<MirrorSet>();
  uint64_t left =
      ms.recovery.Take(now, ms.log.region_size(), RecoveryDelayMs(ms));
  bool copied = false;
  for (; left > 0; --left) {
    std::optional<uint64_t> region;
    {
      absl::MutexLock lock(&ms.mu);
      region = ms.log.NextWork();
    }
    if (!region) break;
    const bool in_sync = CopyRegion(ti, ms, *region) || !ms.handle_errors;
    {
      absl::MutexLock lock(&ms.mu);
      ms.log.SetSync(*region, in_sync);
    }
    if (ms.log.on_disk()) FlushLegs(ti, ms);
    copied = true;
  }
  if (copied) (void)FlushLog(ti, ms);
  {
    absl::MutexLock lock(&ms.mu);
    if (ms.in_sync || !ms.log.all_in_sync()) return;
    ms.in_sync = true;
    ResetFlags(ms);
  }
  DmTableEvent(ti);
}

}  // namespace dmdax
