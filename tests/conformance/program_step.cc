// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/program_step.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/errno_status.h"
#include "base/ranges.h"
#include "dm/bio_map.h"
#include "tests/conformance/oracle_guest.h"
#include "tests/conformance/shell_steps.h"
#include "tools/dmsetup/dmsetup.h"

namespace dmdax::conformance {
namespace {

// Bytes of `size` that an access of `count` at `offset` reaches.
size_t Within(const BlockDevice& bdev, uint64_t offset, uint64_t count) {
  const uint64_t size = bdev.nr_sectors() << kSectorShift;
  return offset >= size ? 0 : std::min(count, size - offset);
}

void AddLoop(DiskState& state, const Json& step) {
  BlockOptions options;
  options.name =
      std::string(absl::StripPrefix(step["loop"].get<std::string>(), "/dev/"));
  options.nr_sectors = step.value("mib", uint64_t{64}) * 2048;
  uint32_t number = 0;
  (void)absl::SimpleAtoi(absl::StripPrefix(options.name, "loop"), &number);
  options.dev = DevT{7, number};
  options.limits = LoopLimits(step.value("bs", 512u));
  const bool read_only = step.value("ro", false);
  options.queue_flags = QUEUE_FLAG_NONROT;
  if (!read_only) options.queue_flags |= QUEUE_FLAG_WC;
  (void)state.session.machine->Remove(options.name);  // the empty one
  absl::StatusOr<BlockDevice*> bdev = state.session.machine->AddBlock(options);
  if (bdev.ok()) (*bdev)->SetReadOnly(read_only);
  // Its file, which is no block device.
  state.session.machine->AddCharNode(absl::StrCat("/tmp/", options.name));
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
    btt.limits =
        BttLimits(machine.profile(),
                  made.value("sector_size", static_cast<uint32_t>(kPageSize)));
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

// mkfs zeroes blocks of the device, and a driver that can not do it says so
// once.
void Mkfs(DiskState& state, const Json& recorded) {
  constexpr absl::string_view kBegin = "operation not supported error, dev ";
  for (const std::string line : recorded.value("dmesg", Json::array())) {
    absl::string_view name = line;
    if (!absl::ConsumePrefix(&name, kBegin)) continue;
    BlockDevice* bdev = state.session.machine->FindBdevByName(
        std::string(name.substr(0, name.find(','))));
    if (bdev == nullptr) continue;
    QueueLimits limits = bdev->queue().limits();
    limits.max_write_zeroes_sectors = 0;
    bdev->queue().SetLimits(limits);
  }
}

// The rows that the recording shows of `name`, in any later listing.
std::string RecordedRows(const DiskState& state, const std::string& name) {
  std::string rows;
  for (size_t i = state.at; i < state.recorded.size(); ++i) {
    const Json& step = state.recorded[i];
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
               RecordedRows(state, name));
  } else if (argv[1] == "lvextend" || argv[1] == "lvreduce" ||
             argv[1] == "lvresize") {
    // The last word is the volume, "vg/lv".
    const std::string name = absl::StrReplaceAll(vg, {{"/", "-"}});
    const std::string rows = RecordedRows(state, name);
    if (rows.empty()) return;
    RunDmsetup(ctl, {"load", name}, rows);
    RunDmsetup(ctl, {"resume", name}, "");
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
  const uint64_t bytes = Within(**bdev, 0, bs * count);
  if (bytes > 0) AddRange(0, bytes, &state.unwritten[(*bdev)->dev()]);
  ClosePath(state, *bdev, FMODE_WRITE);
  WriteBackClosed(state);
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

constexpr unsigned kMounted = FMODE_READ | FMODE_WRITE | FMODE_EXCL;

// What is mounted last at `at`, or of `bdev`, or null.
const MountedDisk* Last(const DiskState& state, const std::string& at) {
  for (size_t i = state.mounted.size(); i-- > 0;) {
    if (state.mounted[i].at == at) return &state.mounted[i];
  }
  return nullptr;
}

const MountedDisk* Of(const DiskState& state, const BlockDevice* bdev) {
  for (const MountedDisk& mounted : state.mounted) {
    if (mounted.bdev == bdev) return &mounted;
  }
  return nullptr;
}

// get_tree_bdev() and do_add_mount(), as far as they ask the device, which is
// open once for a super block, however often that is mounted.
absl::Status Claim(const DiskState& state, BlockDevice& bdev,
                   const std::string& at, bool read_only) {
  static constexpr char kSuperBlock[] = "super block";
  if (const MountedDisk* same = Of(state, &bdev); same != nullptr) {
    if (!read_only && bdev.read_only()) return ErrnoError(EACCES, bdev.name());
    if (same->read_only != read_only) return ErrnoError(EBUSY, bdev.name());
    const MountedDisk* below = Last(state, at);
    if (below != nullptr && below->bdev == &bdev) return ErrnoError(EBUSY, at);
    return absl::OkStatus();
  }
  absl::Status s = bdev.Open(kMounted, kSuperBlock);
  if (s.ok() && !read_only && bdev.read_only()) {
    bdev.Close(kMounted);
    s = ErrnoError(EACCES, bdev.name());
  }
  return s;
}

// mount(2), as far as it claims the device.
void Mount(const std::string& where, const Json& step, const Json& recorded,
           DiskState& state, Verdict& verdict) {
  const Json& kernel = recorded["errno"];
  // What is on the disk is not followed here, nor what options say.
  if (kernel == "EINVAL") return;
  const std::string at = step.value("at", "/mnt");
  const std::string options = step.value("options", "");
  const bool read_only = options == "ro" || absl::StartsWith(options, "ro,");
  absl::StatusOr<DevT> dev =
      state.session.machine->LookupBdev(step["mount"].get<std::string>());
  absl::Status s = dev.status();
  BlockDevice* bdev = nullptr;
  if (s.ok()) {
    bdev = state.session.machine->FindBdev(*dev);
    s = bdev == nullptr ? ErrnoError(ENXIO, "")
                        : Claim(state, *bdev, at, read_only);
  }
  verdict.Compare(where, "errno", kernel, ErrnoJson(s));
  if (s.ok() && kernel.is_null()) {
    state.mounted.push_back({at, bdev, read_only});
  } else if (s.ok() && Of(state, bdev) == nullptr) {
    ClosePath(state, bdev, kMounted);
  }
}

void Umount(const std::string& at, DiskState& state) {
  for (size_t i = state.mounted.size(); i-- > 0;) {
    if (state.mounted[i].at != at) continue;
    BlockDevice* const bdev = state.mounted[i].bdev;
    state.mounted.erase(state.mounted.begin() + static_cast<ptrdiff_t>(i));
    if (Of(state, bdev) == nullptr) ClosePath(state, bdev, kMounted);
    return;
  }
}

}  // namespace

bool RunProgramStep(const std::string& where, const Json& step,
                    const Json& recorded, DiskState& state, Verdict& verdict) {
  if (step.contains("mkfs")) {
    Mkfs(state, recorded);
    return true;
  }
  if (step.contains("loop")) {
    AddLoop(state, step);
  } else if (step.contains("ndctl")) {
    MakeNamespace(state, step, recorded);
  } else if (step.contains("addkey")) {
    const Json& key = step["addkey"];
    // The guest's program takes the same byte for all of it.
    const uint64_t bytes = key[2];
    state.session.machine->keys().Add({.type = key[0],
                                       .description = key[1],
                                       .bytes = bytes,
                                       .payload = std::string(bytes, 'Z')});
  } else if (step.contains("setro")) {
    absl::StatusOr<BlockDevice*> bdev =
        OpenPath(state, step["setro"], FMODE_READ);
    if (bdev.ok()) {
      (*bdev)->BlkRoSet(step.value("ro", true),
                        state.session.machine->profile());
      ClosePath(state, *bdev, FMODE_READ);
    }
  } else if (step.contains("mount")) {
    Mount(where, step, recorded, state, verdict);
  } else if (step.contains("umount")) {
    const Json& at = step["umount"];
    Umount(at.is_string() ? at.get<std::string>() : "/mnt", state);
  } else if (step.contains("sleep")) {
    // Parts of seconds do not count.
    state.session.machine->AdvanceClock(
        static_cast<int64_t>(step["sleep"].get<double>()));
    state.session.ctl->LetTimePass();
  } else if (step.contains("exec")) {
    const std::vector<std::string> argv = step["exec"];
    if (argv[0] == "dd") RunDd(state, argv);
    if (argv[0] == "lvm" && argv.size() > 2) RunLvm(state, argv);
    if (argv.size() == 3 && argv[0] == "sh" && argv[1] == "-c") {
      const ShellOutput out = RunSysfsShell(state.session, argv[2]);
      if (!out.known) return true;
      verdict.Compare(where, "rc", recorded["rc"], out.rc);
      verdict.Compare(where, "stdout", recorded["stdout"], out.out);
    }
    if (argv == std::vector<std::string>{"ls", "/dev/mapper"}) {
      verdict.Compare(where, "stdout", recorded["stdout"],
                      ListMapper(*state.session.machine));
    }
  } else {
    return false;
  }
  return true;
}

}  // namespace dmdax::conformance
