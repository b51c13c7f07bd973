// SPDX-License-Identifier: Apache-2.0
//
// multipath: several paths to one disk.
//
//   multipath <#features> <feature> ... <#handler words> <handler> ...
//             <#groups> <first group>
//             [<selector> <#selector words> ... <#paths> <#path words>
//              [<dev> <path word> ...]{#paths}]{#groups}
//
//   features   queue_if_no_path retain_attached_hw_handler
//              pg_init_retries <1-50> pg_init_delay_msecs <0-60000>
//              queue_mode <bio|rq|mq>
//   selectors  round-robin [<repeat count>], queue-length [<repeat count>],
//              service-time [<repeat count> [<relative throughput>]]
//
// Request-based unless queue_mode says bio.  A path is alive until a message or
// an I/O error fails it; each request takes the next path of its group, or of
// the next group if none is left, and only without any it fails or, with
// queue_if_no_path, waits.  Hardware handlers are for SCSI disks, and what they
// do to one is not modelled.  Mirrors
// drivers/md/dm-mpath.c, dm-path-selector.c, dm-ps-*.c (4.14 to 7.2).
#include "dm/targets/mpath/dm_mpath.h"

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/kstrtox.h"
#include "base/since.h"
#include "dm/arg_set.h"
#include "dm/device_mapper.h"
#include "dm/dm_table.h"
#include "dm/mapped_device.h"

namespace dmdax {
namespace {

constexpr PathSelectorType kSelectors[] = {
    {"round-robin", 1, 1, 0, true},
    {"queue-length", 1, 1, 1, false},
    {"service-time", 2, 2, 2, false},
};

// The word is still taken, but means and shows nothing.
constexpr Since<bool> kRetainIsIdle[] = {{k7_2, true}};
// `queue_mode mq` was a mode of its own.
constexpr Since<bool> kMqIsRq[] = {{{5, 0}, true}};

absl::Status ParseQueueMode(const DmTarget& ti, const std::string& mode,
                            Multipath* m) {
  const bool mq = absl::EqualsIgnoreCase(mode, "mq");
  m->bio_based = absl::EqualsIgnoreCase(mode, "bio");
  m->shows_mq = mq && !ValueAt<bool>(kMqIsRq, ProfileOf(ti).release);
  if (!m->bio_based && !mq && !absl::EqualsIgnoreCase(mode, "rq")) {
    return DmError("Unknown 'queue_mode' requested");
  }
  return absl::OkStatus();
}

absl::Status ParseFeature(const DmTarget& ti, DmArgSet& as,
                          const std::string& name, uint32_t* left,
                          Multipath* m) {
  const bool retains = !ValueAt<bool>(kRetainIsIdle, ProfileOf(ti).release);
  if (absl::EqualsIgnoreCase(name, "queue_if_no_path")) {
    m->queue_if_no_path = true;
    return absl::OkStatus();
  }
  if (absl::EqualsIgnoreCase(name, "retain_attached_hw_handler")) {
    m->retain_attached_hw_handler = retains;
    return absl::OkStatus();
  }
  if (*left == 0) return DmError("Unrecognised multipath feature request");
  if (absl::EqualsIgnoreCase(name, "pg_init_retries")) {
    absl::StatusOr<uint32_t> value =
        as.ReadArg({1, 50, "pg_init_retries must be between 1 and 50"});
    if (!value.ok()) return value.status();
    m->pg_init_retries = *value;
  } else if (absl::EqualsIgnoreCase(name, "pg_init_delay_msecs")) {
    absl::StatusOr<uint32_t> value = as.ReadArg(
        {0, 60000, "pg_init_delay_msecs must be between 0 and 60000"});
    if (!value.ok()) return value.status();
    m->has_pg_init_delay = true;
    m->pg_init_delay_msecs = *value;
  } else if (absl::EqualsIgnoreCase(name, "queue_mode")) {
    absl::Status s = ParseQueueMode(ti, *as.Shift(), m);
    if (!s.ok()) return s;
  } else {
    return DmError("Unrecognised multipath feature request");
  }
  --*left;
  return absl::OkStatus();
}

absl::Status ParseFeatures(const DmTarget& ti, DmArgSet& as, Multipath* m) {
  absl::StatusOr<uint32_t> count =
      as.ReadArgGroup({0, 8, "invalid number of feature args"});
  if (!count.ok()) return count.status();
  uint32_t left = *count;
  while (left > 0) {
    const std::string& name = *as.Shift();
    --left;
    absl::Status s = ParseFeature(ti, as, name, &left, m);
    if (!s.ok()) return s;
  }
  return absl::OkStatus();
}

absl::Status ParseHwHandler(const DmTarget& ti, DmArgSet& as, Multipath* m) {
  absl::StatusOr<uint32_t> count =
      as.ReadArgGroup({0, 1024, "invalid number of hardware handler args"});
  if (!count.ok()) return count.status();
  if (*count == 0) return absl::OkStatus();
  if (!m->bio_based) {
    m->hw_handler = *as.Shift();
    as.Consume(*count - 1);
    return absl::OkStatus();
  }
  as.Consume(*count);
  DmLog(MachineOf(ti), KernLevel::kErr, "multipath",
        "bio-based multipath doesn't allow hardware handler args");
  return absl::OkStatus();
}

// The words after a path; `words` may be fewer than the selector takes.
absl::Status AddPath(const DmTarget& ti, const PathSelectorType& selector,
                     absl::Span<const std::string> words, PgPath* path) {
  const SscanfOverflow overflow = ProfileOf(ti).sscanf_overflow;
  if (words.size() > selector.path_args) {
    return DmError(
        absl::StrCat(selector.name, " ps: incorrect number of arguments"));
  }
  if (!words.empty()) {
    absl::StatusOr<uint32_t> count = SscanfU32(words[0], overflow);
    if (!count.ok()) {
      return DmError(absl::StrCat(selector.name, " ps: invalid repeat count"));
    }
    path->repeat_count = std::min(*count, uint32_t{1});
    if (*count > 1) {
      DmLog(MachineOf(ti), KernLevel::kWarn,
            absl::StrCat("multipath ", selector.name),
            "repeat_count > 1 is deprecated, using 1 instead");
    }
  }
  if (words.size() == 2) {
    absl::StatusOr<uint32_t> value = SscanfU32(words[1], overflow);
    if (!value.ok() || *value > 100) {
      return DmError("service-time ps: invalid relative_throughput value");
    }
    path->relative_throughput = *value;
  }
  return absl::OkStatus();
}

// A handler that is named is attached to each path, which only SCSI devices
// let be done; since 7.2 it is forgotten on others.
constexpr Since<bool> kForgetsHandler[] = {{k7_2, true}};

absl::Status AttachHandler(const DmTarget& ti, const DmDev& dev, Multipath* m) {
  if (m->hw_handler.empty()) return absl::OkStatus();
  if (absl::StartsWith(dev.bdev->name(), "sd")) {
    return DmNotModelled("a hardware handler on a SCSI disk",
                         "what that disk answers");
  }
  if (!ValueAt<bool>(kForgetsHandler, ProfileOf(ti).release)) {
    return ErrnoError(ENODEV, "error attaching hardware handler");
  }
  DmLog(MachineOf(ti), KernLevel::kErr, "multipath",
        "hardware handlers are only allowed for SCSI devices");
  m->hw_handler.clear();
  return absl::OkStatus();
}

absl::Status ParsePaths(DmTarget& ti, DmArgSet& as, PriorityGroup* pg,
                        Multipath* m) {
  absl::StatusOr<uint32_t> nr_paths =
      as.ReadArg({1, 1024, "invalid number of paths"});
  if (!nr_paths.ok()) return nr_paths.status();
  absl::StatusOr<uint32_t> nr_words =
      as.ReadArg({0, 1024, "invalid number of selector args"});
  if (!nr_words.ok()) return nr_words.status();
  for (uint32_t i = 0; i < *nr_paths; ++i) {
    if (as.argc() < *nr_words + 1) {
      return DmError("not enough path parameters");
    }
    absl::StatusOr<const DmDev*> dev =
        DmGetDevice(ti, *as.Shift(), "error getting device");
    if (!dev.ok()) return dev.status();
    PgPath path{*dev};
    absl::Status s = AttachHandler(ti, **dev, m);
    if (!s.ok()) return s;
    s = AddPath(ti, *pg->selector, as.rest().subspan(0, *nr_words), &path);
    if (!s.ok()) return s;
    as.Consume(*nr_words);
    pg->valid.push_back(i);
    pg->paths.push_back(path);
  }
  return absl::OkStatus();
}

absl::Status ParseGroup(DmTarget& ti, DmArgSet& as, Multipath* m) {
  if (as.argc() < 2) return DmError("not enough priority group arguments");
  const std::string& name = *as.Shift();
  PriorityGroup pg{};
  for (const PathSelectorType& type : kSelectors) {
    if (name == type.name) pg.selector = &type;
  }
  if (pg.selector == nullptr) {
    // Debian builds no others.
    return DmError("unknown path selector type");
  }
  absl::StatusOr<uint32_t> words =
      as.ReadArgGroup({0, 1024, "invalid number of path selector args"});
  if (!words.ok()) return words.status();
  as.Consume(*words);
  if (absl::Status s = ParsePaths(ti, as, &pg, m); !s.ok()) return s;
  m->groups.push_back(std::move(pg));
  return absl::OkStatus();
}

absl::Status MultipathCtr(DmTarget& ti, absl::Span<const std::string> argv) {
  DmArgSet as(argv, ProfileOf(ti).sscanf_overflow);
  auto m = std::make_unique<Multipath>();
  absl::Status s = ParseFeatures(ti, as, m.get());
  if (s.ok()) {
    // A bio-based table that names no handler keeps the handlers of its paths.
    if (m->bio_based && ProfileOf(ti).multipath_bio_retains_handler) {
      m->retain_attached_hw_handler = true;
    }
    // The constructor decides the type of the table; the core then does not
    // ask.
    ti.table->PresetType(m->bio_based ? DM_TYPE_BIO_BASED
                                      : DM_TYPE_REQUEST_BASED);
    s = ParseHwHandler(ti, as, m.get());
  }
  if (!s.ok()) return s;
  absl::StatusOr<uint32_t> groups =
      as.ReadArg({0, 1024, "invalid number of priority groups"});
  if (!groups.ok()) return groups.status();
  absl::StatusOr<uint32_t> next =
      as.ReadArg({0, 1024, "invalid initial priority group number"});
  if (!next.ok()) return next.status();
  if ((*groups == 0) != (*next == 0)) {
    return DmError("invalid initial priority group");
  }
  m->next_pg = *next;
  while (as.argc() > 0) {
    if (s = ParseGroup(ti, as, m.get()); !s.ok()) return s;
  }
  if (m->groups.size() != *groups) {
    return DmError("priority group count mismatch");
  }
  ti.private_data = std::move(m);
  ti.num_flush_bios = 1;
  ti.num_discard_bios = 1;
  ti.num_write_zeroes_bios = 1;
  return absl::OkStatus();
}

int MultipathIterateDevices(const DmTarget& ti, IterateDevicesFn fn) {
  for (const PriorityGroup& pg : ti.Private<Multipath>().groups) {
    for (const PgPath& path : pg.paths) {
      if (int ret = fn(*path.dev, ti.begin, ti.len)) return ret;
    }
  }
  return 0;
}

// multipath_presuspend(): I/O that waits for a path is let go.  Requests can be
// given back, and need not be where nothing is flushed.
void MultipathPostsuspend(DmTarget& ti) {
  Multipath& m = ti.Private<Multipath>();
  if (!m.bio_based && ti.table->md().noflush_suspending()) return;
  absl::MutexLock lock(&m.mu);
  m.saved_queue_if_no_path |= std::exchange(m.queue_if_no_path, false);
}

void MultipathResume(DmTarget& ti) {
  Multipath& m = ti.Private<Multipath>();
  absl::MutexLock lock(&m.mu);
  m.queue_if_no_path |= std::exchange(m.saved_queue_if_no_path, false);
}

const TargetType kMultipathTarget = {
    .name = "multipath",
    .versions = {{k4_14, 1, 12, 0}, {k5_10, 1, 14, 0}, {k6_16, 1, 15, 0}},
    .features =
        DM_TARGET_SINGLETON | DM_TARGET_IMMUTABLE | DM_TARGET_PASSES_INTEGRITY,
    .registered = 18,
    .clone_and_map_rq = true,
    .ctr = MultipathCtr,
    .map = MultipathMap,
    .io_failed = MultipathIoFailed,
    .status = MultipathStatus,
    .message = MultipathMessage,
    .resume = MultipathResume,
    .postsuspend = MultipathPostsuspend,
    .iterate_devices = MultipathIterateDevices,
    .save_state = MultipathSaveState,
    .restore_state = MultipathRestoreState,
    .messages = MultipathMessages,
    .example = {.length = 2048,
                .params = "0 0 1 1 round-robin 0 1 1 /dev/sda 1"},
};
DM_REGISTER_TARGET(kMultipathTarget);

}  // namespace
}  // namespace dmdax
