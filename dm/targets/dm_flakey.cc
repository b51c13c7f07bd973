// SPDX-License-Identifier: Apache-2.0
//
// flakey: a device that works for some seconds, then fails for some.
//
//   flakey <dev> <start> <up> <down> [<#feature words> <feature> ...]
//
//   start     first sector on dev
//   up, down  seconds; not both 0
//   features  drop_writes | error_writes | error_reads (since 6.5)
//             corrupt_bio_byte <byte, from 1> <r|w> <0-255> <bio flags>
//             random_read_corrupt | random_write_corrupt <parts in 10^9>
//
// Without features all I/O fails while it is down.  Time is the machine's
// clock.  What is corrupted at random is not, here.  Before 6.12 nothing that
// is read of a disk with request queues (a loop, an nvme) is corrupted. Mirrors
// drivers/md/dm-flakey.c (4.14 to 7.2).
#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/kstrtox.h"
#include "base/since.h"
#include "dm/arg_set.h"
#include "dm/device_mapper.h"

namespace dmdax {
namespace {

constexpr uint32_t kUintMax = ~uint32_t{0};

struct FlakeyC : DmTargetPrivate {
  const DmDev* dev = nullptr;
  int64_t start_time = 0;  // the machine's seconds
  sector_t start;
  uint32_t up_interval = 0;
  uint32_t down_interval = 0;
  bool error_reads = false;
  bool drop_writes = false;
  bool error_writes = false;
  uint32_t corrupt_bio_byte = 0;  // 1 for the first; 0: none
  bool corrupts_writes = false;   // else reads
  uint32_t corrupt_bio_value = 0;
  uint32_t corrupt_bio_flags = 0;
  uint32_t random_read_corrupt = 0;
  uint32_t random_write_corrupt = 0;
};

absl::Status SetDropWrites(FlakeyC* fc) {
  if (fc->drop_writes) return DmError("Feature drop_writes duplicated");
  fc->drop_writes = true;
  if (fc->error_writes) {
    return DmError("Feature drop_writes conflicts with feature error_writes");
  }
  return absl::OkStatus();
}

absl::Status SetErrorWrites(FlakeyC* fc) {
  if (fc->error_writes) return DmError("Feature error_writes duplicated");
  fc->error_writes = true;
  if (fc->drop_writes) {
    return DmError("Feature error_writes conflicts with feature drop_writes");
  }
  return absl::OkStatus();
}

absl::Status SetErrorReads(FlakeyC* fc) {
  if (fc->error_reads) return DmError("Feature error_reads duplicated");
  fc->error_reads = true;
  return absl::OkStatus();
}

// <byte> <r|w> <value> <flags>.  `*left` counts the feature words still to
// come and may run below zero, where the kernel's counter wraps.
absl::Status ParseCorruptBioByte(FlakeyRules rules, DmArgSet& as,
                                 uint32_t* left, FlakeyC* fc) {
  const bool counts = rules == FlakeyRules::kChecksRandomWrites;
  if (counts && fc->corrupt_bio_byte > 0) {
    return DmError("Feature corrupt_bio_byte duplicated");
  }
  if (*left < (counts ? 4u : 1u)) {
    return DmError(counts ? "Feature corrupt_bio_byte requires 4 parameters"
                          : "Feature corrupt_bio_byte requires parameters");
  }
  absl::StatusOr<uint32_t> byte =
      as.ReadArg({1, kUintMax, "Invalid corrupt bio byte"});
  if (!byte.ok()) return byte.status();
  fc->corrupt_bio_byte = *byte;
  const std::string* direction = as.Shift();
  if (direction != nullptr && absl::EqualsIgnoreCase(*direction, "w")) {
    fc->corrupts_writes = true;
  } else if (direction != nullptr && absl::EqualsIgnoreCase(*direction, "r")) {
    fc->corrupts_writes = false;
  } else {
    return DmError("Invalid corrupt bio direction (r or w)");
  }
  absl::StatusOr<uint32_t> value = as.ReadArg(
      {0, 255, "Invalid corrupt value to write into bio byte (0-255)"});
  if (!value.ok()) return value.status();
  fc->corrupt_bio_value = *value;
  absl::StatusOr<uint32_t> flags =
      as.ReadArg({0, kUintMax, "Invalid corrupt bio flags mask"});
  if (!flags.ok()) return flags.status();
  fc->corrupt_bio_flags = *flags;
  *left -= 4;
  return absl::OkStatus();
}

absl::Status ParseRandom(FlakeyRules rules, DmArgSet& as,
                         const std::string& name, uint32_t* left,
                         uint32_t* probability) {
  constexpr uint32_t kProbabilityBase = 1000000000;
  if (rules == FlakeyRules::kChecksRandomWrites && *probability > 0) {
    return DmError(absl::StrCat("Feature ", name, " duplicated"));
  }
  if (*left == 0) {
    return DmError(absl::StrCat("Feature ", name, " requires a parameter"));
  }
  absl::StatusOr<uint32_t> value =
      as.ReadArg({0, kProbabilityBase, "Invalid random corrupt argument"});
  if (!value.ok()) return value.status();
  *probability = *value;
  --*left;
  return absl::OkStatus();
}

absl::Status ParseFeature(FlakeyRules rules, DmArgSet& as,
                          const std::string& name, uint32_t* left,
                          FlakeyC* fc) {
  const bool newer = rules != FlakeyRules::kFailsUnlessTold;
  if (newer && absl::EqualsIgnoreCase(name, "error_reads")) {
    return SetErrorReads(fc);
  }
  if (absl::EqualsIgnoreCase(name, "drop_writes")) return SetDropWrites(fc);
  if (absl::EqualsIgnoreCase(name, "error_writes")) return SetErrorWrites(fc);
  if (absl::EqualsIgnoreCase(name, "corrupt_bio_byte")) {
    return ParseCorruptBioByte(rules, as, left, fc);
  }
  if (newer && absl::EqualsIgnoreCase(name, "random_read_corrupt")) {
    return ParseRandom(rules, as, "random_read_corrupt", left,
                       &fc->random_read_corrupt);
  }
  if (newer && absl::EqualsIgnoreCase(name, "random_write_corrupt")) {
    return ParseRandom(rules, as, "random_write_corrupt", left,
                       &fc->random_write_corrupt);
  }
  return DmError("Unrecognised flakey feature requested");
}

// What corrupts may not also fail or drop; older kernels ask only of writes
// with corrupt_bio_byte.
absl::Status CheckFeatures(const FlakeyC& fc, FlakeyRules rules) {
  const bool newer = rules == FlakeyRules::kChecksRandomWrites;
  const bool byte = fc.corrupt_bio_byte > 0;
  const bool writes =
      (byte && fc.corrupts_writes) || (newer && fc.random_write_corrupt > 0);
  if (writes && (fc.drop_writes || fc.error_writes)) {
    return DmError(absl::StrCat(fc.drop_writes ? "drop_writes" : "error_writes",
                                " is incompatible with ",
                                newer ? "random_write_corrupt or " : "",
                                "corrupt_bio_byte with the WRITE flag set"));
  }
  const bool reads =
      (byte && !fc.corrupts_writes) || fc.random_read_corrupt > 0;
  if (newer && reads && fc.error_reads) {
    return DmError(
        "error_reads is incompatible with random_read_corrupt or "
        "corrupt_bio_byte with the READ flag set");
  }
  return absl::OkStatus();
}

absl::Status ParseFeatures(DmArgSet& as, FlakeyRules rules, FlakeyC* fc) {
  const bool newer = rules != FlakeyRules::kFailsUnlessTold;
  uint32_t left = 0;
  if (as.argc() > 0) {
    absl::StatusOr<uint32_t> count = as.ReadArgGroup(
        {0, newer ? 11u : 6u, "Invalid number of feature args"});
    if (!count.ok()) return count.status();
    left = *count;
  }
  while (left > 0) {
    const std::string* name = as.Shift();
    --left;
    if (name == nullptr) return DmError("Insufficient feature arguments");
    absl::Status s = ParseFeature(rules, as, *name, &left, fc);
    if (!s.ok()) return s;
  }
  if (absl::Status s = CheckFeatures(*fc, rules); !s.ok()) return s;
  // Without any feature the device fails all I/O while it is down.
  if (newer && fc->corrupt_bio_byte == 0 && !fc->error_reads &&
      !fc->drop_writes && !fc->error_writes && fc->random_read_corrupt == 0 &&
      fc->random_write_corrupt == 0) {
    fc->error_reads = true;
    fc->error_writes = true;
  }
  return absl::OkStatus();
}

absl::Status ParseIntervals(DmArgSet& as, FlakeyRules rules, FlakeyC* fc) {
  constexpr char kBadUp[] = "Invalid up interval";
  absl::StatusOr<uint32_t> up = as.ReadArg({0, kUintMax, kBadUp});
  if (!up.ok()) return up.status();
  // Older kernels report a bad second interval in the words of the first.
  absl::StatusOr<uint32_t> down = as.ReadArg(
      {0, kUintMax,
       rules == FlakeyRules::kChecksRandomWrites ? "Invalid down interval"
                                                 : kBadUp});
  if (!down.ok()) return down.status();
  fc->up_interval = *up;
  fc->down_interval = *down;
  // The kernel adds in 32 bits: a sum that wraps to 0 is refused like 0.
  if (*up + *down == 0) {
    return DmError("Total (up + down) interval is zero");
  }
  if (*up + *down < *up) return DmError("Interval overflow");
  return absl::OkStatus();
}

absl::Status FlakeyCtr(DmTarget& ti, absl::Span<const std::string> argv) {
  if (argv.size() < 4) return DmError("Invalid argument count");
  const KernelProfile& profile = ProfileOf(ti);
  auto fc = std::make_unique<FlakeyC>();
  fc->start_time = MachineOf(ti).NowSeconds();
  DmArgSet as(argv, profile.sscanf_overflow);
  const std::string& devname = *as.Shift();
  absl::StatusOr<uint64_t> start =
      SscanfU64(*as.Shift(), profile.sscanf_overflow);
  if (!start.ok()) return DmError("Invalid device sector");
  fc->start = sector_t(*start);
  absl::Status s = ParseIntervals(as, profile.flakey_rules, fc.get());
  if (s.ok()) s = ParseFeatures(as, profile.flakey_rules, fc.get());
  if (!s.ok()) return s;
  absl::StatusOr<const DmDev*> dev =
      DmGetDevice(ti, devname, "Device lookup failed");
  if (!dev.ok()) return dev.status();
  fc->dev = *dev;
  ti.private_data = std::move(fc);
  ti.num_flush_bios = 1;
  ti.num_discard_bios = 1;
  return absl::OkStatus();
}

bool IsDown(const DmTarget& ti, const FlakeyC& fc) {
  // The kernel counts seconds in 32 bits.
  const uint32_t elapsed =
      static_cast<uint32_t>(MachineOf(ti).NowSeconds() - fc.start_time);
  return elapsed % (fc.up_interval + fc.down_interval) >= fc.up_interval;
}

// With corrupt_bio_byte, I/O of the other direction passes as well: a fix that
// reached the stable releases of 5.10 too.
constexpr Since<bool> kCorruptingPassesAll[] = {{k5_10, true}};

// What a bio of the older kernels gets while the device is down.
bool FailsUnlessTold(const DmTarget& ti, const FlakeyC& fc, bool reads) {
  if (reads ? fc.drop_writes || fc.error_writes : fc.error_writes) {
    return !reads;
  }
  if (fc.corrupt_bio_byte == 0) return true;
  return !ValueAt<bool>(kCorruptingPassesAll, ProfileOf(ti).release) &&
         fc.corrupts_writes == reads;
}

bool Fails(const DmTarget& ti, const FlakeyC& fc, bool reads) {
  if (ProfileOf(ti).flakey_rules == FlakeyRules::kFailsUnlessTold) {
    return FailsUnlessTold(ti, fc, reads);
  }
  return reads ? fc.error_reads : fc.error_writes;
}

// What is read is changed when the bio below is done, from where it began: a
// fix that reached the stable releases of 6.12.
constexpr Since<bool> kRemembersWhereItBegan[] = {{k6_12, true}};

// Whether a bio that is done has its data still to be gone through.  Drivers
// with request queues end bios piece by piece, and then nothing is left; pmem,
// brd and device-mapper leave them as they are.
bool DataIsLeft(const DmTarget& ti, BlockDevice& leg) {
  constexpr uint32_t kRamdiskMajor = 1;
  return ValueAt<bool>(kRemembersWhereItBegan, ProfileOf(ti).release) ||
         leg.fops() != nullptr || leg.host_dax_dev() != nullptr ||
         leg.whole().dev().major_nr == kRamdiskMajor;
}

// Whether a bio that a program's read or write makes has the flags.
bool FlagsMatch(const FlakeyC& fc, bool reads) {
  // REQ_OP_WRITE | REQ_SYNC | REQ_IDLE; a read has none.
  constexpr uint32_t kWriteFlags = 0x1 | 0x800 | 0x8000;
  return (fc.corrupt_bio_flags & ~(reads ? 0 : kWriteFlags)) == 0;
}

BioMap FlakeyMap(const DmTarget& ti, sector_t sector, ReqOp op) {
  const FlakeyC& fc = ti.Private<FlakeyC>();
  BioMap map{.kind = BioMap::Kind::kRemapped,
             .dev = fc.dev,
             .sector = fc.start + ti.Offset(sector)};
  if (!IsDown(ti, fc)) return map;
  const bool reads = IsRead(op);
  if (!reads && fc.drop_writes) return {.kind = BioMap::Kind::kDropped};
  if (Fails(ti, fc, reads)) return {.kind = BioMap::Kind::kError, .err = EIO};
  if (fc.corrupts_writes != reads && FlagsMatch(fc, reads) &&
      (!reads || DataIsLeft(ti, *fc.dev->bdev))) {
    map.corrupt_byte = fc.corrupt_bio_byte;
    map.corrupt_value = static_cast<uint8_t>(fc.corrupt_bio_value);
  }
  return map;
}

void FlakeyStatus(const DmTarget& ti, StatusType type,
                  uint32_t /*status_flags*/, std::string* out) {
  if (type != STATUSTYPE_TABLE) return;
  const FlakeyC& fc = ti.Private<FlakeyC>();
  absl::StrAppend(out, fc.dev->name, " ", fc.start.value(), " ", fc.up_interval,
                  " ", fc.down_interval, " ",
                  (fc.error_reads ? 1 : 0) + (fc.drop_writes ? 1 : 0) +
                      (fc.error_writes ? 1 : 0) +
                      (fc.corrupt_bio_byte > 0 ? 5 : 0) +
                      (fc.random_read_corrupt > 0 ? 2 : 0) +
                      (fc.random_write_corrupt > 0 ? 2 : 0));
  if (fc.error_reads) absl::StrAppend(out, " error_reads");
  if (fc.drop_writes) absl::StrAppend(out, " drop_writes");
  if (fc.error_writes) absl::StrAppend(out, " error_writes");
  if (fc.corrupt_bio_byte > 0) {
    absl::StrAppend(out, " corrupt_bio_byte ", fc.corrupt_bio_byte,
                    fc.corrupts_writes ? " w " : " r ", fc.corrupt_bio_value,
                    " ", fc.corrupt_bio_flags);
  }
  if (fc.random_read_corrupt > 0) {
    absl::StrAppend(out, " random_read_corrupt ", fc.random_read_corrupt);
  }
  if (fc.random_write_corrupt > 0) {
    absl::StrAppend(out, " random_write_corrupt ", fc.random_write_corrupt);
  }
  if (ProfileOf(ti).flakey_rules == FlakeyRules::kFailsUnlessTold) {
    // These kernels end the line with a blank.
    out->push_back(' ');
  }
}

int FlakeyIterateDevices(const DmTarget& ti, IterateDevicesFn fn) {
  const FlakeyC& fc = ti.Private<FlakeyC>();
  return fn(*fc.dev, fc.start, ti.len);
}

// A restored row goes on counting from when the table was made.
std::string FlakeySaveState(const DmTarget& ti) {
  return absl::StrCat(ti.Private<FlakeyC>().start_time);
}

bool FlakeyRestoreState(DmTarget& ti, absl::string_view state) {
  return absl::SimpleAtoi(state, &ti.Private<FlakeyC>().start_time);
}

const TargetType kFlakeyTarget = {
    .name = "flakey",
    .versions = DmVersion(1, 5, 0),
    .features = DM_TARGET_ZONED_HM | DM_TARGET_PASSES_CRYPTO,
    .registered = 5,
    .ctr = FlakeyCtr,
    .map = FlakeyMap,
    .status = FlakeyStatus,
    .iterate_devices = FlakeyIterateDevices,
    .save_state = FlakeySaveState,
    .restore_state = FlakeyRestoreState,
    .example = {.length = 2048, .params = "/dev/pmem0 16 5 5"},
};
DM_REGISTER_TARGET(kFlakeyTarget);

}  // namespace
}  // namespace dmdax
