// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/disk_step.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/errno_status.h"
#include "dm/bio_map.h"
#include "tests/conformance/oracle_guest.h"
#include "tools/dmsetup/dmsetup.h"

namespace dmdax::conformance {
namespace {

// Who holds what an `open` step opened exclusively.
constexpr char kOpener[] = "recorded case";

Json ErrnoJson(const absl::Status& s) {
  return s.ok() ? Json() : Json(ErrnoName(ErrnoOf(s)));
}

// open(2) of a device node.
absl::StatusOr<BlockDevice*> OpenPath(DiskState& state, const std::string& path,
                                      unsigned mode) {
  Machine& machine = *state.session.machine;
  absl::StatusOr<DevT> dev = machine.LookupBdev(path);
  if (!dev.ok()) return dev.status();
  BlockDevice* bdev = machine.FindBdev(*dev);
  if (bdev == nullptr) return ErrnoError(ENXIO, path);
  if (absl::Status s = bdev->Open(mode, kOpener); !s.ok()) return s;
  return bdev;
}

void ClosePath(DiskState& state, BlockDevice* bdev, unsigned mode) {
  bdev->Close(mode);
  state.session.ctl->DoDeferredRemove();
}

// Bytes of `size` that an access of `count` at `offset` reaches.
size_t Within(const BlockDevice& bdev, uint64_t offset, uint64_t count) {
  const uint64_t size = bdev.nr_sectors() << kSectorShift;
  return offset >= size ? 0 : std::min(count, size - offset);
}

// --- I/O ---

Json Pread(DiskState& state, const Json& step) {
  absl::StatusOr<BlockDevice*> bdev =
      OpenPath(state, step["pread"], FMODE_READ);
  if (!bdev.ok()) return {{"errno", ErrnoJson(bdev.status())}};
  const uint64_t offset = step["off"];
  std::vector<char> bytes(step["bytes"].get<size_t>(), '\xa5');
  const size_t n = Within(**bdev, offset, bytes.size());
  absl::Status s = BioRead(**bdev, sector_t(offset >> kSectorShift),
                           absl::MakeSpan(bytes.data(), n));
  ClosePath(state, *bdev, FMODE_READ);
  if (!s.ok()) return {{"errno", ErrnoJson(s)}};
  bytes.resize(std::max<size_t>(bytes.size(), 16));
  return {
      {"errno", nullptr},
      {"bytes", n},
      {"head", absl::BytesToHexString(absl::string_view(bytes.data(), 16))}};
}

Json Pwrite(DiskState& state, const Json& step) {
  constexpr unsigned kMode = FMODE_READ | FMODE_WRITE;
  absl::StatusOr<BlockDevice*> bdev = OpenPath(state, step["pwrite"], kMode);
  if (!bdev.ok()) return {{"errno", ErrnoJson(bdev.status())}};
  const uint64_t offset = step["off"];
  const std::vector<char> bytes(step["bytes"].get<size_t>(),
                                static_cast<char>(step.value("byte", 0xa5)));
  const size_t n = Within(**bdev, offset, bytes.size());
  absl::Status s;
  if ((*bdev)->read_only()) {
    s = ErrnoError(EPERM, "read-only");
  } else if (n == 0) {
    s = ErrnoError(ENOSPC, "past the end");
  } else {
    s = BioWrite(**bdev, sector_t(offset >> kSectorShift),
                 absl::MakeSpan(bytes.data(), n));
  }
  ClosePath(state, *bdev, kMode);
  if (!s.ok()) return {{"errno", ErrnoJson(s)}};
  return {{"errno", nullptr}, {"bytes", n}};
}

// Writes "device name, sector number" into each sector.
Json Stamp(DiskState& state, const Json& step) {
  const std::string path = step["stamp"];
  absl::StatusOr<BlockDevice*> bdev = OpenPath(state, path, FMODE_WRITE);
  if (!bdev.ok()) return {{"errno", ErrnoJson(bdev.status())}};
  const std::string tag =
      step.value("tag", path.substr(path.rfind('/') + 1)).substr(0, 8);
  const uint64_t start = step["sectors"][0], count = step["sectors"][1];
  absl::Status s;
  for (uint64_t i = start; i < start + count && s.ok(); ++i) {
    std::array<char, kSectorSize> sector{};
    memcpy(sector.data(), tag.data(), tag.size());
    for (size_t byte = 0; byte < 8; ++byte) {
      sector[8 + byte] = static_cast<char>(i >> (8 * byte));
    }
    s = BioWrite(**bdev, sector_t(i), sector);
  }
  ClosePath(state, *bdev, FMODE_WRITE);
  return {{"errno", ErrnoJson(s)}};
}

// What one sector holds, as the recording tells it.
Json Whereis(DiskState& state, const std::string& path, uint64_t number) {
  absl::StatusOr<BlockDevice*> bdev = OpenPath(state, path, FMODE_READ);
  if (!bdev.ok()) return {number, ErrnoName(ErrnoOf(bdev.status())), nullptr};
  std::array<char, kSectorSize> sector{};
  const bool eof = number >= (*bdev)->nr_sectors();
  absl::Status s;
  if (!eof) s = BioRead(**bdev, sector_t(number), absl::MakeSpan(sector));
  ClosePath(state, *bdev, FMODE_READ);
  if (!s.ok()) return {number, ErrnoName(ErrnoOf(s)), nullptr};
  if (eof) return {number, "eof", nullptr};
  const std::string tag(sector.data(), strnlen(sector.data(), 8));
  if (!tag.empty() && std::all_of(tag.begin(), tag.end(), [](char c) {
        return absl::ascii_isalnum(static_cast<unsigned char>(c));
      })) {
    uint64_t n = 0;
    for (size_t byte = 8; byte-- > 0;) {
      n = n << 8 | static_cast<unsigned char>(sector[8 + byte]);
    }
    return {number, tag, n};
  }
  if (sector == std::array<char, kSectorSize>{}) {
    return {number, "zeros", nullptr};
  }
  return {number,
          absl::StrCat("other:", absl::BytesToHexString(
                                     absl::string_view(sector.data(), 16))),
          nullptr};
}

// --- opens ---

Json OpenStep(DiskState& state, const Json& step) {
  const std::string how = step.value("mode", "r");
  unsigned mode = FMODE_READ;
  if (how == "w") mode = FMODE_WRITE;
  if (how == "rw") mode = FMODE_READ | FMODE_WRITE;
  if (how == "excl") mode = FMODE_READ | FMODE_WRITE | FMODE_EXCL;
  absl::StatusOr<BlockDevice*> bdev = OpenPath(state, step["open"], mode);
  if (bdev.ok()) state.open[step["open"]] = {*bdev, mode};
  return {{"errno", ErrnoJson(bdev.status())}};
}

Json CloseStep(DiskState& state, const Json& step) {
  auto open = state.open.find(step["close"].get<std::string>());
  if (open == state.open.end()) {
    // The recording program's own words: Python's repr() of the path.
    return {{"errno",
             absl::StrCat("'",
                          absl::StrReplaceAll(step["close"].get<std::string>(),
                                              {{"\\", "\\\\"}}),
                          "'")}};
  }
  const OpenDisk disk = open->second;
  state.open.erase(open);
  ClosePath(state, disk.bdev, disk.mode);
  return {{"errno", nullptr}};
}

// --- what other programs did ---

void AddLoop(DiskState& state, const Json& step) {
  BlockOptions options;
  options.name =
      std::string(absl::StripPrefix(step["loop"].get<std::string>(), "/dev/"));
  options.nr_sectors = step.value("mib", uint64_t{64}) * 2048;
  uint32_t number = 0;
  (void)absl::SimpleAtoi(absl::StripPrefix(options.name, "loop"), &number);
  options.dev = DevT{7, number};
  options.limits = LoopLimits(step.value("bs", 512u));
  options.queue_flags = QUEUE_FLAG_NONROT | QUEUE_FLAG_WC;
  (void)state.session.machine->AddBlock(options);
}

// ndctl create-namespace: `-e namespaceN.0` becomes what the output says.
void MakeNamespace(DiskState& state, const Json& step, const Json& recorded) {
  Machine& machine = *state.session.machine;
  const std::vector<std::string> argv = step["ndctl"];
  std::string disk;
  for (const std::string& word : argv) {
    absl::string_view number = word;
    if (absl::ConsumePrefix(&number, "namespace")) {
      disk = absl::StrCat("pmem", number.substr(0, number.find('.')));
    }
  }
  const PmemDevice* old = machine.FindPmem(disk);
  if (old == nullptr || argv[0] != "create-namespace") return;
  if (recorded["rc"] != 0) return;  // it made nothing
  const Json made = Json::parse(recorded["stdout"].get<std::string>());
  const uint64_t size = made["size"];
  PmemOptions options = old->options();
  (void)machine.Remove(disk);
  if (made["mode"] == "sector") {
    BlockOptions btt;
    btt.name = made["blockdev"];
    btt.nr_sectors = size / kSectorSize;
    btt.limits = BttLimits(machine.profile());
    (void)machine.AddBlock(btt);
  } else if (made["mode"] == "fsdax") {
    options.data_offset = options.size - size;
    options.has_pages = true;
    (void)machine.AddPmem(options);
  } else if (made["mode"] == "devdax") {
    machine.AddCharNode(absl::StrCat(
        "/dev/",
        made["daxregion"]["devices"][0]["chardev"].get<std::string>()));
  }
}

// The rows that the recording shows of `name`, in any later listing.
std::string RecordedRows(const Json& steps, const std::string& name) {
  std::string rows;
  for (const Json& step : steps) {
    if (!rows.empty()) break;
    for (absl::string_view line :
         absl::StrSplit(step.value("stdout", ""), '\n')) {
      if (absl::ConsumePrefix(&line, absl::StrCat(name, ": "))) {
        absl::StrAppend(&rows, line, "\n");
      }
    }
  }
  return rows;
}

std::string RecordedUuid(const Json& steps, const std::string& name) {
  for (const Json& step : steps) {
    if (!step.contains("devs") || !step["devs"].is_object()) continue;
    for (const Json& dev : step["devs"]) {
      if (dev["name"] == name) return dev["uuid"];
    }
  }
  return "";
}

void RunLvm(DiskState& state, const std::vector<std::string>& argv) {
  DmCtl& ctl = *state.session.ctl;
  const std::string& vg = argv.back();
  if (argv[1] == "lvcreate") {
    auto flag = std::find(argv.begin(), argv.end(), "-n");
    if (flag == argv.end() || ++flag == argv.end()) return;
    const std::string name = absl::StrCat(vg, "-", *flag);
    RunDmsetup(ctl, {"create", name, "-u", RecordedUuid(state.recorded, name)},
               RecordedRows(state.recorded, name));
  } else if (argv[1] == "vgchange") {
    DmIoctl io;
    std::vector<DmNameEntry> entries;
    (void)ctl.ListDevices(io, &entries);
    for (const DmNameEntry& entry : entries) {
      if (absl::StartsWith(entry.name, absl::StrCat(vg, "-"))) {
        RunDmsetup(ctl, {"remove", entry.name}, "");
      }
    }
  }
}

// dd of=DEVICE bs=B count=N: zeros, which is all that cases write.
void RunDd(DiskState& state, const std::vector<std::string>& argv) {
  std::string of;
  uint64_t bs = 512, count = 0;
  for (absl::string_view word : argv) {
    if (absl::ConsumePrefix(&word, "of=")) of = std::string(word);
    if (absl::ConsumePrefix(&word, "bs=")) (void)absl::SimpleAtoi(word, &bs);
    if (absl::ConsumePrefix(&word, "count=")) {
      (void)absl::SimpleAtoi(word, &count);
    }
  }
  absl::StatusOr<BlockDevice*> bdev = OpenPath(state, of, FMODE_WRITE);
  if (!bdev.ok()) return;
  const std::vector<char> zeros(Within(**bdev, 0, bs * count));
  (void)BioWrite(**bdev, sector_t{0}, zeros);
  ClosePath(state, *bdev, FMODE_WRITE);
}

// `ls /dev/mapper`.
std::string ListMapper(const Machine& machine) {
  std::vector<std::string> names = {"control"};
  for (const auto& [path, dev] : machine.Nodes()) {
    absl::string_view name = path;
    if (absl::ConsumePrefix(&name, "/dev/mapper/")) names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  std::string out;
  for (const std::string& name : names) absl::StrAppend(&out, name, "\n");
  return out;
}

// An attribute of /sys/block that cases read, or null.
Json ReadSysfs(DiskState& state, const std::string& path) {
  const std::vector<std::string> parts = absl::StrSplit(path, '/');
  if (parts.size() < 5) return {};
  BlockDevice* bdev = state.session.machine->FindBdevByName(parts[3]);
  if (bdev == nullptr) return {};
  if (absl::EndsWith(path, "/queue/dax")) {
    return bdev->queue().Has(QUEUE_FLAG_DAX) ? "1" : "0";
  }
  if (absl::EndsWith(path, "/size")) return absl::StrCat(bdev->nr_sectors());
  return {};
}

void CompareFields(const std::string& where, const Json& recorded,
                   const Json& ours, Verdict& verdict) {
  for (const auto& [field, value] : ours.items()) {
    verdict.Compare(where, field, recorded.value(field, Json()), value);
  }
}

// Programs: true when the step was one.
bool RunProgram(const std::string& where, const Json& step,
                const Json& recorded, DiskState& state, Verdict& verdict) {
  if (step.contains("loop")) {
    AddLoop(state, step);
  } else if (step.contains("ndctl")) {
    MakeNamespace(state, step, recorded);
  } else if (step.contains("addkey")) {
    const Json& key = step["addkey"];
    state.session.machine->keys().Add(
        {.type = key[0], .description = key[1], .bytes = key[2]});
  } else if (step.contains("setro")) {
    absl::StatusOr<BlockDevice*> bdev =
        OpenPath(state, step["setro"], FMODE_READ);
    if (bdev.ok()) {
      (*bdev)->SetReadOnly(step.value("ro", true));
      ClosePath(state, *bdev, FMODE_READ);
    }
  } else if (step.contains("sleep")) {
    // Parts of seconds do not count.
    state.session.machine->AdvanceClock(
        static_cast<int64_t>(step["sleep"].get<double>()));
    state.session.ctl->LetTimePass();
  } else if (step.contains("exec")) {
    const std::vector<std::string> argv = step["exec"];
    if (argv[0] == "dd") RunDd(state, argv);
    if (argv[0] == "lvm" && argv.size() > 2) RunLvm(state, argv);
    if (argv == std::vector<std::string>{"ls", "/dev/mapper"}) {
      verdict.Compare(where, "stdout", recorded["stdout"],
                      ListMapper(*state.session.machine));
    }
  } else {
    return false;
  }
  return true;
}

}  // namespace

bool IsDiskStep(const Json& step) {
  for (const char* kind :
       {"stamp", "whereis", "pread", "pwrite", "open", "close", "setro", "loop",
        "devs", "sleep", "read", "exec", "ndctl", "addkey"}) {
    if (step.contains(kind)) return true;
  }
  return false;
}

bool RunDiskStep(const std::string& where, const Json& step,
                 const Json& recorded, DiskState& state, Verdict& verdict) {
  if (RunProgram(where, step, recorded, state, verdict)) return false;
  Json ours = Json::object();
  if (step.contains("stamp")) ours = Stamp(state, step);
  if (step.contains("pread")) ours = Pread(state, step);
  if (step.contains("pwrite")) ours = Pwrite(state, step);
  if (step.contains("open")) ours = OpenStep(state, step);
  if (step.contains("close")) ours = CloseStep(state, step);
  if (step.contains("read")) {
    ours["text"] = ReadSysfs(state, step["read"]);
  }
  if (step.contains("whereis")) {
    ours["map"] = Json::array();
    for (const Json& sector : step["sectors"]) {
      ours["map"].push_back(Whereis(state, step["whereis"], sector));
    }
  }
  CompareFields(where, recorded, ours, verdict);
  return true;
}

}  // namespace dmdax::conformance
