// SPDX-License-Identifier: Apache-2.0
//
// A command on a part of the machine answers and leaves what it does on the
// whole one: random lines of dmsetup, on random machines, in two states.
#include <stdlib.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/kernel_profile.h"
#include "dm/device_mapper.h"
#include "mm/fault_graph.h"
#include "state/find_device.h"
#include "state/part/run_on_part.h"
#include "state/world_load.h"
#include "tests/property/booted.h"
#include "tests/property/random_lines.h"
#include "tests/property/seeds.h"
#include "tests/testing.h"
#include "tools/dmsetup/dmsetup.h"

namespace dmdax {
namespace {

namespace fs = std::filesystem;

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
    const std::vector<std::string> graph =
        FaultGraph(user.faults(), report.record);
    return absl::StrCat(report.outcome.sig, " ", report.outcome.order, " ",
                        report.outcome.pfn.value(), " ", owner.name, " ",
                        owner.offset, "\n", absl::StrJoin(graph, "\n"));
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

class PartTest : public testing::Test {
 protected:
  PartTest() {
    std::string pattern = testing::TempDir() + "/part.XXXXXX";
    root_ = mkdtemp(pattern.data());
  }
  ~PartTest() override { fs::remove_all(root_); }

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
    const Session booted =
        Booted(kRandomHardware, kernels[seed % kernels.size()]);
    State part(absl::StrCat(root_, "/part", seed), LoadScope::kNeeded);
    State whole(absl::StrCat(root_, "/whole", seed), LoadScope::kWhole);
    part.Put(booted);
    whole.Put(booted);
    RandomLines lines(seed);
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
  state.Put(Booted(kRandomHardware, "v6_1"));
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
  state.Put(Booted(text, "v6_1"));
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
