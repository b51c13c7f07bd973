// SPDX-License-Identifier: Apache-2.0
//
// striped: chunks dealt out to the legs in turn.
//
//   striped <#stripes> <chunk> [<dev> <start>]{#stripes}
//
//   #stripes  legs, 1 .. 2^32-1; the row's length is a multiple of it
//   chunk     sectors, 1 .. 2^32-1; a leg's share is a multiple of it.  Any
//             number: neither a power of two nor whole pages are needed, but
//             a page that a chunk's end cuts in two has no DAX address.
//   start     first sector on dev
//
// Mirrors drivers/md/dm-stripe.c (4.14 to 7.2).
#include <algorithm>
#include <cerrno>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/mutex.h"
#include "base/errno_status.h"
#include "base/kstrtox.h"
#include "base/since.h"
#include "dm/device_mapper.h"

namespace dmdax {
namespace {

struct Stripe {
  const DmDev* dev;
  sector_t physical_start;
};

// DM_IO_ERROR_THRESHOLD: so many errors of a device are no event any more.
constexpr uint32_t kIoErrorThreshold = 15;
// Before, a failed bio named the whole disk, which a leg on a partition is not.
constexpr Since<bool> kBioNamesPartition[] = {{{5, 12}, true}};

// Each failed piece queues the work that tells; before the next it runs in
// Debian's kernels, but for those that preempt lazily.
constexpr Since<bool> kPiecesAreOneEvent[] = {{{6, 16}, true}, {{7, 3}, false}};

// What I/O has met.
struct StripeErrors {
  std::vector<uint32_t> counts;  // of each leg; none until the first error
  uint64_t told = 0;             // the last request that was an event
};

struct StripeC : DmTargetPrivate {
  uint32_t stripes;
  uint32_t chunk_size;    // sectors
  sector_t stripe_width;  // sectors of each leg
  std::vector<Stripe> stripe;
  mutable absl::Mutex mu;
  StripeErrors errors ABSL_GUARDED_BY(mu);
};

// One "<dev> <start>".  The number is parsed before the device is opened.
absl::StatusOr<Stripe> GetStripe(DmTarget& ti, const std::string& path,
                                 const std::string& start) {
  constexpr char kError[] = "Couldn't parse stripe destination";
  absl::StatusOr<uint64_t> sector =
      SscanfU64(start, ProfileOf(ti).sscanf_overflow);
  if (!sector.ok()) return DmError(kError);
  absl::StatusOr<const DmDev*> dev = DmGetDevice(ti, path, kError);
  if (!dev.ok()) return dev.status();
  return Stripe{*dev, sector_t(*sector)};
}

absl::Status StripeCtr(DmTarget& ti, absl::Span<const std::string> argv) {
  if (argv.size() < 2) return DmError("Not enough arguments");
  absl::StatusOr<uint32_t> stripes = KstrtoU32(argv[0]);
  if (!stripes.ok() || *stripes == 0) return DmError("Invalid stripe count");
  absl::StatusOr<uint32_t> chunk_size = KstrtoU32(argv[1]);
  if (!chunk_size.ok() || *chunk_size == 0) {
    return DmError("Invalid chunk_size");
  }
  if (ti.len.value() % *stripes != 0) {
    return DmError("Target length not divisible by number of stripes");
  }
  const uint64_t width = ti.len.value() / *stripes;
  if (width % *chunk_size != 0) {
    return DmError("Target length not divisible by chunk size");
  }
  // In 64 bits: twice the count of stripes may not fit 32.
  if (argv.size() != 2 + 2 * uint64_t{*stripes}) {
    return DmError("Not enough destinations specified");
  }
  if (absl::Status s = DmSetTargetMaxIoLen(ti, *chunk_size); !s.ok()) return s;

  auto sc = std::make_unique<StripeC>();
  sc->stripes = *stripes;
  sc->chunk_size = *chunk_size;
  sc->stripe_width = sector_t(width);
  for (size_t i = 2; i < argv.size(); i += 2) {
    absl::StatusOr<Stripe> stripe = GetStripe(ti, argv[i], argv[i + 1]);
    if (!stripe.ok()) return stripe.status();
    sc->stripe.push_back(*stripe);
  }
  ti.private_data = std::move(sc);
  ti.num_flush_bios = *stripes;
  ti.num_discard_bios = *stripes;
  ti.num_secure_erase_bios = *stripes;
  ti.num_write_zeroes_bios = *stripes;
  return absl::OkStatus();
}

// stripe_map_sector(): which leg, and which sector of its device.
struct MappedSector {
  const DmDev* dev;
  sector_t sector;
};

MappedSector StripeMapSector(const DmTarget& ti, sector_t sector) {
  const StripeC& sc = ti.Private<StripeC>();
  const uint64_t offset = ti.Offset(sector);
  const uint64_t chunk = offset / sc.chunk_size;
  const Stripe& leg = sc.stripe[chunk % sc.stripes];
  const uint64_t row = chunk / sc.stripes;
  return {leg.dev,
          leg.physical_start + row * sc.chunk_size + offset % sc.chunk_size};
}

BioMap StripeMap(const DmTarget& ti, sector_t sector, ReqOp) {
  const MappedSector to = StripeMapSector(ti, sector);
  return {BioMap::Kind::kRemapped, to.dev, to.sector, 0};
}

// stripe_end_io().
AfterFailure StripeIoFailed(const DmTarget& ti, const DmBio& bio,
                            const DmIoFailure& failure) {
  if (bio.op == ReqOp::kReadAhead || failure.err == EOPNOTSUPP) {
    return AfterFailure::kFails;
  }
  StripeC& sc = ti.Private<StripeC>();
  const DmDev& dev = *failure.map.dev;
  if (dev.bdev->is_partition() &&
      !ValueAt<bool>(kBioNamesPartition, ProfileOf(ti).release)) {
    return AfterFailure::kFails;
  }
  bool event = false;
  {
    absl::MutexLock lock(&sc.mu);
    sc.errors.counts.resize(sc.stripe.size());
    for (size_t i = 0; i < sc.stripe.size(); ++i) {
      if (sc.stripe[i].dev != &dev) continue;
      if (++sc.errors.counts[i] >= kIoErrorThreshold) continue;
      event |= sc.errors.told != bio.request ||
               !ValueAt<bool>(kPiecesAreOneEvent, ProfileOf(ti).release);
      sc.errors.told = bio.request;
    }
  }
  if (event) DmTableEvent(ti);
  return AfterFailure::kFails;
}

// 'D' for a leg that has failed.
std::string LegStates(const StripeC& sc) {
  absl::MutexLock lock(&sc.mu);
  std::string states(sc.stripe.size(), 'A');
  for (size_t i = 0; i < sc.errors.counts.size(); ++i) {
    if (sc.errors.counts[i] > 0) states[i] = 'D';
  }
  return states;
}

// "<errors>" of each leg; nothing if there were none.
std::string StripeSaveState(const DmTarget& ti) {
  const StripeC& sc = ti.Private<StripeC>();
  absl::MutexLock lock(&sc.mu);
  return absl::StrJoin(sc.errors.counts, " ");
}

bool StripeRestoreState(DmTarget& ti, absl::string_view state) {
  StripeC& sc = ti.Private<StripeC>();
  if (state.empty()) return true;
  const std::vector<absl::string_view> words = absl::StrSplit(state, ' ');
  if (words.size() != sc.stripe.size()) return false;
  absl::MutexLock lock(&sc.mu);
  sc.errors.counts.resize(words.size());
  for (size_t i = 0; i < words.size(); ++i) {
    if (!absl::SimpleAtoi(words[i], &sc.errors.counts[i])) return false;
  }
  return true;
}

void StripeImaStatus(const DmTarget& ti, const StripeC& sc, std::string* out) {
  absl::StrAppend(out, DmTargetNameVersion(ti), ",stripes=", sc.stripes,
                  ",chunk_size=", sc.chunk_size);
  const std::string states = LegStates(sc);
  for (size_t i = 0; i < sc.stripe.size(); ++i) {
    absl::StrAppend(out, ",stripe_", i,
                    "_device_name=", sc.stripe[i].dev->name);
    absl::StrAppend(out, ",stripe_", i,
                    "_physical_start=", sc.stripe[i].physical_start.value());
    absl::StrAppend(out, ",stripe_", i, "_status=", states.substr(i, 1));
  }
  absl::StrAppend(out, ";");
}

void StripeStatus(const DmTarget& ti, StatusType type,
                  uint32_t /*status_flags*/, std::string* out) {
  const StripeC& sc = ti.Private<StripeC>();
  switch (type) {
    case STATUSTYPE_INFO:
      absl::StrAppend(out, sc.stripes, " ");
      for (const Stripe& leg : sc.stripe) {
        absl::StrAppend(out, leg.dev->name, " ");
      }
      absl::StrAppend(out, "1 ", LegStates(sc));
      break;
    case STATUSTYPE_TABLE:
      absl::StrAppend(out, sc.stripes, " ", sc.chunk_size);
      for (const Stripe& leg : sc.stripe) {
        absl::StrAppend(out, " ", leg.dev->name, " ",
                        leg.physical_start.value());
      }
      break;
    case STATUSTYPE_IMA:
      StripeImaStatus(ti, sc, out);
      break;
  }
}

int StripeIterateDevices(const DmTarget& ti, IterateDevicesFn fn) {
  const StripeC& sc = ti.Private<StripeC>();
  for (const Stripe& leg : sc.stripe) {
    if (int ret = fn(*leg.dev, leg.physical_start, sc.stripe_width)) return ret;
  }
  return 0;
}

// A discard covers whole chunks, one on each leg.  Where the bytes do not fit
// 32 bits, it is cut to as many sectors as do.
void ScaleDiscards(const StripeC& sc, QueueLimits& limits) {
  const uint32_t most = limits.max_hw_discard_sectors;
  if (most < sc.chunk_size) return;
  const uint64_t scaled =
      uint64_t{most - most % sc.chunk_size} * uint64_t{sc.stripes};
  limits.max_hw_discard_sectors = scaled > ~uint32_t{0}
                                      ? ~uint32_t{0} >> kSectorShift
                                      : static_cast<uint32_t>(scaled);
  limits.max_discard_sectors = limits.max_hw_discard_sectors;
}

void StripeIoHints(const DmTarget& ti, QueueLimits& limits) {
  const StripeC& sc = ti.Private<StripeC>();
  const KernelProfile& profile = ProfileOf(ti);
  const uint64_t io_min = uint64_t{sc.chunk_size} << kSectorShift;
  const uint64_t io_opt = io_min * sc.stripes;
  if (profile.stripe_sets_chunk_sectors) {
    limits.chunk_sectors = sc.chunk_size;
    if (profile.stripe_scales_discards) ScaleDiscards(sc, limits);
    // A value that does not fit 32 bits leaves the limit as it is.
    if (io_opt > ~uint32_t{0}) return;
    limits.io_min = static_cast<uint32_t>(io_min);
    limits.io_opt = static_cast<uint32_t>(io_opt);
    return;
  }
  // The kernel computes in 32 bits, so a huge chunk wraps.
  limits.io_min =
      std::max({static_cast<uint32_t>(io_min), limits.logical_block_size,
                limits.physical_block_size});
  limits.io_opt = static_cast<uint32_t>(io_min) * sc.stripes;
}

DaxAccess StripeDaxDirectAccess(const DmTarget& ti, pgoff_t pgoff,
                                int64_t nr_pages, DaxAccessMode mode,
                                Trace* trace) {
  const MappedSector to = StripeMapSector(ti, PageToSector(pgoff));
  return DmDaxForward(ti, *to.dev, to.sector, pgoff, nr_pages, mode, trace);
}

bool StripeDaxLayout(const DmTarget& ti, DaxLayout* layout) {
  const StripeC& sc = ti.Private<StripeC>();
  layout->chunk = sc.chunk_size;
  for (const Stripe& leg : sc.stripe) {
    layout->legs.push_back({leg.dev, leg.physical_start});
  }
  return true;
}

int StripeDaxZeroPageRange(const DmTarget& ti, pgoff_t pgoff, uint64_t nr_pages,
                           Trace* trace) {
  const MappedSector to = StripeMapSector(ti, PageToSector(pgoff));
  pgoff_t lower;
  if (!DmDaxPgoff(ProfileOf(ti), *to.dev, to.sector, &lower)) return -EINVAL;
  return DaxZeroPageRange(to.dev->dax_dev, lower, nr_pages, trace);
}

size_t StripeDaxRecoveryWrite(const DmTarget& ti, pgoff_t pgoff,
                              uint64_t offset, absl::Span<const char> bytes) {
  const MappedSector to = StripeMapSector(ti, PageToSector(pgoff));
  pgoff_t lower;
  if (!DmDaxPgoff(ProfileOf(ti), *to.dev, to.sector, &lower)) return 0;
  return DaxRecoveryWrite(to.dev->dax_dev, lower, offset, bytes);
}

std::optional<RowUnit> StripeRowUnit(absl::Span<const std::string> argv) {
  if (argv.size() < 2) return std::nullopt;
  const absl::StatusOr<uint32_t> stripes = KstrtoU32(argv[0]);
  const absl::StatusOr<uint32_t> chunk = KstrtoU32(argv[1]);
  if (!stripes.ok() || !chunk.ok() || *stripes == 0 || *chunk == 0) {
    return std::nullopt;
  }
  return RowUnit{uint64_t{*stripes} * *chunk, *stripes};
}

const TargetType kStripeTarget = {
    .name = "striped",
    .versions = {{k4_14, 1, 6, 0}, {k6_16, 1, 7, 0}},
    .features = DM_TARGET_PASSES_INTEGRITY | DM_TARGET_NOWAIT,
    .registered = 2,
    .ctr = StripeCtr,
    .map = StripeMap,
    .io_failed = StripeIoFailed,
    .only_remaps = true,
    .status = StripeStatus,
    .iterate_devices = StripeIterateDevices,
    .io_hints = StripeIoHints,
    .direct_access = StripeDaxDirectAccess,
    .dax_function = "stripe_dax_direct_access",
    .dax_event = "stripe_da",
    .dax_event_has_row = true,
    .dax_layout = StripeDaxLayout,
    .dax_zero_page_range = StripeDaxZeroPageRange,
    .dax_recovery_write = StripeDaxRecoveryWrite,
    .save_state = StripeSaveState,
    .restore_state = StripeRestoreState,
    .row_unit = StripeRowUnit,
    .example = {.length = 2048, .params = "2 8 /dev/pmem0 0 /dev/pmem1 16"},
};
DM_REGISTER_TARGET(kStripeTarget);

}  // namespace
}  // namespace dmdax
