// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/disk_step.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>
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
#include "base/ranges.h"
#include "base/round_up.h"
#include "dm/bio_map.h"
#include "dm/io/block_file.h"
#include "tests/conformance/oracle_guest.h"
#include "tests/conformance/program_step.h"

namespace dmdax::conformance {

// Who holds what an `open` step opened exclusively.
static constexpr char kOpener[] = "recorded case";

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

void WriteBackZeros(DiskState& state, BlockDevice& bdev, uint64_t begin,
                    uint64_t end) {
  const auto unwritten = state.unwritten.find(bdev.dev());
  if (unwritten == state.unwritten.end()) return;
  const Ranges ranges = unwritten->second;
  for (const auto& [first, last] : ranges) {
    const uint64_t from = std::max(first, RoundDown(begin, kPageSize));
    const uint64_t to = std::min(last, RoundUp(end, kPageSize));
    if (from >= to) continue;
    (void)BioWrite(bdev, sector_t{from >> kSectorShift},
                   std::vector<char>(to - from));
    RemoveRange(from, to, &unwritten->second);
  }
}

void WriteBackClosed(DiskState& state) {
  for (auto it = state.unwritten.begin(); it != state.unwritten.end();) {
    BlockDevice* const bdev = state.session.machine->FindBdev(it->first);
    if (bdev != nullptr && bdev->openers() > 0) {
      ++it;
      continue;
    }
    if (bdev != nullptr) {
      WriteBackZeros(state, *bdev, 0, bdev->nr_sectors() << kSectorShift);
    }
    it = state.unwritten.erase(it);
  }
}

namespace {

// --- I/O ---

// open(2) by the program that reads and writes in the guest.
absl::StatusOr<std::unique_ptr<BlockFile>> OpenFile(DiskState& state,
                                                    const std::string& path,
                                                    int flags) {
  absl::StatusOr<DevT> dev = state.session.machine->LookupBdev(path);
  if (!dev.ok()) return dev.status();
  return BlockFile::Open(*state.session.ctl, *dev, flags, "python3");
}

// I/O of bytes [begin, begin + bytes) that goes past the page cache, or an
// fsync(2) behind it, of all that is there.
void WriteBack(DiskState& state, const std::string& path, uint64_t begin,
               uint64_t bytes) {
  const absl::StatusOr<DevT> dev = state.session.machine->LookupBdev(path);
  if (!dev.ok()) return;
  BlockDevice* const bdev = state.session.machine->FindBdev(*dev);
  if (bdev != nullptr) WriteBackZeros(state, *bdev, begin, begin + bytes);
}

constexpr uint64_t kAllBytes = uint64_t{1} << 62;

int DirectFlag(const Json& step) {
  return step.value("direct", true) ? O_DIRECT : 0;
}

Json Pread(DiskState& state, const Json& step) {
  const auto file = OpenFile(state, step["pread"], O_RDONLY | DirectFlag(step));
  if (!file.ok()) return {{"errno", ErrnoJson(file.status())}};
  std::vector<char> bytes(step["bytes"].get<size_t>(), '\xa5');
  // The recording program has no buffer of no bytes.
  if (bytes.empty()) return {{"errno", "EINVAL"}};
  WriteBack(state, step["pread"], step["off"], bytes.size());
  const absl::StatusOr<size_t> n =
      (*file)->Read(step["off"], absl::MakeSpan(bytes));
  if (!n.ok()) return {{"errno", ErrnoJson(n.status())}};
  bytes.resize(std::max<size_t>(bytes.size(), 16));
  return {
      {"errno", nullptr},
      {"bytes", *n},
      {"head", absl::BytesToHexString(absl::string_view(bytes.data(), 16))}};
}

Json Pwrite(DiskState& state, const Json& step) {
  const int direct = DirectFlag(step);
  const auto file = OpenFile(state, step["pwrite"], O_RDWR | direct);
  if (!file.ok()) return {{"errno", ErrnoJson(file.status())}};
  const std::vector<char> bytes(step["bytes"].get<size_t>(),
                                static_cast<char>(step.value("byte", 0xa5)));
  if (bytes.empty()) return {{"errno", "EINVAL"}};
  if (direct != 0) {
    WriteBack(state, step["pwrite"], step["off"], bytes.size());
  } else {
    WriteBack(state, step["pwrite"], 0, kAllBytes);
  }
  const absl::StatusOr<size_t> n = (*file)->Write(step["off"], bytes);
  absl::Status s = n.status();
  if (s.ok() && direct == 0) s = (*file)->Fsync();
  if (!s.ok()) return {{"errno", ErrnoJson(s)}};
  return {{"errno", nullptr}, {"bytes", *n}};
}

// Writes "device name, sector number" into each sector.
Json Stamp(DiskState& state, const Json& step) {
  const std::string path = step["stamp"];
  auto file = OpenFile(state, path, O_WRONLY);
  if (!file.ok()) return {{"errno", ErrnoJson(file.status())}};
  const std::string tag =
      step.value("tag", path.substr(path.rfind('/') + 1)).substr(0, 8);
  const uint64_t start = step["sectors"][0], count = step["sectors"][1];
  std::vector<char> bytes(count << kSectorShift);
  for (uint64_t i = 0; i < count; ++i) {
    char* sector = &bytes[i << kSectorShift];
    memcpy(sector, tag.data(), tag.size());
    for (size_t byte = 0; byte < 8; ++byte) {
      sector[8 + byte] = static_cast<char>((start + i) >> (8 * byte));
    }
  }
  WriteBack(state, path, 0, kAllBytes);
  absl::Status s = (*file)->Write(start << kSectorShift, bytes).status();
  if (s.ok()) s = (*file)->Fsync();
  // The recording program closes it only if all went well.
  if (!s.ok()) state.leaked.push_back(*std::move(file));
  return {{"errno", ErrnoJson(s)}};
}

// What one sector holds, as the recording tells it.
Json Whereis(DiskState& state, const std::string& path, uint64_t number) {
  const auto file = OpenFile(state, path, O_RDONLY | O_DIRECT);
  if (!file.ok()) return {number, ErrnoName(ErrnoOf(file.status())), nullptr};
  WriteBack(state, path, number << kSectorShift, kSectorSize);
  std::array<char, kSectorSize> sector{};
  const absl::StatusOr<size_t> got =
      (*file)->Read(number << kSectorShift, absl::MakeSpan(sector));
  if (!got.ok()) return {number, ErrnoName(ErrnoOf(got.status())), nullptr};
  if (*got == 0) return {number, "eof", nullptr};
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

// The ioctl BLKPG: a partition, which gets the number that the guest gave it.
Json PartOf(DiskState& state, BlockDevice& disk, const Json& step,
            const Json& recorded) {
  Machine& machine = *state.session.machine;
  BlockOptions options;
  options.partition_of = disk.name();
  const bool digit = absl::ascii_isdigit(
      static_cast<unsigned char>(options.partition_of.back()));
  options.name = absl::StrCat(options.partition_of, digit ? "p" : "",
                              step["n"].get<int>());
  absl::Status s;
  if (step.contains("del")) {
    s = machine.FindBdevByName(options.name) == nullptr
            ? ErrnoError(ENXIO, options.name)
            : machine.Remove(options.name);
    return {{"errno", ErrnoJson(s)}};
  }
  // A mapped device has no partitions of the kernel's own.
  if (disk.dev().major_nr == state.session.ctl->major()) {
    return {{"errno", "EINVAL"}};
  }
  options.start_sect = sector_t(step["start"].get<uint64_t>());
  options.nr_sectors = step["sectors"];
  const uint64_t capacity = disk.nr_sectors();
  if (options.start_sect.value() >= capacity ||
      options.nr_sectors > capacity - options.start_sect.value()) {
    return {{"errno", "EINVAL"}};
  }
  if (machine.FindBdevByName(options.name) != nullptr ||
      machine.FindPartition(disk, options.start_sect, options.nr_sectors) !=
          nullptr) {
    return {{"errno", "EBUSY"}};
  }
  const uint64_t block = disk.queue().limits().logical_block_size;
  if ((options.start_sect.value() << kSectorShift) % block != 0 ||
      (options.nr_sectors << kSectorShift) % block != 0) {
    return {{"errno", "EINVAL"}};
  }
  if (recorded.contains("dev") && recorded["dev"].is_string()) {
    options.dev = ScanMajorMinor(recorded["dev"].get<std::string>());
  }
  s = machine.AddBlock(options).status();
  return {{"errno", ErrnoJson(s)}};
}

// The program that asks closes the disk only if it was not refused.
Json Part(DiskState& state, const Json& step, const Json& recorded) {
  constexpr unsigned kOpen = FMODE_READ | FMODE_WRITE;
  absl::StatusOr<BlockDevice*> disk = OpenPath(state, step["part"], kOpen);
  if (!disk.ok()) return {{"errno", ErrnoJson(disk.status())}};
  const Json answer = PartOf(state, **disk, step, recorded);
  if (answer["errno"].is_null()) ClosePath(state, *disk, kOpen);
  return answer;
}

// An attribute of /sys/block that cases read, or null.
Json ReadSysfs(DiskState& state, absl::string_view path) {
  if (!absl::ConsumePrefix(&path, "/sys/block/") &&
      !absl::ConsumePrefix(&path, "/sys/class/block/")) {
    return {};
  }
  // A partition's directory is in its disk's.
  BlockDevice* bdev = nullptr;
  while (!path.empty()) {
    const size_t slash = path.find('/');
    if (slash == path.npos) break;
    BlockDevice* const found = state.session.machine->FindBdevByName(
        std::string(path.substr(0, slash)));
    if (found == nullptr) break;
    bdev = found;
    path.remove_prefix(slash + 1);
  }
  if (bdev == nullptr) return {};
  return SysfsAttribute(state.session, *bdev, path);
}

void CompareFields(const std::string& where, const Json& recorded,
                   const Json& ours, Verdict& verdict) {
  for (const auto& [field, value] : ours.items()) {
    verdict.Compare(where, field, recorded.value(field, Json()), value);
  }
}

}  // namespace

bool IsDiskStep(const Json& step) {
  for (const char* kind :
       {"stamp", "whereis", "pread", "pwrite", "open", "close", "setro", "loop",
        "devs", "sleep", "read", "exec", "ndctl", "addkey", "part", "mkfs",
        "mount", "umount"}) {
    if (step.contains(kind)) return true;
  }
  return false;
}

bool RunDiskStep(const std::string& where, const Json& step,
                 const Json& recorded, DiskState& state, Verdict& verdict) {
  if (RunProgramStep(where, step, recorded, state, verdict)) return false;
  Json ours = Json::object();
  if (step.contains("stamp")) ours = Stamp(state, step);
  if (step.contains("pread")) ours = Pread(state, step);
  if (step.contains("pwrite")) ours = Pwrite(state, step);
  if (step.contains("part")) ours = Part(state, step, recorded);
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
