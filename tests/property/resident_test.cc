// SPDX-License-Identifier: Apache-2.0
//
// A resident machine tells its state only what a change has touched, and the
// state then has all of the machine: random changes of all kinds, each followed
// by a look at all of it; and kill -9 in between.
#include "server/resident.h"

#include <fcntl.h>
#include <linux/blkpg.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/fd.h"
#include "base/kernel_profile.h"
#include "dm/io/block_file.h"
#include "formats/world_format.h"
#include "server/attribute.h"
#include "state/part/run_on_part.h"
#include "state/state_objects.h"
#include "state/world_load.h"
#include "tests/property/random_lines.h"
#include "tests/property/seeds.h"
#include "tests/testing.h"
#include "tools/dmsetup/dmsetup.h"

namespace dmdax {
namespace {

namespace fs = std::filesystem;

using Words = std::vector<std::string>;
using Touches = Resident::Touches;

// The rows that a machine has, and what their order says.
struct Rows {
  std::map<std::pair<StateObjectKind, std::string>, std::string> bytes;
  std::map<StateObjectKind, Words> order;
};

Rows RowsOf(proto::StateSnapshot snapshot) {
  Rows rows;
  for (StateObject& object : ObjectsOf(std::move(snapshot))) {
    if (OrderMatters(object.kind)) {
      rows.order[object.kind].push_back(object.key);
    }
    rows.bytes[{object.kind, object.key}] = std::move(object.bytes);
  }
  return rows;
}

// What is another; "" if nothing is.
std::string Difference(const Rows& a, const Rows& b) {
  std::string text;
  const auto name = [](const auto& key) {
    return absl::StrCat(" kind ", static_cast<int>(key.first), " '", key.second,
                        "'\n");
  };
  for (const auto& [key, bytes] : a.bytes) {
    const auto other = b.bytes.find(key);
    if (other == b.bytes.end()) {
      absl::StrAppend(&text, "only there:", name(key));
    } else if (other->second != bytes) {
      absl::StrAppend(&text, "another:", name(key));
    }
  }
  for (const auto& [key, bytes] : b.bytes) {
    if (!a.bytes.contains(key)) absl::StrAppend(&text, "only here:", name(key));
  }
  if (text.empty() && a.order != b.order) text = "another order\n";
  return text;
}

Rows ReadBack(const std::string& path) {
  absl::StatusOr<StateDir> dir = StateDir::Open(path, StateDir::kRead);
  EXPECT_THAT(dir, IsOk());
  absl::StatusOr<proto::StateSnapshot> snapshot = dir->Read();
  EXPECT_THAT(snapshot, IsOk());
  return RowsOf(*std::move(snapshot));
}

// What this process has read and written so far, in bytes.
uint64_t BytesMoved() {
  std::ifstream io("/proc/self/io");
  std::string word;
  uint64_t number = 0, all = 0;
  while (io >> word >> number) {
    if (word == "rchar:" || word == "wchar:") all += number;
  }
  return all;
}

class ResidentTest : public testing::Test {
 protected:
  ResidentTest() {
    std::string pattern = testing::TempDir() + "/resident.XXXXXX";
    root_ = mkdtemp(pattern.data());
  }
  ~ResidentTest() override { fs::remove_all(root_); }

  static Session Boot(const std::string& text, const std::string& kernel) {
    absl::StatusOr<ParsedWorld> world = ParseWorld(text, "w");
    EXPECT_THAT(world, IsOk());
    world->world.set_kernel(kernel);
    absl::StatusOr<Session> session = LoadWorld(world->world, world->source);
    EXPECT_THAT(session, IsOk());
    return *std::move(session);
  }
  // A state with this machine.
  std::string Put(const std::string& name, const Session& session) {
    const std::string path = absl::StrCat(root_, "/", name);
    absl::StatusOr<StateDir> dir = StateDir::Open(path, StateDir::kWrite);
    EXPECT_THAT(dir, IsOk());
    EXPECT_THAT(dir->Read(), IsOk());
    EXPECT_THAT(dir->Write(SnapshotOf(session, 0)), IsOk());
    return path;
  }
  static std::unique_ptr<Resident> Machine(const std::string& path) {
    absl::StatusOr<std::unique_ptr<Resident>> machine = Resident::Of(path);
    EXPECT_THAT(machine, IsOk());
    return *std::move(machine);
  }

  std::string root_;
};

// Things that a program does to a resident machine, other than by dmsetup.
class Deeds {
 public:
  Deeds(Resident& machine, std::string path, uint64_t seed)
      : machine_(machine), path_(std::move(path)), random_(seed) {}

  // One of them, in words.
  std::string Do(RandomLines& lines) {
    switch (random_() % 8) {
      case 0:
        return WriteBytes(DiskBytes::KeepHow::kWritten);
      case 1:
        return WriteBytes(DiskBytes::KeepHow::kSynced);
      case 2:
        return Node();
      case 3:
        return Attribute();
      case 4:
        return Ioctl();
      case 5:
        return Partition();
      case 6:
        return ByOthers(lines);
      default:
        return Ask(lines);
    }
  }

 private:
  BlockDevice* AnyDevice() {
    const std::vector<BlockDevice*> all =
        machine_.session().machine->LoadedBlockDevices();
    return all[random_() % all.size()];
  }
  template <typename Fn>
  std::string OnFile(BlockDevice& bdev, const Fn& fn) {
    absl::StatusOr<std::unique_ptr<BlockFile>> file =
        BlockFile::Open(*machine_.session().ctl, bdev.dev(), O_RDWR, "test");
    if (file.ok()) fn(**file);
    return absl::StrCat(" ", bdev.name(), " ", file.status().ToString());
  }

  std::string WriteBytes(DiskBytes::KeepHow how) {
    std::string said = "write";
    const std::string bytes(512 + random_() % (256 << 10),
                            static_cast<char>(random_() % 3));
    const auto write = [&](Session&) {
      const uint64_t at = random_() % 1024 * 512;
      said += OnFile(*AnyDevice(), [&](BlockFile& file) {
        if (IsSuspended(file.Write(at, bytes).status())) return;
        file.Fsync().IgnoreError();
      });
    };
    EXPECT_THAT(machine_.Write(write, Touches::kNoted), IsOk());
    EXPECT_THAT(machine_.Keep(how), IsOk());
    return said;
  }
  std::string Node() {
    const std::string path = absl::StrCat("/dev/link", random_() % 4);
    EXPECT_THAT(machine_.Change(
                    [&](Session& session) {
                      session.machine->RemoveNode(path);
                      if (random_() % 2 == 0) return;
                      session.machine->AddNode(path, AnyDevice()->dev());
                    },
                    Touches::kNoted),
                IsOk());
    return absl::StrCat("node ", path);
  }
  std::string Attribute() {
    std::string at;
    EXPECT_THAT(
        machine_.Change(
            [&](Session& session) {
              at = absl::StrCat(
                  "sys/devices/virtual/block/", AnyDevice()->name(), "/queue/",
                  random_() % 2 ? "read_ahead_kb" : "max_sectors_kb");
              StoreAttribute(session, at, absl::StrCat(4 << random_() % 8))
                  .IgnoreError();
            },
            Touches::kNoted),
        IsOk());
    return absl::StrCat("echo >", at);
  }
  std::string Ioctl() {
    std::string said = "ioctl";
    EXPECT_THAT(
        machine_.Change(
            [&](Session&) {
              int on = static_cast<int>(random_() % 2);
              const auto bytes =
                  absl::MakeSpan(reinterpret_cast<char*>(&on), 4);
              const bool ra = random_() % 2 == 0;
              const BlockIoctl ioctl = {
                  .command = static_cast<uint32_t>(ra ? BLKRASET : BLKROSET),
                  .value = random_() % 1024,
                  .bytes = bytes,
                  .fd = -1,
                  .admin = true};
              said += OnFile(*AnyDevice(), [&](BlockFile& file) {
                file.Ioctl(ioctl).IgnoreError();
              });
            },
            Touches::kNoted),
        IsOk());
    return said;
  }
  // sdb3 comes or goes.
  std::string Partition() {
    EXPECT_THAT(
        machine_.Change(
            [&](Session& session) {
              struct {
                blkpg_ioctl_arg arg = {};
                blkpg_partition part = {};
              } blkpg;
              blkpg.arg.op =
                  random_() % 2 ? BLKPG_ADD_PARTITION : BLKPG_DEL_PARTITION;
              blkpg.part.pno = 3;
              blkpg.part.start = 1 << 20;
              blkpg.part.length = 1 << 20;
              const BlockIoctl ioctl = {
                  .command = BLKPG,
                  .value = 0,
                  .bytes = absl::MakeSpan(reinterpret_cast<char*>(&blkpg),
                                          sizeof(blkpg)),
                  .fd = -1,
                  .admin = true};
              OnFile(*session.machine->FindBdevByName("sdb"),
                     [&](BlockFile& file) { file.Ioctl(ioctl).IgnoreError(); });
            },
            Touches::kNoted),
        IsOk());
    return "partition";
  }
  // Another program, in its own process as it were.
  std::string ByOthers(RandomLines& lines) {
    std::string input;
    const Words words = lines.Next(&input);
    absl::StatusOr<StateDir> dir = StateDir::Open(path_, StateDir::kWrite);
    EXPECT_THAT(dir, IsOk());
    const std::shared_ptr<DiskFiles> files = dir->disk_files();
    PartSession ran;
    EXPECT_THAT(RunOnPart(
                    *dir, LoadScope::kNeeded,
                    [&](proto::StateSnapshot& snapshot) {
                      return SessionFromState(snapshot, files);
                    },
                    &ran,
                    [&](Session& session) {
                      RunDmsetup(*session.ctl, words, input);
                      return absl::OkStatus();
                    }),
                IsOk());
    absl::StatusOr<proto::StateSnapshot> snapshot = SnapshotToKeep(
        ran.session, ran.generation, files, DiskBytes::KeepHow::kSynced);
    EXPECT_THAT(snapshot, IsOk());
    EXPECT_THAT(dir->Write(*std::move(snapshot)), IsOk());
    EXPECT_THAT(machine_.Refresh(), IsOk());
    return absl::StrCat("others: ", absl::StrJoin(words, " "), " <<< '", input,
                        "'");
  }
  // What a question leaves in memory, the next change keeps.
  std::string Ask(RandomLines& lines) {
    const Words words = lines.Question();
    EXPECT_THAT(machine_.Refresh(), IsOk());
    RunDmsetup(*machine_.session().ctl, words, "");
    EXPECT_THAT(machine_.Change([](Session&) {}, Touches::kNoted), IsOk());
    return absl::StrCat("asked ", absl::StrJoin(words, " "));
  }

  Resident& machine_;
  const std::string path_;
  std::mt19937_64 random_;
};

TEST_F(ResidentTest, TheStateHasTheWholeMachine) {
  Words kernels;
  for (const KernelProfile& kernel : AllKernelProfiles()) {
    // A device-dax is aligned as pages are.
    if (kernel.fault.page_size() == 4096) {
      kernels.push_back(std::string(kernel.name));
    }
  }
  for (const uint64_t seed : property::Seeds(0, 15)) {
    const std::string path =
        Put(absl::StrCat("s", seed),
            Boot(kRandomHardware, kernels[seed % kernels.size()]));
    const std::unique_ptr<Resident> machine = Machine(path);
    RandomLines lines(seed);
    Deeds deeds(*machine, path, seed);
    std::mt19937_64 random(seed);
    std::string script;
    for (int step = 0; step < 80; ++step) {
      if (random() % 4 == 0) {
        absl::StrAppend(&script, deeds.Do(lines), "\n");
      } else {
        std::string input;
        Words words = lines.Next(&input);
        // Rows that remember what was done to them.
        if (random() % 8 == 0) {
          words = {"create", absl::StrCat("f", random() % 3)};
          input = random() % 2 ? "0 1024 flakey /dev/sda2 0 1 1\n"
                               : "0 1024 dust /dev/sda2 0 512\n";
        }
        absl::StrAppend(&script, absl::StrJoin(words, " "), " <<< '", input,
                        "'\n");
        ASSERT_THAT(machine->Change(
                        [&](Session& session) {
                          RunDmsetup(*session.ctl, words, input);
                        },
                        Touches::kNoted),
                    IsOk())
            << "seed " << seed << "\n"
            << script;
      }
      const Rows state = ReadBack(path);
      ASSERT_EQ(Difference(state, RowsOf(SnapshotOf(machine->session(), 0))),
                "")
          << "seed " << seed << "\n"
          << script;
    }
  }
}

// Nobody who was answered is forgotten, and nothing is there by half.  The same
// lines to a machine that tells all of itself each time say what there is to
// be.
TEST_F(ResidentTest, KilledAnywhereItIsBeforeOrAfter) {
  constexpr int kSteps = 40;
  for (const uint64_t seed : property::Seeds(0, 11)) {
    const Session booted = Boot(kRandomHardware, "v6_1");
    const auto change = [](Resident& machine, RandomLines& lines,
                           Touches touches) {
      std::string input;
      const Words words = lines.Next(&input);
      return machine.Change(
          [&](Session& session) { RunDmsetup(*session.ctl, words, input); },
          touches);
    };
    std::vector<Rows> expected;
    {
      const std::string path = Put(absl::StrCat("whole", seed), booted);
      const std::unique_ptr<Resident> machine = Machine(path);
      RandomLines lines(seed);
      expected.push_back(ReadBack(path));
      for (int step = 0; step < kSteps; ++step) {
        ASSERT_THAT(change(*machine, lines, Touches::kAnything), IsOk());
        expected.push_back(ReadBack(path));
      }
    }
    const std::string path = Put(absl::StrCat("killed", seed), booted);
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
      const std::unique_ptr<Resident> machine = Machine(path);
      RandomLines lines(seed);
      for (int step = 0; step < kSteps; ++step) {
        if (!change(*machine, lines, Touches::kNoted).ok()) _exit(1);
        if (write(ends[1], "", 1) != 1) _exit(2);
      }
      pause();
    }
    close(ends[1]);
    const Fd answers(ends[0]);
    std::mt19937_64 random(seed);
    const size_t wanted = random() % kSteps;
    size_t answered = 0;
    char byte;
    while (answered < wanted && read(answers.get(), &byte, 1) == 1) ++answered;
    ASSERT_EQ(answered, wanted) << "seed " << seed;
    absl::SleepFor(absl::Microseconds(random() % 6000));
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    while (read(answers.get(), &byte, 1) == 1) ++answered;
    const Rows state = ReadBack(path);
    const std::string at = Difference(state, expected[answered]);
    if (!at.empty() && answered < kSteps) {
      EXPECT_EQ(Difference(state, expected[answered + 1]), "")
          << "seed " << seed << ", " << answered << " were answered\n"
          << at;
    } else {
      EXPECT_EQ(at, "") << "seed " << seed;
    }
    // The next one goes on.
    const std::unique_ptr<Resident> next = Machine(path);
    RandomLines lines(seed + 1000);
    EXPECT_THAT(change(*next, lines, Touches::kNoted), IsOk());
    EXPECT_EQ(
        Difference(ReadBack(path), RowsOf(SnapshotOf(next->session(), 0))), "");
  }
}

// What a change reads and writes is that of the change.
TEST_F(ResidentTest, AChangeBesideManyMovesWhatItChanges) {
  const auto moved = [&](int devices) {
    std::string text =
        "pmem { name: 'pmem0' base: 0x100000000 size: 0x4000000 }\n";
    for (int i = 0; i < devices; ++i) {
      absl::StrAppend(&text, "mapped_device { name: 'd", i,
                      "' table { target { length: 8 linear { device: "
                      "'/dev/pmem0' } } } }\n");
    }
    const std::unique_ptr<Resident> machine =
        Machine(Put(absl::StrCat("many", devices), Boot(text, "v6_1")));
    const auto change = [&](const Words& words) {
      EXPECT_THAT(machine->Change(
                      [&](Session& session) {
                        EXPECT_EQ(RunDmsetup(*session.ctl, words, "").rc, 0);
                      },
                      Touches::kNoted),
                  IsOk());
    };
    // The first tells all.
    change({"suspend", "d1"});
    change({"resume", "d1"});
    const uint64_t before = BytesMoved();
    change({"suspend", "d2"});
    change({"load", "d2", "--table", "0 8 zero"});
    change({"resume", "d2"});
    change({"rename", "d2", "other"});
    change({"remove", "other"});
    return BytesMoved() - before;
  };
  const uint64_t beside_few = moved(20), beside_many = moved(2000);
  // A page or two for each change, that finds its rows.
  EXPECT_LT(beside_many, beside_few + 5 * (64 << 10))
      << "beside 20: " << beside_few;
}

}  // namespace
}  // namespace dmdax
