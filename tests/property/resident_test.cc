// SPDX-License-Identifier: Apache-2.0
//
// A resident machine tells its state only what a change has touched, and the
// state then has all of the machine: random changes of all kinds, each followed
// by a look at all of it; and kill -9 in between.
#include "server/resident.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/fd.h"
#include "base/kernel_profile.h"
#include "state/state_objects.h"
#include "state/world_load.h"
#include "tests/property/booted.h"
#include "tests/property/random_deeds.h"
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

// Where two rows begin to be different, for people.
std::string Window(const std::string& a, const std::string& b) {
  const size_t same = static_cast<size_t>(
      std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
  const size_t from = same - std::min<size_t>(same, 40);
  return absl::StrCat("  ", absl::CEscape(a.substr(from, 120)), "\n  ",
                      absl::CEscape(b.substr(from, 120)), "\n");
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
      absl::StrAppend(&text, "another:", name(key),
                      Window(bytes, other->second));
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

class ResidentTest : public testing::Test {
 protected:
  ResidentTest() {
    std::string pattern = testing::TempDir() + "/resident.XXXXXX";
    root_ = mkdtemp(pattern.data());
  }
  ~ResidentTest() override { fs::remove_all(root_); }

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

TEST_F(ResidentTest, TheStateHasTheWholeMachine) {
  Words kernels;
  for (const KernelProfile& kernel : AllKernelProfiles()) {
    // A device-dax is aligned as pages are.
    if (kernel.fault.page_size() == 4096) {
      kernels.push_back(std::string(kernel.name));
    }
  }
  for (const uint64_t seed : property::Seeds(0, 39)) {
    const std::string path =
        Put(absl::StrCat("s", seed),
            Booted(kRandomHardware, kernels[seed % kernels.size()]));
    const std::unique_ptr<Resident> machine = Machine(path);
    RandomDeeds deeds(*machine, path, root_, seed);
    std::string script;
    for (int step = 0; step < 100; ++step) {
      const std::string deed = deeds.Do();
      absl::StrAppend(&script, deed, "\n");
      const Rows machine_rows = RowsOf(SnapshotOf(machine->session(), 0));
      // What others did was loaded, as after a boot: a target may format what
      // it finds, and the next change tells what came of it.
      const Rows state = RandomDeeds::IsByOthers(deed)
                             ? RowsOf(SnapshotOf(Machine(path)->session(), 0))
                             : ReadBack(path);
      ASSERT_EQ(Difference(state, machine_rows), "") << "seed " << seed << "\n"
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
    const Session booted = Booted(kRandomHardware, "v6_1");
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

}  // namespace
}  // namespace dmdax
