// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/fault_run.h"

#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/errno_status.h"
#include "dm/bio_map.h"
#include "fs/dax_mount.h"
#include "tests/conformance/devdax_case.h"
#include "tests/conformance/fsdax_case.h"
#include "tests/conformance/guest_nature.h"
#include "tests/conformance/oracle_guest.h"
#include "tests/conformance/shell_steps.h"
#include "tests/conformance/table_case.h"
#include "tools/dmsetup/dmsetup.h"

namespace dmdax::conformance {
namespace {

BlockDevice* FindBdev(const Session& session, const std::string& dev) {
  absl::StatusOr<DevT> number = session.machine->LookupBdev(dev);
  return number.ok() ? session.machine->FindBdev(*number) : nullptr;
}

// mke2fs without -g: sectors of a group, and where the inode tables are.
constexpr uint64_t kGroup = 32768 * kPageSectors;
constexpr uint64_t kTableAt = 64 * kPageSectors;

// Where mkfs puts block `block` of the journal of a file system that has so
// many sectors: that of xfs into the middle, that of ext4 behind the inode
// tables if the middle is in the first group; without one it is the inode
// tables that are written.
sector_t JournalSector(const std::string& fs, bool has_journal,
                       uint64_t sectors, uint64_t block) {
  const uint64_t offset = block * kPageSectors;
  if (fs == "xfs") return sector_t{sectors / 2 + offset};
  if (!has_journal) return sector_t{kTableAt + offset};
  // With one group, what lies between the bitmaps, which have room for sixteen
  // groups, and the inode table is taken first: blocks 23 to 48 of 128 MiB.
  constexpr uint64_t kFirst = 23, kBeforeTable = 25;
  if (sectors <= kGroup && block < kBeforeTable) {
    return sector_t{kFirst * kPageSectors + offset};
  }
  // get_midpoint_journal_block(): the group with the most free blocks of those
  // in the middle.  An inode of 256 bytes is made for each 4096 of a small one.
  const uint64_t middle = sectors / 2 / kGroup;
  const uint64_t tables = sectors / 16;
  const uint64_t second = sectors > kGroup ? sectors - kGroup : 0;
  const bool first = middle == 0 && second <= kGroup - tables;
  if (first) return sector_t{kTableAt + tables + offset};
  return sector_t{(middle == 0 ? kGroup : middle * kGroup) + offset};
}

CaseDevices DevicesOf(Session& session, const std::string& mounted,
                      const std::string& fs, bool has_journal) {
  CaseDevices devices;
  // A commit is several blocks of the journal, which a striped device may have
  // on all of its legs.  The next one goes on behind it.
  devices.journal_io = [&session, mounted, fs, has_journal,
                        head = uint64_t{0}]() mutable {
    constexpr uint64_t kCommitBlocks = 8;
    BlockDevice* bdev = FindBdev(session, mounted);
    if (bdev == nullptr) return -EIO;
    for (uint64_t block = head; block < head + kCommitBlocks; ++block) {
      const sector_t sector =
          JournalSector(fs, has_journal, bdev->nr_sectors(), block);
      const int err = RouteBio(*bdev, sector, ReqOp::kWrite).err;
      if (err != 0) return -err;
    }
    if (has_journal) head += kCommitBlocks;
    return 0;
  };
  devices.super_io = [&session, mounted] {
    constexpr sector_t kSuperBlock{2};
    BlockDevice* bdev = FindBdev(session, mounted);
    if (bdev == nullptr) return -EIO;
    return -RouteBio(*bdev, kSuperBlock, ReqOp::kWrite).err;
  };
  devices.suspended = [&session, mounted] {
    const std::string name(absl::StripPrefix(mounted, "/dev/mapper/"));
    const std::shared_ptr<MappedDevice> md = session.ctl->FindDevice(name);
    return md != nullptr && md->suspended();
  };
  devices.zeroout = [&session, mounted](uint64_t at, uint64_t length) {
    BlockDevice* bdev = FindBdev(session, mounted);
    for (uint64_t done = 0; done < length; done += kPageSize) {
      const sector_t sector{(at + done) / kSectorSize};
      const int err =
          bdev == nullptr ? EIO : RouteBio(*bdev, sector, ReqOp::kWrite).err;
      if (err != 0) return -err;
    }
    return 0;
  };
  devices.set_freeze = [&session, mounted](std::function<int()> freeze) {
    BlockDevice* bdev = FindBdev(session, mounted);
    if (bdev != nullptr) bdev->set_freeze(std::move(freeze));
  };
  devices.ra_pages = [&session](const std::string& dev) -> uint64_t {
    BlockDevice* bdev = FindBdev(session, dev);
    return bdev != nullptr ? bdev->queue().ra_pages() : 32;
  };
  devices.dax_device = [&session](const std::string& dev) -> DaxDevice* {
    BlockDevice* bdev = FindBdev(session, dev);
    return bdev != nullptr ? bdev->host_dax_dev() : nullptr;
  };
  devices.dev_t = [&session](const std::string& dev) {
    BlockDevice* bdev = FindBdev(session, dev);
    return bdev != nullptr ? bdev->dev() : DevT{};
  };
  devices.shell = [&session](const std::string& line) {
    return RunShell(session, line);
  };
  return devices;
}

void RunSteps(Session& session, const Json& steps, const Json& results,
              Verdict& verdict) {
  for (size_t i = 0; i < steps.size(); ++i) {
    const std::string why = RunCaseStep(
        session, steps[i], i < results.size() ? results[i] : Json::object());
    if (!why.empty()) verdict.unsupported = why;
  }
}

void CreateDm(Session& session, const Json& test) {
  for (const Json& dm : test.value("dm", Json::array())) {
    RunDmsetup(*session.ctl, {"create", dm["name"].get<std::string>()},
               absl::StrCat(dm["table"].get<std::string>(), "\n"));
  }
}

// `-b 1024` of mkfs.ext4, `-b size=1024` of mkfs.xfs; the last one counts.
uint64_t BlockSize(const std::vector<std::string>& argv) {
  uint64_t size = 4096;
  for (size_t i = 0; i + 1 < argv.size(); ++i) {
    uint64_t given = 0;
    if (argv[i] == "-b" &&
        absl::SimpleAtoi(absl::StripPrefix(argv[i + 1], "size="), &given)) {
      size = given;
    }
  }
  return size;
}

bool HasWord(const std::vector<std::string>& argv, const std::string& word) {
  for (const std::string& arg : argv) {
    for (absl::string_view part : absl::StrSplit(arg, ',')) {
      if (part == word) return true;
    }
  }
  return false;
}

// What a mount logs that is judged here, besides lines that speak of DAX: why
// options and block sizes are refused.
constexpr absl::string_view kJudged[] = {
    "incompatible with ext2",
    "Unknown parameter '",
    "Bad value for '",
    "Unexpected value for '",
    "Unrecognized mount option",
    "will currently work",
    "bad block size",
    "fs mounted w/o journal",
    "Cannot mount a V5",
    "cannot change alignment",
    "alignment check failed",
    "attr2 and noattr2",
    "Can't find ext4 filesystem",
    "Invalid sb specification",
    "unable to read superblock",
    "quota",
    "Quota format mount options",
    "Invalid uid",
    "Invalid gid",
    "journal device",
    "journal path",
    "journal_path",
    "Invalid device [",
    "identical rtdev",
    "internal log",
    "external log",
};

Json AboutDax(const std::vector<std::string>& lines) {
  Json kept = Json::array();
  for (const std::string& line : lines) {
    if (absl::StrContains(line, "mounted filesystem")) continue;
    bool judged = absl::StrContains(absl::AsciiStrToLower(line), "dax");
    for (absl::string_view words : kJudged) {
      judged |= absl::StrContains(line, words);
    }
    if (judged) kept.push_back(line);
  }
  return kept;
}

// "rw,relatime,stripe=512,dax=always" -> "dax=always".
std::string DaxOptionOf(const std::string& proc_mounts) {
  for (absl::string_view option : absl::StrSplit(proc_mounts, ',')) {
    if (absl::StartsWith(option, "dax")) return std::string(option);
  }
  return "";
}

// What of a refused mount is the device's and the options' doing.  A file
// system that mkfs could not make is no statement about DAX.
bool MountIsJudged(const Json& result) {
  return result.contains("mount") &&
         (!result.contains("mkfs") || result["mkfs"].value("rc", 0) == 0);
}

SuperBlock CompareMount(Session& session, const Json& test, const Json& result,
                        const KernelProfile& profile, Verdict& verdict) {
  BlockDevice* bdev = FindBdev(session, test["dev"]);
  if (bdev == nullptr) return SuperBlock{};
  const MountRequest request =
      RequestOfCase(test, result, bdev->queue().limits().io_opt);
  session.machine->log().TakeNew();
  absl::StatusOr<SuperBlock> sb = MountDax(
      request, *bdev, profile, session.machine->log(), session.machine.get());
  const Json& recorded = result["mount"];
  const std::string where = absl::StrCat("mount ", request.options);
  verdict.Compare(where, "errno", recorded["errno"],
                  sb.ok() ? Json() : Json(ErrnoName(ErrnoOf(sb.status()))));
  verdict.Compare(where, "dmesg", AboutDax(recorded["dmesg"]),
                  AboutDax(session.machine->log().TakeNew()));
  if (!sb.ok()) return SuperBlock{};
  HoldMounted(*bdev);
  verdict.Compare(where, "option",
                  DaxOptionOf(recorded.value("proc_mounts", "")),
                  sb->DaxOption());
  return *sb;
}

// What dmsetup did before and after the mappings.
Verdict CompareSteps(const Json& test, const Json& result, const Json& env,
                     const KernelProfile& profile) {
  Json steps{{"steps", Json::array()}};
  Json recorded{{"steps", Json::array()}};
  for (const char* part : {"pre", "post"}) {
    const Json& given = test.value(part, Json::array());
    for (size_t i = 0; i < given.size() && i < result[part].size(); ++i) {
      if (given[i].contains("thp")) continue;  // said to the probe
      steps["steps"].push_back(given[i]);
      recorded["steps"].push_back(result[part][i]);
    }
  }
  return RunTableCase(steps, recorded, env, profile);
}

Verdict RunDevdaxCase(const Json& test, const Json& result, const Json& env,
                      const KernelProfile& profile,
                      const FaultProfile& faults) {
  Verdict verdict = CompareSteps(test, result, env, profile);
  if (!verdict.unsupported.empty() || result.value("maps", Json()).empty()) {
    return verdict;
  }
  const Verdict mapped = CompareDevdaxCase(test, result, env, faults);
  verdict.Add(mapped);
  return verdict;
}

}  // namespace

absl::StatusOr<Session> GuestOfCase(const Json& test, const Json& result,
                                    const Json& env,
                                    const KernelProfile& profile,
                                    Verdict& verdict) {
  // A btt namespace is a plain disk without an address.
  Json pmem = Json::object();
  const Json namespaces = result.value("pmem", Json::object());
  for (const auto& [name, p] : namespaces.items()) {
    if (p[0].is_string()) pmem[name] = p;
  }
  absl::StatusOr<Session> session = pmem.empty()
                                        ? GuestFromEnv(env, profile)
                                        : GuestFromCase(env, pmem, profile);
  if (!session.ok()) return session;
  const Json none = Json::array();
  RunSteps(*session, test.value("pre", none), result.value("pre", none),
           verdict);
  CreateDm(*session, test);
  RunSteps(*session, test.value("after_dm", none),
           result.value("after_dm", none), verdict);
  return session;
}

MountRequest RequestOfCase(const Json& test, const Json& result,
                           uint32_t io_opt) {
  MountRequest request{.type = test["fs"],
                       .options = result["mount"].value("options", ""),
                       .options_of = OptionsOf::kMount2};
  if (!result.contains("mkfs") || !result["mkfs"].contains("argv")) {
    return request;
  }
  const std::vector<std::string> argv = result["mkfs"]["argv"];
  request.block_size = BlockSize(argv);
  request.inline_data = HasWord(argv, "inline_data");
  request.project = HasWord(argv, "project");
  request.quota = HasWord(argv, "quota");
  const bool outside = std::any_of(
      argv.begin(), argv.end(),
      [](const std::string& arg) { return absl::StartsWith(arg, "logdev="); });
  request.log = outside ? LogPlace::kOutside : LogPlace::kWithin;
  request.has_journal = test["fs"] == "ext4" && !HasWord(argv, "^has_journal");
  request.xfs_v4 = HasWord(argv, "crc=0");
  request.has_dalign = io_opt > 0;
  for (const std::string& arg : argv) {
    request.has_dalign |=
        absl::StrContains(arg, "su=") || absl::StrContains(arg, "sunit=");
  }
  // mkfs.xfs makes it unless told otherwise.
  request.reflink = test["fs"] == "xfs" && !HasWord(argv, "reflink=0");
  return request;
}

Verdict RunFaultCase(const Json& test, const Json& result, const Json& env,
                     const KernelProfile& profile) {
  Verdict verdict;
  const FaultProfile& faults = profile.fault;
  if (!test.contains("fs")) {
    return RunDevdaxCase(test, result, env, profile, faults);
  }
  absl::StatusOr<Session> session =
      GuestOfCase(test, result, env, profile, verdict);
  if (!session.ok()) {
    verdict.unsupported = std::string(session.status().message());
    return verdict;
  }
  const Json none = Json::array();
  SuperBlock sb;
  const std::string guests =
      MountIsGuests(result.value("mount", Json::object()));
  if (!guests.empty()) {
    verdict.GuestNature("mount", "what its kernel was built with", guests);
    return verdict;
  }
  if (MountIsJudged(result)) {
    sb = CompareMount(*session, test, result, profile, verdict);
  }
  RunSteps(*session, test.value("mid", none), result.value("mid", none),
           verdict);
  if (!verdict.unsupported.empty() || !result.contains("maps")) return verdict;
  const bool has_journal =
      RequestOfCase(test, result, /*io_opt=*/0).has_journal;
  const Verdict mapped = CompareFsdaxCase(
      test, result, faults, sb,
      DevicesOf(*session, test["dev"], test["fs"], has_journal));
  verdict.Add(mapped);
  return verdict;
}

}  // namespace dmdax::conformance
