// SPDX-License-Identifier: Apache-2.0
//
// delay: passes reads, writes and flushes on after some time.  Each class may
// have a device of its own.
//
//   delay <dev> <start> <delay>
//         [<write dev> <start> <delay> [<flush dev> <start> <delay>]]
//
//   start  first sector on dev
//   delay  milliseconds, 0 .. 2^32-1
//
// One triple serves all three classes; of two, the second serves writes and
// flushes.  Time does not pass here: an I/O arrives at once, and none is ever
// pending; but what copies in the background takes so much longer.
// Mirrors drivers/md/dm-delay.c (4.14 to 7.2).
#include "dm/targets/dm_delay.h"

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/kstrtox.h"
#include "dm/bio_map.h"
#include "dm/device_mapper.h"
#include "dm/dm_table.h"
#include "dm/mapped_device.h"

namespace dmdax {
namespace {

struct DelayClass {
  const DmDev* dev = nullptr;
  sector_t start;
  uint32_t delay = 0;  // milliseconds
};

struct DelayC : DmTargetPrivate {
  DelayClass read, write, flush;
  size_t argc;
};

absl::StatusOr<DelayClass> DelayClassCtr(DmTarget& ti,
                                         absl::Span<const std::string> argv) {
  const SscanfOverflow overflow = ProfileOf(ti).sscanf_overflow;
  absl::StatusOr<uint64_t> start = SscanfU64(argv[1], overflow);
  if (!start.ok()) return DmError("Invalid device sector");
  absl::StatusOr<uint32_t> delay = SscanfU32(argv[2], overflow);
  if (!delay.ok()) return DmError("Invalid delay");
  absl::StatusOr<const DmDev*> dev =
      DmGetDevice(ti, argv[0], "Device lookup failed");
  if (!dev.ok()) return dev.status();
  return DelayClass{*dev, sector_t(*start), *delay};
}

absl::Status DelayCtr(DmTarget& ti, absl::Span<const std::string> argv) {
  const bool has_flush = ProfileOf(ti).delay_has_flush_class;
  const size_t n = argv.size();
  if (n != 3 && n != 6 && !(n == 9 && has_flush)) {
    return DmError(has_flush ? "Requires exactly 3, 6 or 9 arguments"
                             : "Requires exactly 3 or 6 arguments");
  }
  auto dc = std::make_unique<DelayC>();
  dc->argc = n;
  DelayClass* const classes[] = {&dc->read, &dc->write, &dc->flush};
  for (size_t i = 0; i < (has_flush ? 3 : 2); ++i) {
    // A class without words of its own uses the last triple.
    const size_t triple = std::min(i, n / 3 - 1);
    absl::StatusOr<DelayClass> c =
        DelayClassCtr(ti, argv.subspan(3 * triple, 3));
    if (!c.ok()) return c.status();
    *classes[i] = *c;
  }
  if (!has_flush) dc->flush = dc->write;
  ti.private_data = std::move(dc);
  ti.num_flush_bios = 1;
  ti.num_discard_bios = 1;
  return absl::OkStatus();
}

const DelayClass& ClassOf(const DmTarget& ti, ReqOp op) {
  const DelayC& dc = ti.Private<DelayC>();
  if (IsRead(op)) return dc.read;
  return op == ReqOp::kFlush ? dc.flush : dc.write;
}

BioMap DelayMap(const DmTarget& ti, sector_t sector, ReqOp op) {
  const DelayClass& c = ClassOf(ti, op);
  return {BioMap::Kind::kRemapped, c.dev, c.start + ti.Offset(sector), 0};
}

void DelayStatus(const DmTarget& ti, StatusType type, uint32_t /*status_flags*/,
                 std::string* out) {
  const DelayC& dc = ti.Private<DelayC>();
  switch (type) {
    case STATUSTYPE_INFO:
      absl::StrAppend(out,
                      ProfileOf(ti).delay_has_flush_class ? "0 0 0" : "0 0");
      break;
    case STATUSTYPE_TABLE: {
      const DelayClass* const classes[] = {&dc.read, &dc.write, &dc.flush};
      for (size_t i = 0; i < dc.argc / 3; ++i) {
        absl::StrAppend(out, i == 0 ? "" : " ", classes[i]->dev->name, " ",
                        classes[i]->start.value(), " ", classes[i]->delay);
      }
      break;
    }
    case STATUSTYPE_IMA:
      break;
  }
}

int DelayIterateDevices(const DmTarget& ti, IterateDevicesFn fn) {
  const DelayC& dc = ti.Private<DelayC>();
  for (const DelayClass* c : {&dc.read, &dc.write, &dc.flush}) {
    if (c == &dc.flush && !ProfileOf(ti).delay_has_flush_class) break;
    if (int ret = fn(*c->dev, c->start, ti.len)) return ret;
  }
  return 0;
}

const TargetType kDelayTarget = {
    .name = "delay",
    .versions = {{k4_14, 1, 2, 1},
                 {k6_1, 1, 3, 0},
                 {k6_12, 1, 4, 0},
                 {k6_16, 1, 5, 0}},
    .features = DM_TARGET_PASSES_INTEGRITY,
    .registered = 4,
    .ctr = DelayCtr,
    .map = DelayMap,
    .status = DelayStatus,
    .iterate_devices = DelayIterateDevices,
    .example = {.length = 2048, .params = "/dev/pmem0 16 500"},
};
DM_REGISTER_TARGET(kDelayTarget);

}  // namespace

uint64_t DelayBelowMs(BlockDevice& bdev, sector_t sector, ReqOp op) {
  uint64_t ms = 0;
  for (const BioHop& hop : RouteBio(bdev, sector, ReqOp::kRead).hops) {
    const MappedDevice* md = MappedDevice::Of(*hop.bdev);
    const DmTable* table = md == nullptr ? nullptr : md->live_table();
    const DmTarget* ti =
        table == nullptr ? nullptr : table->FindTarget(hop.sector);
    if (ti != nullptr && ti->type == &kDelayTarget)
      ms += ClassOf(*ti, op).delay;
  }
  return ms;
}

}  // namespace dmdax
