// SPDX-License-Identifier: Apache-2.0
//
// A state directory that can not be written, and commands that are killed or
// run at the same time: nothing is lost and nothing is half done.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <random>

#include "absl/strings/str_cat.h"
#include "state/session.h"
#include "state/state_dir.h"
#include "tests/hostile/child.h"
#include "tests/testing.h"

namespace dmdax::hostile {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class StateTest : public testing::Test {
 protected:
  StateTest() {
    const ChildResult r = scratch_.Run(
        {"machine", "load", "-"},
        "pmem { name: \"pmem0\" base: 0x100000000 size: 0x4000000 }");
    EXPECT_EQ(r.rc, 0) << r.err;
  }
  std::string Path(const char* name) const {
    return scratch_.state() + "/" + name;
  }
  static std::vector<std::string> Create(const std::string& name) {
    return {"create", name, "--table", "0 2048 linear /dev/pmem0 0"};
  }
  ChildResult CreateIt(const std::string& name) {
    return scratch_.Run(Create(name));
  }
  void ExpectRefused(const ChildResult& r, const std::string& why) {
    EXPECT_EQ(r.rc, 1) << r.signal;
    EXPECT_THAT(r.err, HasSubstr(why));
  }
  // The devices in the state: whether each has its table.  Also whether the
  // state can be read at all.
  std::map<std::string, bool> Devices() {
    std::map<std::string, bool> devices;
    absl::StatusOr<StateDir> dir =
        StateDir::Open(scratch_.state(), StateDir::kRead);
    EXPECT_THAT(dir, IsOk());
    absl::StatusOr<proto::StateSnapshot> snapshot = dir->Read();
    EXPECT_THAT(snapshot, IsOk());
    absl::StatusOr<Session> session = SessionFromSnapshot(*snapshot);
    EXPECT_THAT(session, IsOk());
    for (const auto& d : snapshot->world().mapped_device()) {
      devices[d.name()] = d.has_table();
    }
    return devices;
  }

  Scratch scratch_;
};

TEST_F(StateTest, AFileInPlaceOfTheDirectory) {
  scratch_.Put("file", "");
  const std::string file = scratch_.File("file");
  for (const std::string& state : {file, file + "/below"}) {
    ExpectRefused(scratch_.Run({"--state", state, "create", "d0", "--notable"}),
                  "Not a directory");
    ExpectRefused(scratch_.Run({"--state", state, "ls"}), "Not a directory");
  }
}

TEST_F(StateTest, AReadOnlyDirectory) {
  // What root, too, may not write to.
  ExpectRefused(
      scratch_.Run({"--state", "/proc/dmdax", "create", "d0", "--notable"}),
      "cannot create '/proc/dmdax'");
  if (geteuid() == 0) return;
  fs::permissions(scratch_.state(),
                  fs::perms::owner_read | fs::perms::owner_exec);
  ExpectRefused(CreateIt("d0"), "Permission denied");
  EXPECT_EQ(scratch_.Run({"ls"}).rc, 0);
  fs::permissions(scratch_.state(), fs::perms::owner_all);
}

TEST_F(StateTest, AFullDisk) {
  fs::create_symlink("/dev/full", Path("state.new"));
  ExpectRefused(CreateIt("d0"), "No space left on device");
  EXPECT_TRUE(Devices().empty());
  EXPECT_EQ(scratch_.Run({"machine", "list"}).rc, 0);
  EXPECT_EQ(CreateIt("d0").rc, 0);
  EXPECT_EQ(Devices().size(), 1u);
}

TEST_F(StateTest, ANewerVersion) {
  proto::StateSnapshot newer;
  newer.set_format_version(99);
  std::ofstream(Path("state"), std::ios::binary) << newer.SerializeAsString();
  ExpectRefused(CreateIt("d0"), "has format 99");
  ExpectRefused(scratch_.Run({"ls"}), "has format 99");
  EXPECT_EQ(ReadFile(Path("state")), newer.SerializeAsString());
}

TEST_F(StateTest, Garbage) {
  std::ofstream(Path("state"), std::ios::binary) << std::string(100, '\xff');
  ExpectRefused(CreateIt("d0"), "damaged");
  EXPECT_EQ(ReadFile(Path("state")), std::string(100, '\xff'));
}

TEST_F(StateTest, KillNineInTheMiddleOfManyCommands) {
  std::mt19937 random(1);
  ASSERT_EQ(CreateIt("keep").rc, 0);
  int killed = 0, done = 0;
  constexpr int kCommands = kSanitized ? 60 : 300;
  for (int i = 0; i < kCommands; ++i) {
    const std::string name = absl::StrCat("d", random() % 4);
    const std::map<std::string, bool> before = Devices();
    const bool create = !before.contains(name);
    std::map<std::string, bool> after = before;
    if (create) {
      after[name] = true;
    } else {
      after.erase(name);
    }
    const pid_t pid = scratch_.Start(
        create ? Create(name) : std::vector<std::string>{"remove", name});
    usleep(static_cast<useconds_t>(random() % 50000));
    kill(pid, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    const std::map<std::string, bool> now = Devices();
    if (WIFSIGNALED(status)) {
      ++killed;
      ASSERT_TRUE(now == before || now == after) << "half a command";
    } else {
      ++done;
      ASSERT_EQ(WEXITSTATUS(status), 0);
      ASSERT_EQ(now, after) << "a finished command was lost";
    }
  }
  EXPECT_TRUE(Devices().at("keep"));
  EXPECT_GT(killed, 0);
  EXPECT_EQ(scratch_.Run({"remove_all"}).rc, 0);
  EXPECT_TRUE(Devices().empty());
  RecordProperty("killed", killed);
  RecordProperty("done", done);
}

TEST_F(StateTest, OfTwoWritersAtOnceBothTakeEffect) {
  constexpr int kEach = kSanitized ? 8 : 30;
  std::vector<pid_t> writers;
  for (char who : {'a', 'b'}) {
    const pid_t pid = fork();
    if (pid == 0) {
      int failed = 0;
      for (int i = 0; i < kEach; ++i) {
        const pid_t child =
            scratch_.Start(Create(absl::StrCat(std::string(1, who), i)));
        int status = 0;
        if (waitpid(child, &status, 0) != child || status != 0) ++failed;
      }
      _exit(failed);
    }
    writers.push_back(pid);
  }
  for (pid_t pid : writers) {
    int status = -1;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(Devices().size(), 2u * kEach);
}

}  // namespace
}  // namespace dmdax::hostile

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc != 2) return 2;
  dmdax::hostile::Scratch::dmdax = argv[1];
  return RUN_ALL_TESTS();
}
