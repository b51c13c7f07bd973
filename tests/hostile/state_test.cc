// SPDX-License-Identifier: Apache-2.0
//
// A state directory that can not be written, and commands that are killed or
// run at the same time: nothing is lost and nothing is half done.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>

#include "absl/strings/str_cat.h"
#include "state/session.h"
#include "state/sqlite.h"
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

// A write that fails in the middle: SIGXFSZ is no reason to die.
TEST_F(StateTest, NoRoomForTheState) {
  std::string world;
  for (int i = 0; i < 100; ++i) {
    absl::StrAppend(&world, "pmem { name: \"p", i,
                    "\" base: ", uint64_t{1} << 32 | i << 12,
                    " size: 4096 }\n");
  }
  ASSERT_EQ(scratch_.Run({"machine", "load", "--replace", "-"}, world).rc, 0);
  scratch_.file_size = 2048;  // enough for the message
  ExpectRefused(scratch_.Run({"create", "d0", "--table", "0 8 zero"}),
                "File too large");
  scratch_.file_size = ~uint64_t{0};
  EXPECT_TRUE(Devices().empty());
  EXPECT_EQ(scratch_.Run({"machine", "list"}).rc, 0);
  EXPECT_EQ(scratch_.Run({"create", "d0", "--table", "0 8 zero"}).rc, 0);
  EXPECT_EQ(Devices().size(), 1u);
}

// Whoever may write the directory can have us write elsewhere.
TEST_F(StateTest, ADirectoryThatOthersMayWrite) {
  for (const fs::perms others :
       {fs::perms::others_write, fs::perms::group_write}) {
    fs::permissions(scratch_.state(), others, fs::perm_options::add);
    ExpectRefused(CreateIt("d0"), "others may write it");
    ExpectRefused(scratch_.Run({"ls"}), "others may write it");
    fs::permissions(scratch_.state(), others, fs::perm_options::remove);
  }
  EXPECT_EQ(CreateIt("d0").rc, 0);
}

TEST_F(StateTest, ADirectoryOfSomebodyElse) {
  // Only root can give a directory away.
  if (geteuid() != 0) return;
  if (chown(scratch_.state().c_str(), 65534, 65534) != 0) {
    // A user namespace with one user, which a sandbox may be.
    ASSERT_EQ(errno, EINVAL);
    GTEST_SKIP() << "there is no other user here to give a directory to";
  }
  ExpectRefused(CreateIt("d0"), "belongs to user 65534");
  ExpectRefused(scratch_.Run({"ls"}), "belongs to user 65534");
}

// Whatever stands in place of a file is refused, not followed and not waited
// for.
TEST_F(StateTest, SomethingElseInPlaceOfAFile) {
  ASSERT_EQ(CreateIt("keep").rc, 0);
  const std::string victim = scratch_.Put("victim", "precious");
  const std::string no_file = scratch_.File("no_file");
  scratch_.seconds = 10;  // a command that waits is killed
  for (const char* name :
       {"state.db", "lock", "state.db-wal", "state.db-shm"}) {
    SCOPED_TRACE(name);
    const std::string path = Path(name), aside = scratch_.File("aside");
    fs::rename(path, aside);
    auto expect = [&](const std::string& why) {
      SCOPED_TRACE(why);
      ExpectRefused(CreateIt("d0"), why);
      if (std::string(name) != "lock") {
        ExpectRefused(scratch_.Run({"ls"}), why);
      }
      std::error_code ignored;
      fs::remove_all(path, ignored);
      EXPECT_EQ(ReadFile(victim), "precious");
      EXPECT_FALSE(fs::exists(no_file));
    };
    fs::create_symlink(victim, path);
    expect("a symbolic link");
    fs::create_symlink(no_file, path);
    expect("a symbolic link");
    fs::create_hard_link(victim, path);
    expect("2 names");
    ASSERT_EQ(mkfifo(path.c_str(), 0666), 0);
    expect("a FIFO");
    fs::create_directory(path);
    expect("a directory");
    fs::rename(aside, path);
  }
  EXPECT_EQ(Devices().size(), 1u);
}

// The lock file may be removed while somebody holds it; of two writers both
// take effect all the same.
TEST_F(StateTest, ALockFileThatIsRemoved) {
  absl::StatusOr<StateDir> first =
      StateDir::Open(scratch_.state(), StateDir::kWrite);
  ASSERT_THAT(first, IsOk());
  const pid_t waiting = scratch_.Start(Create("second"));
  usleep(200 * 1000);  // it waits for the old file
  fs::remove(Path("lock"));
  EXPECT_EQ(CreateIt("third").rc, 0);  // has the new one at once
  { const StateDir ends = *std::move(first); }
  int status = -1;
  ASSERT_EQ(waitpid(waiting, &status, 0), waiting);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(Devices().size(), 2u);
}

// What a child has inherited is not locked on.
TEST_F(StateTest, AForkedChildKeepsNoLock) {
  pid_t child = -1;
  {
    absl::StatusOr<StateDir> dir =
        StateDir::Open(scratch_.state(), StateDir::kWrite);
    ASSERT_THAT(dir, IsOk());
    child = fork();
    if (child == 0) {
      pause();
      _exit(0);
    }
  }
  scratch_.seconds = 10;
  EXPECT_EQ(CreateIt("d0").rc, 0);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

// Nor what a program has inherited that was run in the middle of a change.
TEST_F(StateTest, AProgramThatIsRunKeepsNoLock) {
  int asked[2];
  ASSERT_EQ(pipe(asked), 0);
  const pid_t child = fork();
  if (child == 0) {
    close(asked[1]);
    absl::StatusOr<StateDir> dir =
        StateDir::Open(scratch_.state(), StateDir::kWrite);
    if (!dir.ok() || !dir->Read().ok() || dup2(asked[0], 0) != 0) _exit(1);
    execl("/bin/cat", "cat", nullptr);
    _exit(1);
  }
  close(asked[0]);
  scratch_.seconds = 10;
  EXPECT_EQ(CreateIt("d0").rc, 0);
  EXPECT_EQ(CreateIt("d1").rc, 0);
  close(asked[1]);  // which ends it
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(Devices().size(), 2u);
}

// A program of a version before the database locks the same file and does not
// say who it is: the kernel does.
TEST_F(StateTest, AnOlderProgramHoldsTheLock) {
  const int fd = open(Path("lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  ASSERT_EQ(ftruncate(fd, 0), 0);
  ASSERT_EQ(flock(fd, LOCK_EX), 0);
  ExpectRefused(scratch_.Run({"--timeout", "0", "create", "d0", "--notable"}),
                absl::StrCat("held by pid ", getpid()));
  const pid_t waiting = scratch_.Start(Create("d1"));
  usleep(200 * 1000);
  EXPECT_TRUE(Devices().empty());
  close(fd);
  int status = -1;
  ASSERT_EQ(waitpid(waiting, &status, 0), waiting);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(Devices().size(), 1u);
}

// Who waits says so, and for whom; who need not wait does not.
TEST_F(StateTest, WaitingForTheLock) {
  absl::StatusOr<StateDir> held =
      StateDir::Open(scratch_.state(), StateDir::kWrite);
  ASSERT_THAT(held, IsOk());
  EXPECT_EQ(scratch_.Run({"ls"}).rc, 0) << "a reader waits for nobody";
  const std::string holder = absl::StrCat("held by pid ", getpid());
  ExpectRefused(scratch_.Run({"--timeout", "0", "create", "d0", "--notable"}),
                holder);
  const ChildResult r =
      scratch_.Run({"--timeout", "1.5", "create", "d0", "--notable"});
  ExpectRefused(r, absl::StrCat("waiting for '", Path("lock"), "', ", holder));
  ExpectRefused(r, "waited 1.5s");
}

TEST_F(StateTest, AMachineIsNotReplacedUnasked) {
  ASSERT_EQ(CreateIt("d0").rc, 0);
  const char* other = "pmem { name: \"other\" base: 0x200000000 size: 4096 }";
  ExpectRefused(scratch_.Run({"machine", "load", "-"}, other), "--replace");
  EXPECT_EQ(Devices().size(), 1u);
  EXPECT_EQ(scratch_.Run({"machine", "load", "--replace", "-"}, other).rc, 0);
  EXPECT_EQ(Devices().size(), 0u);
  EXPECT_EQ(scratch_.Run({"machine", "undo"}).rc, 0);
  EXPECT_EQ(Devices().size(), 1u);
}

TEST_F(StateTest, FilesAreOurs) {
  ASSERT_EQ(CreateIt("d0").rc, 0);
  for (const char* name :
       {"state.db", "state.db-wal", "state.db-shm", "lock", "generation"}) {
    EXPECT_EQ(fs::status(Path(name)).permissions(),
              fs::perms::owner_read | fs::perms::owner_write);
  }
}

TEST_F(StateTest, ANewerVersion) {
  absl::StatusOr<SqliteDb> db = SqliteDb::Open(Path("state.db"));
  ASSERT_THAT(db, IsOk());
  ASSERT_THAT(db->Exec("PRAGMA user_version = 99"), IsOk());
  ExpectRefused(CreateIt("d0"), "has format 99");
  ExpectRefused(scratch_.Run({"ls"}), "has format 99");
}

TEST_F(StateTest, Garbage) {
  for (const char* file : {"state.db-wal", "state.db-shm"}) {
    fs::remove(Path(file));
  }
  const std::string garbage(10000, '\xff');
  std::ofstream(Path("state.db"), std::ios::binary) << garbage;
  ExpectRefused(CreateIt("d0"), "damaged");
  EXPECT_EQ(ReadFile(Path("state.db")), garbage);
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
