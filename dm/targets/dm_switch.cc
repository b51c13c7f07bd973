// SPDX-License-Identifier: Apache-2.0
//
// switch: each region of the device goes to one of several paths; messages
// say which.
//
//   switch <#paths> <region size> <#optional args = 0> [<dev> <start>]{#paths}
//
//   #paths       1 .. 262141
//   region size  sectors, 1 .. 2^32-1
//   start        first sector on dev
//
// A sector keeps its address on every path, because all paths lead to the same
// data.  At first the regions are dealt out to the paths in turn.  The message
//
//   set_region_mappings [<region>:<path> | :<path> | R<n>,<m>] ...
//
// (in hexadecimal) sets a region, sets the next region, or repeats the last n
// settings for m more regions.  What comes before a mistake stays set.
// Mirrors drivers/md/dm-switch.c (4.14 to 7.2).
#include <cerrno>
#include <map>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"
#include "base/errno_status.h"
#include "base/kstrtox.h"
#include "dm/arg_set.h"
#include "dm/device_mapper.h"

namespace dmdax {
namespace {

// What one allocation of the kernel (4 MiB) has room for.
constexpr uint32_t kMaxPaths = 262141;
// How many regions may have a setting of their own.  The kernel's table has
// room for every region of the device.
constexpr size_t kMaxSettings = size_t{1} << 22;

struct SwitchPath {
  const DmDev* dmdev;
  sector_t start;
};

struct SwitchCtx : DmTargetPrivate {
  uint32_t region_size;  // sectors
  uint64_t nr_regions;
  std::vector<SwitchPath> path_list;
  // Guards the regions: a message changes them while other threads read them.
  absl::Mutex mu;
  // Regions that a message moved from where they began.
  std::map<uint64_t, uint32_t> settings;

  uint32_t Read(uint64_t region) const {
    auto it = settings.find(region);
    if (it != settings.end()) return it->second;
    return static_cast<uint32_t>(region % path_list.size());
  }
  void Write(uint64_t region, uint32_t path) {
    // A region that is back on its first path needs no entry.
    if (region % path_list.size() == path) {
      settings.erase(region);
    } else {
      settings[region] = path;
    }
  }
};

absl::StatusOr<SwitchPath> ParsePath(DmTarget& ti, DmArgSet& as) {
  absl::StatusOr<const DmDev*> dev =
      DmGetDevice(ti, *as.Shift(), "Device lookup failed");
  if (!dev.ok()) return dev.status();
  absl::StatusOr<uint64_t> start = KstrtoU64(*as.Shift());
  if (!start.ok()) return DmError("Invalid device starting offset");
  return SwitchPath{*dev, sector_t(*start)};
}

absl::Status SwitchCtr(DmTarget& ti, absl::Span<const std::string> argv) {
  DmArgSet as(argv, ProfileOf(ti).sscanf_overflow);
  absl::StatusOr<uint32_t> nr_paths =
      as.ReadArg({1, kMaxPaths, "Invalid number of paths"});
  if (!nr_paths.ok()) return nr_paths.status();
  absl::StatusOr<uint32_t> region_size =
      as.ReadArg({1, ~uint32_t{0}, "Invalid region size"});
  if (!region_size.ok()) return region_size.status();
  absl::StatusOr<uint32_t> optional =
      as.ReadArgGroup({0, 0, "Invalid number of optional args"});
  if (!optional.ok()) return optional.status();
  if (as.argc() != size_t{*nr_paths} * 2) {
    return DmError("Incorrect number of path arguments");
  }
  auto sctx = std::make_unique<SwitchCtx>();
  sctx->region_size = *region_size;
  absl::Status s = DmSetTargetMaxIoLen(ti, *region_size);
  if (!s.ok()) return s;
  while (as.argc() > 0) {
    absl::StatusOr<SwitchPath> path = ParsePath(ti, as);
    if (!path.ok()) return path.status();
    sctx->path_list.push_back(*path);
  }
  sctx->nr_regions = (ti.len.value() - 1) / *region_size + 1;
  ti.private_data = std::move(sctx);
  // Any path will do for a discard.
  ti.num_discard_bios = 1;
  return absl::OkStatus();
}

BioMap SwitchMap(const DmTarget& ti, sector_t sector, ReqOp) {
  SwitchCtx& sctx = ti.Private<SwitchCtx>();
  const uint64_t offset = ti.Offset(sector);
  absl::MutexLock lock(&sctx.mu);
  const SwitchPath& path = sctx.path_list[sctx.Read(offset / sctx.region_size)];
  return {BioMap::Kind::kRemapped, path.dmdev, path.start + offset, 0};
}

// Takes the hexadecimal digits at the front of `s`.  No digit is 0; of more
// than 16 digits the last 16 count.
uint64_t ParseHex(absl::string_view& s) {
  uint64_t value = 0;
  while (!s.empty() && absl::ascii_isxdigit(static_cast<unsigned char>(s[0]))) {
    const char c = absl::ascii_tolower(static_cast<unsigned char>(s[0]));
    value =
        value << 4 | static_cast<uint64_t>(c <= '9' ? c - '0' : c - 'a' + 10);
    s.remove_prefix(1);
  }
  return value;
}

absl::Status Invalid(const DmTarget& ti, absl::string_view what) {
  const std::string text = absl::StrCat("invalid set_region_mappings ", what);
  DmLog(MachineOf(ti), KernLevel::kWarn, "switch", text);
  return ErrnoError(EINVAL, text);
}

absl::Status InvalidArgument(const DmTarget& ti, absl::string_view word) {
  return Invalid(ti, absl::StrCat("argument: '", word, "'"));
}

// "R<n>,<m>": the last n settings, m more times over.
absl::Status RepeatMappings(const DmTarget& ti, SwitchCtx& sctx,
                            absl::string_view word, uint64_t* region) {
  absl::string_view s = word.substr(1);
  if (absl::StartsWith(s, ",")) return InvalidArgument(ti, word);
  const uint64_t cycle = ParseHex(s);
  if (!absl::ConsumePrefix(&s, ",") || s.empty()) {
    return InvalidArgument(ti, word);
  }
  const uint64_t num_write = ParseHex(s);
  if (!s.empty()) return InvalidArgument(ti, word);
  if (cycle == 0 || cycle - 1 > *region) {
    return Invalid(ti,
                   absl::StrCat("cycle length: ", cycle - 1, " > ", *region));
  }
  if (*region + num_write < *region || *region + num_write >= sctx.nr_regions) {
    return Invalid(ti, absl::StrCat("region number: ", *region, " + ",
                                    num_write, " >= ", sctx.nr_regions));
  }
  for (uint64_t i = 0; i < num_write; ++i) {
    if (i > kMaxSettings || sctx.settings.size() > kMaxSettings) {
      return ErrnoError(
          ENOMEM, absl::StrCat("more than ", kMaxSettings, " regions to keep"));
    }
    ++*region;
    sctx.Write(*region, sctx.Read(*region - cycle));
  }
  return absl::OkStatus();
}

// "<region>:<path>" or ":<path>".
absl::Status SetMapping(const DmTarget& ti, SwitchCtx& sctx,
                        absl::string_view word, uint64_t* region) {
  absl::string_view s = word;
  if (absl::StartsWith(s, ":")) {
    ++*region;
  } else {
    *region = ParseHex(s);
  }
  if (!absl::ConsumePrefix(&s, ":") || s.empty()) {
    return InvalidArgument(ti, word);
  }
  const uint64_t path = ParseHex(s);
  if (!s.empty()) return InvalidArgument(ti, word);
  if (*region >= sctx.nr_regions) {
    return Invalid(
        ti, absl::StrCat("region number: ", *region, " >= ", sctx.nr_regions));
  }
  if (path >= sctx.path_list.size()) {
    return Invalid(
        ti, absl::StrCat("device: ", path, " >= ", sctx.path_list.size()));
  }
  sctx.Write(*region, static_cast<uint32_t>(path));
  return absl::OkStatus();
}

absl::StatusOr<std::string> SwitchMessage(DmTarget& ti,
                                          absl::Span<const std::string> argv) {
  if (!absl::EqualsIgnoreCase(argv[0], "set_region_mappings")) {
    DmLog(MachineOf(ti), KernLevel::kWarn, "switch",
          "Unrecognised message received.");
    return ErrnoError(EINVAL, "unrecognised message");
  }
  SwitchCtx& sctx = ti.Private<SwitchCtx>();
  absl::MutexLock lock(&sctx.mu);
  uint64_t region = 0;
  for (const std::string& word : argv.subspan(1)) {
    // 0xdf makes a letter upper case, as the kernel's test does.
    const bool repeats = !word.empty() && (word[0] & 0xdf) == 'R';
    absl::Status s = repeats ? RepeatMappings(ti, sctx, word, &region)
                             : SetMapping(ti, sctx, word, &region);
    if (!s.ok()) return s;
  }
  return "";
}

void SwitchStatus(const DmTarget& ti, StatusType type,
                  uint32_t /*status_flags*/, std::string* out) {
  if (type != STATUSTYPE_TABLE) return;
  const SwitchCtx& sctx = ti.Private<SwitchCtx>();
  absl::StrAppend(out, sctx.path_list.size(), " ", sctx.region_size, " 0");
  for (const SwitchPath& path : sctx.path_list) {
    absl::StrAppend(out, " ", path.dmdev->name, " ", path.start.value());
  }
}

int SwitchIterateDevices(const DmTarget& ti, IterateDevicesFn fn) {
  for (const SwitchPath& path : ti.Private<SwitchCtx>().path_list) {
    if (int ret = fn(*path.dmdev, path.start, ti.len)) return ret;
  }
  return 0;
}

// "region:path region:path ...".
std::string SwitchSaveState(const DmTarget& ti) {
  SwitchCtx& sctx = ti.Private<SwitchCtx>();
  absl::MutexLock lock(&sctx.mu);
  std::string state;
  for (const auto& [region, path] : sctx.settings) {
    absl::StrAppend(&state, state.empty() ? "" : " ", region, ":", path);
  }
  return state;
}

std::vector<std::string> SwitchMessages(const DmTarget& ti) {
  // Of a length that any ioctl has room for.
  constexpr size_t kSettingsOfOne = 200;
  SwitchCtx& sctx = ti.Private<SwitchCtx>();
  absl::MutexLock lock(&sctx.mu);
  std::vector<std::string> messages;
  size_t in_last = kSettingsOfOne;
  for (const auto& [region, path] : sctx.settings) {
    if (in_last == kSettingsOfOne) {
      messages.push_back("set_region_mappings");
      in_last = 0;
    }
    ++in_last;
    absl::StrAppend(&messages.back(), " ", absl::Hex(region), ":",
                    absl::Hex(path));
  }
  return messages;
}

bool SwitchRestoreState(DmTarget& ti, absl::string_view state) {
  SwitchCtx& sctx = ti.Private<SwitchCtx>();
  for (absl::string_view word : absl::StrSplit(state, ' ', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(word, absl::MaxSplits(':', 1));
    uint64_t region;
    uint32_t path;
    if (!absl::SimpleAtoi(pair.first, &region) ||
        !absl::SimpleAtoi(pair.second, &path) || region >= sctx.nr_regions ||
        path >= sctx.path_list.size()) {
      return false;
    }
    sctx.Write(region, path);
  }
  return true;
}

const TargetType kSwitchTarget = {
    .name = "switch",
    .versions = DmVersion(1, 1, 0),
    .features = DM_TARGET_NOWAIT,
    .registered = 10,
    .ctr = SwitchCtr,
    .map = SwitchMap,
    .only_remaps = true,
    .status = SwitchStatus,
    .message = SwitchMessage,
    .iterate_devices = SwitchIterateDevices,
    .save_state = SwitchSaveState,
    .restore_state = SwitchRestoreState,
    .messages = SwitchMessages,
    .example = {.length = 2048, .params = "2 64 0 /dev/pmem0 0 /dev/pmem1 16"},
};
DM_REGISTER_TARGET(kSwitchTarget);

}  // namespace
}  // namespace dmdax
