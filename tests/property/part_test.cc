// SPDX-License-Identifier: Apache-2.0
//
// A command on a part of the machine answers and leaves what it does on the
// whole one: random lines of dmsetup, on random machines, in two states.
#include <stdlib.h>

#include <filesystem>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/kernel_profile.h"
#include "dm/device_mapper.h"
#include "formats/world_format.h"
#include "state/find_device.h"
#include "state/part/run_on_part.h"
#include "state/world_load.h"
#include "tests/property/seeds.h"
#include "tests/testing.h"
#include "tools/dmsetup/dmsetup.h"

namespace dmdax {
namespace {

namespace fs = std::filesystem;

// Something of each kind, so that something has each kind of device open.
constexpr char kHardware[] = R"pb(
  pmem { name: "pmem0" base: 0x100000000 size: 0x4000000 }
  pmem { name: "pmem1" base: 0x200000000 size: 0x4000000 }
  pmem { name: "pmem2" base: 0x300000000 size: 0x4000000 }
  pmem { name: "pmem3" base: 0x400000000 size: 0x4000000 }
  block { name: "sda" dev: "8:0" sectors: 131072 }
  block {
    name: "sda1"
    dev: "8:1"
    partition_of: "sda"
    start: 2048
    sectors: 65536
  }
  block {
    name: "sda2"
    dev: "8:2"
    partition_of: "sda"
    start: 67584
    sectors: 4096
  }
  block { name: "sdb" dev: "8:16" sectors: 131072 }
  node { path: "/dev/disk/by-id/one" dev: "8:16" }
  mapped_device {
    name: "mounted"
    table {
      target {
        length: 16384
        linear { device: "/dev/pmem1" }
      }
    }
  }
  mount {
    path: "/mnt"
    device: "/dev/mapper/mounted"
    file {
      name: "f"
      extent { length: 4194304 }
    }
  }
  mount { path: "/b" device: "/dev/sda2" type: "ext2" }
  dax { name: "dax3.0" pmem: "pmem3" }
  process {
    pid: 7
    vma { file: "/mnt/f" length: 4194304 }
  }
)pb";

struct Answer {
  absl::Status status;
  DmsetupResult result;
  std::vector<std::string> log;
  size_t loaded = 0;  // block devices
};

bool operator==(const Answer& a, const Answer& b) {
  return a.status == b.status && a.result.rc == b.result.rc &&
         a.result.out == b.result.out && a.result.err == b.result.err &&
         a.result.hints == b.result.hints &&
         a.result.not_modelled == b.result.not_modelled &&
         a.result.would_block == b.result.would_block && a.log == b.log;
}

std::string Text(const Answer& a) {
  return absl::StrCat(a.status.ToString(), " rc ", a.result.rc,
                      "\nout: ", a.result.out, "\nerr: ", a.result.err,
                      "\nlog: ", absl::StrJoin(a.log, "\n"));
}

// A state that is always asked with the same scope.
class State {
 public:
  State(const std::string& path, LoadScope scope)
      : path_(path), scope_(scope) {}

  void Put(const Session& session) {
    absl::StatusOr<StateDir> dir = StateDir::Open(path_, StateDir::kWrite);
    ASSERT_THAT(dir, IsOk());
    ASSERT_THAT(dir->Read(), IsOk());
    ASSERT_THAT(dir->Write(SnapshotOf(session, 0)), IsOk());
  }

  Answer Do(const std::vector<std::string>& words, const std::string& input) {
    Answer answer;
    const bool asks = DmsetupOnlyAsks(words[0]);
    absl::StatusOr<StateDir> dir =
        StateDir::Open(path_, asks ? StateDir::kRead : StateDir::kWrite);
    EXPECT_THAT(dir, IsOk());
    PartSession ran;
    answer.status =
        RunOnPart(*dir, scope_, SessionFromSnapshot, &ran, [&](Session& s) {
          answer.result = RunDmsetup(*s.ctl, words, input);
          answer.log = s.machine->log().TakeNew();
          answer.loaded = s.machine->LoadedBlockDevices().size();
          return absl::OkStatus();
        });
    if (answer.status.ok() && !asks) {
      EXPECT_THAT(dir->Write(SnapshotOf(ran.session, ran.generation)), IsOk());
    }
    return answer;
  }

  // What the first pages of a device are translated to.
  std::string Translate(const std::string& device) {
    absl::StatusOr<StateDir> dir = StateDir::Open(path_, StateDir::kRead);
    EXPECT_THAT(dir, IsOk());
    PartSession ran;
    std::string text;
    absl::Status s = RunOnPart(
        *dir, scope_, SessionFromSnapshot, &ran,
        [&](Session& asked) { return FindDevice(asked, device).status(); });
    if (!s.ok()) return s.ToString();
    BlockDevice* bdev = *FindDevice(ran.session, device);
    if (bdev->host_dax_dev() == nullptr) return "no DAX";
    DaxReadLock lock;
    for (uint64_t page : {0, 1, 7, 511, 4096}) {
      const DaxAccess a = DaxDirectAccess(bdev->host_dax_dev(), pgoff_t{page},
                                          600, DaxAccessMode::kAccess, nullptr);
      absl::StrAppend(&text, page, ": ", a.ret, " ", a.pfn.value(), "\n");
    }
    return text;
  }

  // What a touch of a file gets, or of a device-dax.
  std::string Fault(const std::string& path) {
    absl::StatusOr<StateDir> dir = StateDir::Open(path_, StateDir::kRead);
    EXPECT_THAT(dir, IsOk());
    PartSession ran;
    std::shared_ptr<File> file;
    absl::Status s =
        RunOnPart(*dir, scope_, SessionFromSnapshot, &ran, [&](Session& asked) {
          absl::StatusOr<std::shared_ptr<File>> opened = asked.user->Open(path);
          if (opened.ok()) file = *opened;
          return opened.status();
        });
    if (!s.ok()) return s.ToString();
    UserSpace& user = *ran.session.user;
    Task task(1, user.faults(), user.mem());
    absl::StatusOr<VmAreaStruct*> vma =
        task.Map({.file = file, .length = 4 << 20});
    if (!vma.ok()) return vma.status().ToString();
    const TouchReport report = task.Touch((*vma)->vm_start, AccessKind::kWrite);
    const FrameOwner owner = user.OwnerOf(report.outcome.pfn);
    return absl::StrCat(report.outcome.sig, " ", report.outcome.order, " ",
                        report.outcome.pfn.value(), " ", owner.name, " ",
                        owner.offset, "\n", absl::StrJoin(report.graph, "\n"));
  }

  // All of it, as the next command finds it.
  std::string All() {
    absl::StatusOr<StateDir> dir = StateDir::Open(path_, StateDir::kRead);
    EXPECT_THAT(dir, IsOk());
    absl::StatusOr<proto::StateSnapshot> snapshot = dir->Read();
    EXPECT_THAT(snapshot, IsOk());
    absl::StatusOr<Session> session = SessionFromSnapshot(*snapshot);
    EXPECT_THAT(session, IsOk());
    if (!session.ok()) return "";
    return SnapshotOf(*session, snapshot->generation()).DebugString();
  }

 private:
  const std::string path_;
  const LoadScope scope_;
};

class Lines {
 public:
  explicit Lines(uint64_t seed) : random_(seed) {}

  std::vector<std::string> Next(std::string* input) {
    input->clear();
    switch (Below(26)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
        return Create(input);
      case 5:
        return {"create", Name(), "--notable"};
      case 6:
      case 7:
        *input = Table();
        return {"load", Which()};
      case 8:
      case 9:
        return {"resume", Which()};
      case 10:
        return {"suspend", Which()};
      case 11:
      case 12:
        return {"remove", Which()};
      case 13:
        return {"remove", "--deferred", Which()};
      case 14:
        return {"rename", Which(), Name()};
      case 15:
        return {"rename", Which(), "--setuuid", Uuid()};
      case 16:
        return {"message", Which(), "0", "hello"};
      case 17:
        return {"clear", Which()};
      case 18:
        return {"setgeometry", Which(), "1", "2", "3", "0"};
      case 19:
        return Concise();
      case 20:
        return {"mknodes", Which()};
      case 21:
        if (Below(8) == 0) return {"remove_all"};
        return {"stats", "create", Which()};
      default:
        return Question();
    }
  }

  std::vector<std::string> Question() {
    static constexpr const char* kQuestions[] = {
        "info",      "info -c",
        "table",     "table --inactive",
        "status",    "deps",
        "ls",        "deps -o devname",
        "info -C",   "table --noflush",
        "stats list"};
    std::vector<std::string> words =
        absl::StrSplit(kQuestions[Below(std::size(kQuestions))], ' ');
    switch (Below(8)) {
      case 0:
        return words;
      case 1:
        words.insert(words.end(), {"-u", Uuid()});
        return words;
      case 2:
        words.insert(words.end(), {"-j", "254", "-m", absl::StrCat(Below(9))});
        return words;
      case 3:
        return {"ls", "--tree"};
      case 4:
        words.insert(words.end(), {Which(), Which()});
        return words;
      default:
        words.push_back(Which());
        return words;
    }
  }

  std::string Path() {
    static constexpr const char* kBelow[] = {
        "/dev/pmem0", "/dev/pmem0",          "259:0",
        "/dev/pmem2", "/dev/pmem1",          "/dev/pmem3",
        "/dev/sda",   "/dev/sda1",           "8:16",
        "/dev/sda2",  "/dev/disk/by-id/one", "/dev/none"};
    switch (Below(5)) {
      case 0:
        return absl::StrCat("254:", Below(9));
      case 1:
        return absl::StrCat("/dev/dm-", Below(9));
      case 2:
        return absl::StrCat("/dev/mapper/", Name());
      default:
        return kBelow[Below(std::size(kBelow))];
    }
  }

 private:
  uint32_t Below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }

  std::string Name() {
    return Below(12) == 0 ? "mounted" : absl::StrCat("d", Below(8));
  }
  std::string Uuid() { return absl::StrCat("U-", Below(6)); }
  std::string Which() {
    switch (Below(9)) {
      case 0:
        return absl::StrCat("/dev/dm-", Below(9));
      case 1:
        return absl::StrCat("/dev/mapper/", Name());
      default:
        return Name();
    }
  }

  std::string Row(uint64_t start) {
    const std::string at = absl::StrCat(start, " 1024 ");
    switch (Below(14)) {
      case 0:
        return at + "zero";
      case 1:
        return at + "error";
      case 2:
      case 3:
        return absl::StrCat(at, "striped 2 8 ", Path(), " 0 ", Path(), " 8");
      case 4:
        return absl::StrCat(at, "snapshot ", Path(), " ", Path(), " N 8");
      case 5:
        return absl::StrCat(at, "snapshot-origin ", Path());
      case 6:
        // No mirror: what it does over time it does when it is loaded, so the
        // numbers of its events are those of the commands that looked at it.
        return absl::StrCat(at, "unstriped 2 8 1 ", Path(), " 8");
      case 7:
        return absl::StrCat(at, "log-writes ", Path(), " ", Path());
      case 8:
        return absl::StrCat(at, "delay ", Path(), " 0 1");
      default:
        return absl::StrCat(at, "linear ", Path(), " ", 8 * Below(64));
    }
  }
  std::string Table() {
    std::string table = Row(0);
    if (Below(3) == 0) absl::StrAppend(&table, "\n", Row(1024));
    return table;
  }

  std::vector<std::string> Create(std::string* input) {
    std::vector<std::string> words = {"create", Name()};
    if (Below(3) == 0) words.insert(words.end(), {"-u", Uuid()});
    if (Below(4) == 0) {
      words.insert(words.end(), {"-j", "254", "-m", absl::StrCat(Below(9))});
    }
    if (Below(6) == 0) words.push_back("-r");
    *input = Table();
    return words;
  }
  std::vector<std::string> Concise() {
    return {"create", "--concise",
            absl::StrCat(Name(), ",,,rw,0 8 zero;", Name(), ",", Uuid(),
                         ",,rw,0 8 linear ", Path(), " 0")};
  }

  std::mt19937_64 random_;
};

class PartTest : public testing::Test {
 protected:
  PartTest() {
    std::string pattern = testing::TempDir() + "/part.XXXXXX";
    root_ = mkdtemp(pattern.data());
  }
  ~PartTest() override { fs::remove_all(root_); }

  Session Boot(const std::string& text, const std::string& kernel) {
    absl::StatusOr<ParsedWorld> world = ParseWorld(text, "w");
    EXPECT_THAT(world, IsOk());
    world->world.set_kernel(kernel);
    absl::StatusOr<Session> session = LoadWorld(world->world, world->source);
    EXPECT_THAT(session, IsOk());
    return *std::move(session);
  }

  std::string root_;
};

TEST_F(PartTest, AnswersAndLeavesWhatTheWholeDoes) {
  std::vector<std::string> kernels;
  for (const KernelProfile& kernel : AllKernelProfiles()) {
    // A device-dax is aligned as pages are.
    if (kernel.fault.page_size() == 4096) {
      kernels.push_back(std::string(kernel.name));
    }
  }
  size_t parts = 0, questions = 0;
  for (const uint64_t seed : property::Seeds(0, 39)) {
    const Session booted = Boot(kHardware, kernels[seed % kernels.size()]);
    State part(absl::StrCat(root_, "/part", seed), LoadScope::kNeeded);
    State whole(absl::StrCat(root_, "/whole", seed), LoadScope::kWhole);
    part.Put(booted);
    whole.Put(booted);
    Lines lines(seed);
    std::string script;
    for (int step = 0; step < 60; ++step) {
      std::string input;
      const std::vector<std::string> words = lines.Next(&input);
      absl::StrAppend(&script, absl::StrJoin(words, " "), " <<< '", input,
                      "'\n");
      const Answer expected = whole.Do(words, input);
      const Answer answer = part.Do(words, input);
      ASSERT_TRUE(answer == expected) << "seed " << seed << "\n"
                                      << script << "\npart:\n"
                                      << Text(answer) << "\nwhole:\n"
                                      << Text(expected);
      parts += answer.loaded < expected.loaded;
      ++questions;
      if (!DmsetupOnlyAsks(words[0])) {
        ASSERT_EQ(part.All(), whole.All()) << "seed " << seed << "\n" << script;
      }
      const std::string device = lines.Path();
      ASSERT_EQ(part.Translate(device), whole.Translate(device))
          << device << " seed " << seed << "\n"
          << script;
      for (const char* file : {"/mnt/f", "/dev/dax3.0", "/none"}) {
        ASSERT_EQ(part.Fault(file), whole.Fault(file))
            << file << " seed " << seed << "\n"
            << script;
      }
    }
  }
  // Else it shows nothing.
  EXPECT_GT(parts, questions / 3);
}

// Found by the lines above: no command could open the state any more.
TEST_F(PartTest, AMountedDeviceMayShrink) {
  State state(root_ + "/s", LoadScope::kWhole);
  state.Put(Boot(kHardware, "v6_1"));
  const std::string table = "0 1024 linear /dev/pmem1 0";
  EXPECT_EQ(state.Do({"load", "mounted"}, table).result.rc, 0);
  EXPECT_EQ(state.Do({"resume", "mounted"}, "").result.rc, 0);
  EXPECT_THAT(state.Do({"info", "mounted"}, "").status, IsOk());
}

// The machine of one device does not grow with that of others.
TEST_F(PartTest, AQuestionAndAChangeLoadWhatTheyNeed) {
  std::string text =
      "pmem { name: 'pmem0' base: 0x100000000 size: 0x4000000 }\n"
      "pmem { name: 'pmem1' base: 0x200000000 size: 0x4000000 }\n";
  for (int i = 0; i < 200; ++i) {
    absl::StrAppend(&text, "mapped_device { name: 'd", i,
                    "' table { target { length: 8 linear { device: "
                    "'/dev/pmem0' start: ",
                    8 * i, " } } } }\n");
  }
  State state(root_ + "/s", LoadScope::kNeeded);
  state.Put(Boot(text, "v6_1"));
  const auto loaded = [&](const char* line, const char* input = "") {
    const Answer answer = state.Do(absl::StrSplit(line, ' '), input);
    EXPECT_EQ(answer.result.rc, 0) << line << answer.result.err;
    return answer.loaded;
  };
  // The device and its pmem.
  for (const char* line : {"table d7", "info d7", "status d7", "deps d7"}) {
    EXPECT_EQ(loaded(line), 2u) << line;
  }
  EXPECT_EQ(loaded("create e0", "0 8 linear /dev/pmem1 0"), 2u);
  EXPECT_EQ(loaded("create e1", "0 8 linear /dev/mapper/d5 0"), 3u);
  EXPECT_EQ(loaded("info d5"), 2u);
  EXPECT_EQ(loaded("suspend d9"), 2u);
  EXPECT_EQ(loaded("load d9", "0 8 zero"), 2u);
  EXPECT_EQ(loaded("resume d9"), 2u);
  EXPECT_EQ(loaded("rename d9 e9"), 1u);
  EXPECT_EQ(loaded("remove e9"), 0u);
  EXPECT_EQ(loaded("ls"), 203u);
}

}  // namespace
}  // namespace dmdax
