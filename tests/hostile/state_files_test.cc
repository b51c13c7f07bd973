// SPDX-License-Identifier: Apache-2.0
//
// A state directory that has lost a file or a part of one, that is not ours, or
// that is reached by a strange path: what was acknowledged is there, or its
// loss is told and nothing is made in its place.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "state/sqlite.h"
#include "state/world.pb.h"
#include "tests/hostile/child.h"
#include "tests/hostile/machine_of.h"
#include "tests/testing.h"

namespace dmdax::hostile {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr char kPmem[] =
    "pmem { name: \"pmem0\" base: 0x100000000 size: 0x4000000 }";

class StateFilesTest : public testing::Test {
 protected:
  StateFilesTest() {
    const ChildResult r = scratch_.Run({"machine", "load", "-"}, kPmem);
    EXPECT_EQ(r.rc, 0) << r.err;
    EXPECT_EQ(Create("d0").rc, 0);
    before_ = MachineOf(scratch_.state());
    fs::copy(scratch_.state(), scratch_.File("copy"));
  }
  std::string Path(const std::string& name) const {
    return scratch_.state() + "/" + name;
  }
  // As dmdax has its own files.
  static void MakePrivate(const fs::path& path) {
    fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
  }
  ChildResult Create(const std::string& name) {
    return scratch_.Run({"create", name, "--table", "0 8 zero"});
  }
  void Restore() {
    fs::remove_all(scratch_.state());
    fs::copy(scratch_.File("copy"), scratch_.state());
    fs::permissions(scratch_.state(), fs::perms::owner_all);
  }
  void ExpectRefused(const ChildResult& r, const std::string& why) {
    EXPECT_EQ(r.rc, 1) << r.signal;
    EXPECT_THAT(r.err, HasSubstr(why));
  }
  // Readers and writers refuse it, twice: none has made something of it.
  void ExpectLost(const std::string& why) {
    for (int i = 0; i < 2; ++i) {
      ExpectRefused(scratch_.Run({"machine", "list"}), why);
      ExpectRefused(Create("new"), why);
      ExpectRefused(scratch_.Run({"machine", "load", "--replace", "-"}, kPmem),
                    why);
    }
  }

  Scratch scratch_;
  std::string before_;
};

TEST_F(StateFilesTest, ALossIsNoEmptyMachine) {
  const struct {
    const char* what;
    std::function<void()> lose;
    const char* why;
  } losses[] = {
      {"the log", [&] { fs::remove(Path("state.db-wal")); }, "lost its log"},
      {"all but the database",
       [&] {
         for (const char* f : {"state.db-wal", "state.db-shm", "generation"}) {
           fs::remove(Path(f));
         }
       },
       "lost its log"},
      {"the database", [&] { fs::remove(Path("state.db")); }, "is missing"},
      {"what is in it", [&] { fs::resize_file(Path("state.db"), 0); },
       "is empty"},
      {"both",
       [&] {
         for (const char* f : {"state.db", "state.db-wal", "state.db-shm"}) {
           fs::remove(Path(f));
         }
       },
       "is missing"},
      {"the end of the log",
       [&] {
         // Behind it are the zeros of the room that it keeps.
         const std::string log = ReadFile(Path("state.db-wal"));
         fs::resize_file(Path("state.db-wal"),
                         log.find_last_not_of('\0') + 1 - 3000);
       },
       "2 were made"},
      {"all of the log", [&] { fs::resize_file(Path("state.db-wal"), 0); },
       "2 were made"},
      {"a bit of it",
       [&] {
         std::fstream log(Path("state.db-wal"),
                          std::ios::in | std::ios::out | std::ios::binary);
         log.seekp(100);
         log.put('\x55');
       },
       "2 were made"},
  };
  for (const auto& loss : losses) {
    SCOPED_TRACE(loss.what);
    Restore();
    fs::remove(Path("state.db-shm"));
    loss.lose();
    ExpectLost(loss.why);
  }
}

// A backup on a read-only file system: what its log has is read, and nothing is
// made beside it.
TEST_F(StateFilesTest, AReadOnlyCopyIsRead) {
  const std::string dir = scratch_.state();
  fs::remove(Path("state.db-shm"));
  const std::string mount = absl::StrCat(
      "unshare -rm sh -c 'mount --bind \"$1\" \"$1\" && "
      "mount -o remount,ro,bind \"$1\" && shift && exec \"$@\"' sh '",
      dir, "' ");
  if (system((mount + "true 2>/dev/null").c_str()) != 0) {
    GTEST_SKIP() << "no mounts in a user namespace here";
  }
  for (const std::string verb : {"machine list", "table d0", "ls"}) {
    const std::string out = scratch_.File("out");
    const std::string command =
        absl::StrCat(mount, "'", Scratch::dmdax, "' --state '", dir, "' ", verb,
                     " > '", out, "' 2>&1");
    EXPECT_EQ(system(command.c_str()), 0) << ReadFile(out);
    EXPECT_THAT(ReadFile(out), HasSubstr(verb == "machine list" ? "pmem0"
                                         : verb == "ls"         ? "d0"
                                                                : "zero"))
        << verb;
  }
  EXPECT_FALSE(fs::exists(Path("state.db-shm")));
  EXPECT_EQ(MachineOf(dir), before_);
}

// A copy of all files, without SQLite's shared memory, is a good one; so is one
// that SQLite's own tools have written back, and one without the number.
TEST_F(StateFilesTest, WhatIsWholeIsRead) {
  fs::remove(Path("state.db-shm"));
  EXPECT_EQ(MachineOf(scratch_.state()), before_);
  {
    absl::StatusOr<SqliteDb> db = SqliteDb::Open(Path("state.db"));
    ASSERT_THAT(db, IsOk());
    ASSERT_THAT(db->Exec("PRAGMA wal_checkpoint(TRUNCATE)"), IsOk());
  }
  fs::remove(Path("state.db-wal"));
  EXPECT_EQ(MachineOf(scratch_.state()), before_);
  fs::remove(Path("generation"));
  EXPECT_EQ(MachineOf(scratch_.state()), before_);
  // A number that was being written says nothing.
  scratch_.Put("state.d/generation", "00000000000000000099 0000");
  MakePrivate(Path("generation"));
  EXPECT_EQ(Create("d1").rc, 0);
  EXPECT_EQ(Create("d2").rc, 0);
}

// What a change that failed has left, of this version and of those before.
TEST_F(StateFilesTest, NothingWasEverWritten) {
  fs::remove_all(scratch_.state());
  EXPECT_EQ(scratch_.Run({"machine", "undo"}).rc, 1);
  EXPECT_FALSE(fs::exists(Path("state.db")));
  EXPECT_FALSE(fs::exists(Path("state.db.new")));
  {
    absl::StatusOr<SqliteDb> db = SqliteDb::Open(Path("state.db"));
    ASSERT_THAT(db, IsOk());
    ASSERT_THAT(db->Exec("PRAGMA journal_mode = WAL; BEGIN IMMEDIATE; "
                         "CREATE TABLE t(a); ROLLBACK"),
                IsOk());
  }
  for (const auto& entry : fs::directory_iterator(scratch_.state())) {
    MakePrivate(entry.path());
  }
  EXPECT_GT(fs::file_size(Path("state.db")), 0u);
  EXPECT_EQ(scratch_.Run({"ls"}).rc, 0);
  EXPECT_EQ(Create("d0").rc, 0);
  // An empty file, too.
  fs::remove_all(scratch_.state());
  ASSERT_EQ(mkdir(scratch_.state().c_str(), 0700), 0);
  scratch_.Put("state.d/state.db", "");
  MakePrivate(Path("state.db"));
  EXPECT_EQ(Create("d0").rc, 0);
  EXPECT_EQ(Create("d1").rc, 0);
}

TEST_F(StateFilesTest, TheMachineOfAnOldVersionCanBeBroughtBack) {
  fs::remove_all(scratch_.state());
  ASSERT_EQ(mkdir(scratch_.state().c_str(), 0700), 0);
  proto::StateSnapshot old;
  old.set_format_version(1);
  old.set_generation(5);
  proto::Pmem& pmem = *old.mutable_world()->add_pmem();
  pmem.set_name("pmem7");
  pmem.set_base(uint64_t{1} << 32);
  pmem.set_size(1 << 20);
  scratch_.Put("state.d/state", old.SerializeAsString());
  MakePrivate(Path("state"));
  ASSERT_EQ(scratch_.Run({"machine", "load", "--replace", "-"}, kPmem).rc, 0);
  EXPECT_THAT(MachineOf(scratch_.state()), Not(HasSubstr("pmem7")));
  const ChildResult r = scratch_.Run({"machine", "undo"});
  EXPECT_EQ(r.rc, 0) << r.err;
  EXPECT_THAT(MachineOf(scratch_.state()), HasSubstr("pmem7"));
}

// It counts as a machine, although it has no device.
TEST_F(StateFilesTest, AMachineWithoutDevicesIsNotReplacedUnasked) {
  for (const char* world :
       {"process { pid: 7 }",
        "dax { name: \"dax0.0\" range { start: 0x100000000 size: 0x4000000 } }",
        "key { type: \"user\" description: \"k\" bytes: 32 }"}) {
    SCOPED_TRACE(world);
    fs::remove_all(scratch_.state());
    const ChildResult r = scratch_.Run({"machine", "load", "-"}, world);
    ASSERT_EQ(r.rc, 0) << r.err;
    ExpectRefused(scratch_.Run({"machine", "load", "-"}, kPmem), "--replace");
  }
}

TEST_F(StateFilesTest, AnEmptyMachineIsNothingToBringBack) {
  ASSERT_EQ(
      scratch_.Run({"machine", "load", "--replace", "-"}, "kernel: \"v6_1\"")
          .rc,
      0);
  ASSERT_EQ(scratch_.Run({"machine", "load", "-"}, kPmem).rc, 0);
  ASSERT_EQ(scratch_.Run({"machine", "undo"}).rc, 0);
  EXPECT_EQ(MachineOf(scratch_.state()), before_);
}

TEST_F(StateFilesTest, StrangePaths) {
  ASSERT_EQ(mkdir(scratch_.File("real").c_str(), 0700), 0);
  fs::create_directory_symlink("real", scratch_.File("link"));
  fs::create_directory_symlink(scratch_.File("link"), scratch_.File("again"));
  std::string deep = scratch_.File("deep");
  for (int i = 0; i < 4; ++i) deep += "/" + std::string(200, 'x');
  for (const std::string& state :
       {scratch_.File("link"), scratch_.File("again") + "/below",
        scratch_.File("file:foo?mode=ro"), deep}) {
    SCOPED_TRACE(state);
    const ChildResult r =
        scratch_.Run({"--state", state, "create", "d0", "--notable"});
    EXPECT_EQ(r.rc, 0) << r.err;
    EXPECT_THAT(scratch_.Run({"--state", state, "ls"}).out, HasSubstr("d0"));
  }
  EXPECT_TRUE(fs::exists(scratch_.File("real/below/state.db")));
  fs::create_directory_symlink("loop", scratch_.File("loop"));
  ExpectRefused(scratch_.Run({"--state", scratch_.File("loop"), "ls"}),
                "symbolic links");
}

TEST_F(StateFilesTest, ALinkOfSomebodyElse) {
  // Only root can give one away, where there is another user.
  const std::string link = scratch_.File("theirs");
  ASSERT_EQ(mkdir(scratch_.File("victim").c_str(), 0700), 0);
  fs::create_directory_symlink("victim", link);
  if (geteuid() != 0 || lchown(link.c_str(), 65534, 65534) != 0) return;
  for (const std::string& state : {link, link + "/below"}) {
    ExpectRefused(scratch_.Run({"--state", state, "create", "d", "--notable"}),
                  "belongs to user 65534");
  }
  EXPECT_TRUE(fs::is_empty(scratch_.File("victim")));
}

TEST_F(StateFilesTest, ADirectoryThatEverybodyMayWriteAboveIt) {
  const std::string open = scratch_.File("open");
  ASSERT_EQ(mkdir(open.c_str(), 0700), 0);
  ASSERT_EQ(chmod(open.c_str(), 0777), 0);
  ExpectRefused(
      scratch_.Run({"--state", open + "/s", "create", "d", "--notable"}),
      "everybody may write");
  ASSERT_EQ(chmod(open.c_str(), 01777), 0);
  EXPECT_EQ(
      scratch_.Run({"--state", open + "/s", "create", "d", "--notable"}).rc, 0);
}

TEST_F(StateFilesTest, ADirectoryOfOtherFiles) {
  const std::string other = scratch_.File("other");
  for (const char* name : {"lock", "notes"}) {
    fs::remove_all(other);
    ASSERT_EQ(mkdir(other.c_str(), 0700), 0);
    const std::string file =
        scratch_.Put(absl::StrCat("other/", name), "precious\n");
    MakePrivate(file);
    ExpectRefused(scratch_.Run({"--state", other, "create", "d", "--notable"}),
                  absl::StrCat("it has '", name, "'"));
    EXPECT_EQ(ReadFile(file), "precious\n");
  }
}

TEST_F(StateFilesTest, AFileThatOthersMayWrite) {
  for (const char* name : {"state.db", "state.db-wal", "generation", "lock"}) {
    SCOPED_TRACE(name);
    fs::permissions(Path(name), fs::perms::others_write, fs::perm_options::add);
    ExpectRefused(Create("d1"), "others may write it (mode 0602)");
    fs::permissions(Path(name), fs::perms::others_write,
                    fs::perm_options::remove);
  }
  EXPECT_EQ(Create("d1").rc, 0);
}

TEST_F(StateFilesTest, ADatabaseOfAnotherProgram) {
  for (const char* sql : {"CREATE TABLE t(a)", "PRAGMA application_id = 7",
                          "CREATE TABLE t(a); PRAGMA user_version = 3"}) {
    SCOPED_TRACE(sql);
    for (const char* f : {"state.db", "state.db-wal", "state.db-shm"}) {
      fs::remove(Path(f));
    }
    {
      absl::StatusOr<SqliteDb> db = SqliteDb::Open(Path("state.db"));
      ASSERT_THAT(db, IsOk());
      ASSERT_THAT(db->Exec(sql), IsOk());
    }
    MakePrivate(Path("state.db"));
    const std::string bytes = ReadFile(Path("state.db"));
    ExpectRefused(scratch_.Run({"ls"}), "another program");
    ExpectRefused(Create("d1"), "another program");
    EXPECT_EQ(ReadFile(Path("state.db")), bytes);
  }
}

TEST_F(StateFilesTest, AnotherProgramLocksTheDatabase) {
  absl::StatusOr<SqliteDb> db = SqliteDb::Open(Path("state.db"));
  ASSERT_THAT(db, IsOk());
  ASSERT_THAT(db->Exec("BEGIN IMMEDIATE"), IsOk());
  EXPECT_EQ(scratch_.Run({"ls"}).rc, 0) << "a reader waits for nobody";
  const absl::Time start = absl::Now();
  const ChildResult r =
      scratch_.Run({"--timeout", "1.5", "create", "d1", "--notable"});
  // It would wait for ever; a busy machine may take its time.
  EXPECT_LT(absl::Now() - start, absl::Seconds(25));
  ExpectRefused(
      r, absl::StrCat("which another program has locked, pid ", getpid()));
  ExpectRefused(r, absl::StrCat("locked, pid ", getpid(), "; waited 1.5s"));
  ExpectRefused(r, "state.db");
}

// The last one that had the lock does not have it now.
TEST_F(StateFilesTest, WhoHoldsTheLockIsNotWhoHadIt) {
  const int fd = open(Path("lock").c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  ASSERT_EQ(flock(fd, LOCK_EX), 0);
  ExpectRefused(scratch_.Run({"--timeout", "0", "create", "d1", "--notable"}),
                absl::StrCat("held by pid ", getpid()));
  close(fd);
}

TEST_F(StateFilesTest, NoRoomForTheLogIsSaid) {
  scratch_.file_size = 32768;  // which the shared memory has
  std::string rows;
  for (int i = 0; i < 3000; ++i) absl::StrAppend(&rows, i * 8, " 8 zero\n");
  const std::string table = scratch_.Put("table", rows);
  ExpectRefused(scratch_.RunFile({"create", "d1"}, table), "File too large");
  scratch_.file_size = ~uint64_t{0};
  EXPECT_EQ(MachineOf(scratch_.state()), before_);
}

}  // namespace
}  // namespace dmdax::hostile
