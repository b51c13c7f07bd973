// SPDX-License-Identifier: Apache-2.0
//
// Files with the bytes of disks that are not what they were: others in their
// place, cut ones, and no room for them.
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cerrno>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "tests/server/disk_files_testing.h"

namespace dmdax {
namespace {

TEST_F(DiskFilesTest, SomethingElseInPlaceOfOne) {
  {
    const Client client(serving());
    const Said sda = Open(client, kSda);
    ASSERT_EQ(client.Write(sda.head.handle, 0, std::string(kMiB, 'a')), 0);
    ASSERT_EQ(client.Do(DMDAX_OP_SYNC, sda.head.handle), 0);
  }
  serving_.reset();
  ASSERT_EQ(Files().size(), 1u);
  const fs::path file = Files()[0];
  const fs::path away = absl::StrCat(state_, ".away");
  const fs::path victim = absl::StrCat(state_, ".victim");
  std::ofstream(victim) << std::string(4096, 'v');
  fs::rename(file, away);
  const auto nothing = [] {};
  const std::pair<const char*, std::function<void()>> kinds[] = {
      {"nothing", nothing},
      {"a symbolic link", [&] { fs::create_symlink(victim, file); }},
      {"a hard link", [&] { fs::create_hard_link(victim, file); }},
      {"a FIFO", [&] { ASSERT_EQ(mkfifo(file.c_str(), 0600), 0); }},
      {"a directory", [&] { fs::create_directory(file); }},
      {"a file that others may write",
       [&] {
         std::ofstream(file) << "x";
         ASSERT_EQ(chmod(file.c_str(), 0666), 0);
       }},
  };
  for (const auto& [what, put] : kinds) {
    SCOPED_TRACE(what);
    put();
    Serve();
    {
      const Client client(serving());
      const Said sda = Open(client, kSda);
      const uint64_t h = sda.head.handle;
      EXPECT_EQ(client.Read(h, 0, 512), absl::StrCat("E", EIO));
      client.Write(h, 0, std::string(4096, 'b'));
      EXPECT_EQ(client.Do(DMDAX_OP_SYNC, h), EIO);
      const Said sdb = Open(client, kSdb);
      EXPECT_EQ(client.Read(sdb.head.handle, 0, 1), std::string(1, '\0'));
    }
    serving_.reset();
    fs::remove(file);
    std::string content;
    std::getline(std::ifstream(victim), content);
    EXPECT_EQ(content, std::string(4096, 'v'));
  }
  fs::rename(away, file);
  fs::remove(victim);
  Serve();
  const Client client(serving());
  const Said sda = Open(client, kSda);
  EXPECT_EQ(client.Read(sda.head.handle, 0, 4), "aaaa");
}

// A client that was told OK finds its bytes; one that was not, is told so once.
TEST_F(DiskFilesTest, NoRoomIsToldBySync) {
  const Client client(serving());
  const Said sda = Open(client, kSda), sdb = Open(client, kSdb);
  const uint64_t a = sda.head.handle, b = sdb.head.handle;
  ASSERT_EQ(client.Write(a, 0, std::string(kMiB, 'a')), 0);
  ASSERT_EQ(client.Do(DMDAX_OP_SYNC, a), 0);
  const auto limit = [&](rlim_t bytes) {
    const rlimit limits = {bytes, RLIM_INFINITY};
    ASSERT_EQ(prlimit(serving().pid(), RLIMIT_FSIZE, &limits, nullptr), 0);
  };
  limit(2 * kMiB);
  EXPECT_EQ(client.Write(a, 8 * kMiB, std::string(kMiB, 'b')), 0)
      << "a cache takes it";
  EXPECT_EQ(client.Do(DMDAX_OP_SYNC, a), EIO);
  EXPECT_EQ(client.Do(DMDAX_OP_SYNC, a), 0) << "told once";
  EXPECT_EQ(client.Read(a, 0, 4), "aaaa");
  // What fails while nobody waits for it is told too.
  limit(RLIM_INFINITY);
  EXPECT_EQ(client.Write(b, 0, "few"), 0);
  limit(4096);
  { const Said other = Open(client, kSda); }
  // It is closed by then; that the state can not be opened does not matter.
  for (int i = 0; i < 2; ++i) client.Ping();
  limit(RLIM_INFINITY);
  EXPECT_EQ(client.Do(DMDAX_OP_SYNC, b), EIO);
  EXPECT_EQ(client.Do(DMDAX_OP_SYNC, b), 0);
  EXPECT_EQ(client.Write(b, 0, "few"), 0);
  EXPECT_EQ(client.Do(DMDAX_OP_SYNC, b), 0);
  serving_->End(SIGKILL);
  Serve();
  const Client again(serving());
  const Said of_a = Open(again, kSda), of_b = Open(again, kSdb);
  EXPECT_EQ(again.Read(of_b.head.handle, 0, 4), std::string("few\0", 4));
  EXPECT_EQ(again.Read(of_a.head.handle, kMiB - 2, 4),
            std::string("aa\0\0", 4));
}

// Also one that has been cut a little: what is left may be anything of a copy
// that came to no end.
TEST_F(DiskFilesTest, AFileThatHasBeenCutIsAnError) {
  serving_.reset();
  std::unique_ptr<Resident> machine = Machine();
  ASSERT_TRUE(Write(*machine, "sda", 0, std::string(kMiB, 'x')).ok());
  ASSERT_TRUE(machine->Keep().ok());
  ASSERT_TRUE(Write(*machine, "sda", 3 * kMiB, std::string(kMiB, 'y')).ok());
  ASSERT_TRUE(machine->Keep().ok());
  machine.reset();
  const fs::path file = Files().at(0);
  ASSERT_GE(fs::file_size(file), 4 * kMiB);
  fs::resize_file(file, 4 * kMiB - 1);
  machine = Machine();
  EXPECT_TRUE(absl::StrContains(Read(*machine, "sda", 0, 1), "has been cut"))
      << Read(*machine, "sda", 0, 1);
  EXPECT_EQ(ErrnoOf(Write(*machine, "sda", 0, "z")), EIO);
}

}  // namespace
}  // namespace dmdax
