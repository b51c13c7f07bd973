// SPDX-License-Identifier: Apache-2.0
//
// The files of a state directory that have the bytes of disks: what a sync
// costs, what is there after kill -9, for others, after undo, and what becomes
// of files that are not ours.
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/fd.h"
#include "state/sqlite.h"
#include "state/state_schema.h"
#include "tests/server/disk_files_testing.h"

namespace dmdax {
namespace {

TEST_F(DiskFilesTest, ASyncCostsWhatWasWritten) {
  const Client client(serving());
  const Said sda = Open(client, kSda);
  const uint64_t h = sda.head.handle;
  for (uint64_t i = 0; i < 32; ++i) {
    ASSERT_EQ(client.Write(h, i * kMiB, std::string(kMiB, 'a')), 0);
  }
  ASSERT_EQ(client.Do(DMDAX_OP_SYNC, h), 0);
  const uint64_t before = serving().written();
  for (uint64_t i = 0; i < 8; ++i) {
    ASSERT_EQ(client.Write(h, i * 3 * kMiB, std::string(4096, 'b')), 0);
    ASSERT_EQ(client.Do(DMDAX_OP_SYNC, h), 0);
  }
  EXPECT_LT(serving().written() - before, 8 * (4096 + 128 * 1024))
      << "a page and the log of the database, not 32 MiB each time";
  // Ours, and sparse.
  ASSERT_EQ(client.Write(h, kDiskSize - 512, std::string(512, 'z')), 0);
  ASSERT_EQ(Files().size(), 1u);
  struct stat st;
  ASSERT_EQ(stat(Files()[0].c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0600u);
  EXPECT_LT(static_cast<uint64_t>(st.st_blocks) * 512, 40 * kMiB);
}

// Each disk has a letter of its own, and each page of it a number that goes up.
TEST_F(DiskFilesTest, KillNine) {
  serving_.reset();
  constexpr uint64_t kPages = 128;
  std::mt19937 random(5);
  uint64_t acknowledged[2][kPages] = {}, tried[2][kPages] = {}, last = 0;
  const auto content = [](int disk, uint64_t number) {
    std::string page = absl::StrCat(disk == 0 ? "a" : "b", number, " ");
    while (page.size() < 4096) page += page;
    return page.substr(0, 4096);
  };
  for (int round = 0; round < 25; ++round) {
    SCOPED_TRACE(round);
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const uint32_t seed = random();
    const pid_t pid = fork();
    if (pid == 0) {
      close(ends[0]);
      std::mt19937 order(seed);
      std::unique_ptr<Resident> machine = Machine();
      for (uint64_t number = last + 1;; ++number) {
        const uint64_t what[3] = {number, order() % 2, order() % kPages};
        const bool ok =
            write(ends[1], what, sizeof(what)) == sizeof(what) &&
            Write(*machine, what[1] == 0 ? "sda" : "sdb", what[2] * 4096,
                  content(static_cast<int>(what[1]), number))
                .ok() &&
            machine->Keep().ok() && write(ends[1], "k", 1) == 1;
        if (!ok) _exit(1);
      }
    }
    close(ends[1]);
    const Fd from(ends[0]);
    usleep(20'000 + random() % 60'000);
    kill(pid, SIGKILL);
    int status = 0;
    waitpid(pid, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status)) << status;
    uint64_t what[3];
    while (read(from.get(), what, sizeof(what)) == sizeof(what)) {
      last = what[0];
      tried[what[1]][what[2]] = last;
      char byte;
      if (read(from.get(), &byte, 1) != 1) break;
      acknowledged[what[1]][what[2]] = last;
    }
    std::unique_ptr<Resident> machine = Machine();
    for (int disk : {0, 1}) {
      for (uint64_t page = 0; page < kPages; ++page) {
        const std::string is =
            Read(*machine, disk == 0 ? "sda" : "sdb", page * 4096, 4096);
        const uint64_t kept = acknowledged[disk][page];
        const std::string was =
            kept == 0 ? std::string(4096, '\0') : content(disk, kept);
        ASSERT_TRUE(is == was || is == content(disk, tried[disk][page]))
            << disk << " " << page << " " << is.substr(0, 16);
        if (is != was) acknowledged[disk][page] = tried[disk][page];
      }
    }
  }
  EXPECT_GT(last, 50u);
  EXPECT_LE(Files().size(), 2u + 25u);
}

TEST_F(DiskFilesTest, TwoMachines) {
  serving_.reset();
  std::unique_ptr<Resident> one = Machine(), two = Machine();
  const std::string mib(kMiB, 'x');
  ASSERT_TRUE(Write(*one, "sda", 0, mib).ok());
  ASSERT_TRUE(one->Keep().ok());
  EXPECT_TRUE(Read(*two, "sda", 0, kMiB) == mib);
  ASSERT_TRUE(Write(*two, "sda", 4096, "two").ok());
  ASSERT_TRUE(Write(*two, "sdb", 7, "few").ok());
  ASSERT_TRUE(two->Keep().ok());
  EXPECT_EQ(Read(*one, "sda", 4095, 5), "xtwox");
  EXPECT_EQ(Read(*one, "sdb", 7, 3), "few");
  EXPECT_EQ(Files().size(), 1u);
}

TEST_F(DiskFilesTest, UndoBringsTheBytesBack) {
  serving_.reset();
  std::unique_ptr<Resident> machine = Machine();
  ASSERT_TRUE(Write(*machine, "sda", 0, std::string(kMiB, '1')).ok());
  ASSERT_TRUE(machine->Keep().ok());
  Replace();
  EXPECT_EQ(Read(*machine, "sda", 0, 1), std::string(1, '\0'));
  ASSERT_TRUE(Write(*machine, "sda", 0, std::string(kMiB, '2')).ok());
  ASSERT_TRUE(machine->Keep().ok());
  Undo();
  EXPECT_EQ(Read(*machine, "sda", kMiB - 1, 1), "1");
  Undo();
  EXPECT_EQ(Read(*machine, "sda", kMiB - 1, 1), "2");
  EXPECT_EQ(Files().size(), 2u);
  // Nobody can bring back the first now, nor what a command that was killed
  // has left.
  std::ofstream(absl::StrCat(state_, "/disk.0123456789abcdef")) << "x";
  std::ofstream(absl::StrCat(state_, "/disk.mine")) << "x";
  Replace();
  EXPECT_EQ(Files().size(), 2u);
  Undo();
  EXPECT_EQ(Read(*machine, "sda", kMiB - 1, 1), "2");
  std::ofstream(absl::StrCat(state_, "/disk.0123456789abcdef")) << "x";
  machine = Machine();
  EXPECT_EQ(Files().size(), 3u);
  ASSERT_TRUE(Write(*machine, "sda", 0, "x").ok());
  EXPECT_EQ(Files().size(), 2u);
}

TEST_F(DiskFilesTest, TheFileOfADiskThatIsRemovedGoes) {
  serving_.reset();
  std::unique_ptr<Resident> machine = Machine();
  for (const char* disk : {"sda", "sdb"}) {
    ASSERT_TRUE(Write(*machine, disk, 0, std::string(kMiB, 'x')).ok());
  }
  ASSERT_TRUE(machine->Keep().ok());
  EXPECT_EQ(Files().size(), 2u);
  ASSERT_TRUE(machine
                  ->Change([](Session& session) {
                    EXPECT_TRUE(session.machine->Remove("sda").ok());
                  })
                  .ok());
  EXPECT_EQ(Files().size(), 1u);
  EXPECT_EQ(Read(*machine, "sdb", 0, 1), "x");
}

TEST_F(DiskFilesTest, AnOlderStateIsTakenOver) {
  serving_.reset();
  const std::string mib(kMiB, 'o');
  // All bytes are in the rows.
  Change([&](Session& session) {
    BlockDevice& sda = *session.machine->FindBdevByName("sda");
    EXPECT_TRUE(sda.bytes().Write(sector_t{0}, mib).ok());
  });
  const std::string db = absl::StrCat(state_, "/state.db");
  {
    absl::StatusOr<SqliteDb> old = SqliteDb::Open(db);
    ASSERT_TRUE(old.ok());
    ASSERT_TRUE(old->Exec("PRAGMA user_version = 4").ok());
  }
  std::unique_ptr<Resident> machine = Machine();
  EXPECT_TRUE(Read(*machine, "sda", 0, kMiB) == mib);
  EXPECT_TRUE(Files().empty()) << "a question";
  ASSERT_TRUE(Write(*machine, "sda", 512, "new").ok());
  ASSERT_TRUE(machine->Keep().ok());
  EXPECT_EQ(Files().size(), 1u);
  EXPECT_EQ(Read(*machine, "sda", 511, 5), "onewo");
  absl::StatusOr<SqliteDb> now = SqliteDb::Open(db);
  ASSERT_TRUE(now.ok());
  EXPECT_EQ(now->Number("PRAGMA user_version").value_or(0), kStateFormat);
  EXPECT_LT(now->Number("SELECT max(length(bytes)) FROM object").value_or(-1),
            1000);
}

}  // namespace
}  // namespace dmdax
