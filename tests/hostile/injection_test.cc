// SPDX-License-Identifier: Apache-2.0
//
// A change that is killed at each of its system calls, and one in which each
// of those that write fails once: what is called done is done, and what failed
// has left nothing.
//
//   DMDAX_EVERY=1 bazel-bin/tests/hostile/injection_test bazel-bin/tools/dmdax
//
// harms every call; without, every 7th.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/hostile/child.h"
#include "tests/hostile/machine_of.h"
#include "tests/hostile/tracer.h"

namespace dmdax::hostile {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

constexpr char kWorld[] = R"(
pmem { name: "pmem0" base: 0x100000000 size: 0x20000000 }
mapped_device {
  name: "d0"
  table { target { length: 65536 linear { device: "/dev/pmem0" start: 4096 } } }
}
)";

constexpr char kDoubt[] = "may not survive a power cut";

// Without a state, beside one, in place of one, and back.
struct Case {
  const char* name;
  bool new_state;
  Words command;
};

class InjectionTest : public testing::TestWithParam<Case> {
 protected:
  InjectionTest() : world_(scratch_.Put("w", kWorld)) {
    if (!GetParam().new_state) {
      EXPECT_EQ(scratch_.Run({"machine", "load", world_}).rc, 0);
      EXPECT_EQ(scratch_.Run({"machine", "load", "--replace", world_}).rc, 0);
      EXPECT_EQ(scratch_.Run({"create", "d1", "--table", "0 8 zero"}).rc, 0);
      fs::copy(scratch_.state(), scratch_.File("copy"));
    }
    before_ = MachineOf(scratch_.state());
    EXPECT_EQ(scratch_.Run(Command()).rc, 0);
    after_ = MachineOf(scratch_.state());
    EXPECT_NE(before_, after_);
  }

  Words Command() const {
    Words command = GetParam().command;
    for (std::string& word : command) {
      if (word == "WORLD") word = world_;
    }
    return command;
  }
  // The state as it was before.
  void Restore() {
    fs::remove_all(scratch_.state());
    if (GetParam().new_state) return;
    fs::copy(scratch_.File("copy"), scratch_.state());
    fs::permissions(scratch_.state(), fs::perms::owner_all);
  }
  Traced Run(const Harm& harm) {
    scratch_.traced = true;
    const Traced traced = Trace(scratch_.Start(Command()), harm);
    scratch_.traced = false;
    return traced;
  }
  static int Step() { return getenv("DMDAX_EVERY") != nullptr ? 1 : 7; }

  // Nothing was left that is in the way.
  void ExpectWorks() {
    const bool there = MachineOf(scratch_.state()) == after_;
    if (!there) {
      const ChildResult again = scratch_.Run(Command());
      EXPECT_EQ(again.rc, 0) << again.err;
    }
    EXPECT_EQ(MachineOf(scratch_.state()), after_);
  }

  Scratch scratch_;
  const std::string world_;
  std::string before_, after_;
};

TEST_P(InjectionTest, KilledAtEveryCall) {
  int calls = 0, done = 0;
  for (int at = 0;; at += Step()) {
    Restore();
    const Traced traced = Run({.at = at});
    if (!traced.harmed) {
      EXPECT_EQ(traced.rc, 0);
      break;
    }
    SCOPED_TRACE(absl::StrCat("killed at call ", at, ", number ",
                              traced.call.nr, " ", traced.call.file));
    EXPECT_EQ(traced.signal, SIGKILL);
    const std::string now = MachineOf(scratch_.state());
    ASSERT_TRUE(now == before_ || now == after_) << now;
    ++calls;
    done += now == after_;
    ExpectWorks();
  }
  EXPECT_GT(calls, 10);
  std::cout << calls << " calls; the change is made in the last " << done
            << "\n";
}

TEST_P(InjectionTest, EachWritingCallFails) {
  int calls = 0, done = 0;
  for (int error : {ENOSPC, EIO}) {
    for (int at = 0;; at += Step()) {
      Restore();
      const Traced traced =
          Run({.at = at, .error = error, .which = &IsWriting});
      if (!traced.harmed) break;
      SCOPED_TRACE(absl::StrCat("error ", error, " at call ", at, ", number ",
                                traced.call.nr, " ", traced.call.file));
      ++calls;
      done += traced.rc == 0;
      const std::string now = MachineOf(scratch_.state());
      const std::string said = ReadFile(scratch_.File(".err"));
      ASSERT_EQ(now, traced.rc == 0 ? after_ : before_) << said;
      // Without memory, a program may end before it can say anything.
      EXPECT_TRUE(traced.rc == 0 || said != "" || traced.call.nr == SYS_mmap);
      if (traced.rc == 0) {
        // SQLite's own sync of the directory is made good by ours.
        const bool doubt =
            IsSync(traced.call) &&
            (traced.call.file.ends_with("-wal") || traced.call.nr == SYS_fsync);
        EXPECT_EQ(said.find(kDoubt) != std::string::npos, doubt) << said;
      }
      ExpectWorks();
    }
  }
  EXPECT_GT(calls, 10);
  std::cout << calls << " calls failed; done all the same: " << done << "\n";
}

bool IsSyncOfTheDirectory(const Call& call) {
  return IsSync(call) && fs::path(call.file).filename() == "state.d";
}

// SQLite does not mind that; who is told that a change is made, does.
TEST_P(InjectionTest, TheDirectoryCanNotBeSynced) {
  Restore();
  const Traced traced = Run({.at = 0,
                             .error = EIO,
                             .which = &IsSyncOfTheDirectory,
                             .and_later = true});
  EXPECT_EQ(traced.rc, 0);
  EXPECT_EQ(MachineOf(scratch_.state()), after_);
  EXPECT_TRUE(traced.harmed);
  // What has had its name for long, keeps it.
  const std::string said = ReadFile(scratch_.File(".err"));
  EXPECT_EQ(said.find(kDoubt) != std::string::npos, GetParam().new_state)
      << said;
}

INSTANTIATE_TEST_SUITE_P(
    Commands, InjectionTest,
    testing::Values(
        Case{"First", true, {"machine", "load", "WORLD"}},
        Case{"Create", false, {"create", "d2", "--table", "0 8 zero"}},
        Case{"Remove", false, {"remove", "d0"}},
        Case{"Replace", false, {"machine", "load", "--replace", "WORLD"}},
        Case{"Undo", false, {"machine", "undo"}}),
    [](const auto& each) { return each.param.name; });

bool IsReadOfTheWorld(const Call& call) {
  return call.nr == SYS_read && fs::path(call.file).filename() == "many";
}

// What was read until a disk fails looks like a World, with fewer devices.
TEST(ReadInjectionTest, HalfAWorldIsNone) {
  Scratch scratch;
  std::string many;
  for (int i = 0; i < 10000; ++i) {
    absl::StrAppend(&many, "pmem { name: \"p", i,
                    "\" base: ", uint64_t{1} << 32 | i << 12,
                    " size: 4096 }\n");
  }
  const std::string path = scratch.Put("many", many);
  ASSERT_EQ(scratch.Run({"machine", "load", scratch.Put("w", kWorld)}).rc, 0);
  const std::vector<Words> commands = {{"machine", "load", "--replace", path},
                                       {"--world", path, "table"}};
  for (const Words& command : commands) {
    // The last run of the command before was not harmed.
    const std::string before = MachineOf(scratch.state());
    int reads = 0;
    for (;; ++reads) {
      scratch.traced = true;
      const Traced traced =
          Trace(scratch.Start(command),
                {.at = reads, .error = EIO, .which = &IsReadOfTheWorld});
      scratch.traced = false;
      if (!traced.harmed) break;
      SCOPED_TRACE(reads);
      EXPECT_EQ(traced.rc, 1);
      EXPECT_THAT(ReadFile(scratch.File(".err")),
                  testing::HasSubstr("Input/output error"));
      EXPECT_EQ(MachineOf(scratch.state()), before);
    }
    EXPECT_GT(reads, 2) << "no read is in the middle";
  }
}

}  // namespace
}  // namespace dmdax::hostile
