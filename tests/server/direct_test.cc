// SPDX-License-Identifier: Apache-2.0
//
// Programs behind the preload library, whose bulk data is no message each:
// what they read is what they wrote, also when the server is killed.
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/server/serving.h"

namespace dmdax {
namespace {

constexpr uint64_t kMiB = 1 << 20;

// The library, behind what a build with ASan needs in front of all others.
std::string LibraryWithRuntime() {
  std::ifstream maps("/proc/self/maps");
  for (std::string word; maps >> word;) {
    if (absl::StrContains(word, "/libasan.so")) {
      return absl::StrCat(word, ":", preload_library);
    }
  }
  return preload_library;
}

class DirectTest : public ServingTest {
 protected:
  void Prepare() override {
    ASSERT_FALSE(preload_library.empty()) << "an argument is missing";
    AddSda(64 * kMiB);
  }
  // A shell, with the library in front of what it runs.
  pid_t Start(const std::string& line) const {
    const pid_t pid = fork();
    if (pid != 0) return pid;
    setenv("DMDAX_SOCKET", serving().socket().c_str(), 1);
    setenv("LIBRARY", LibraryWithRuntime().c_str(), 1);
    setenv("ASAN_OPTIONS", "detect_leaks=0", 1);  // Python's are not ours.
    setenv("CLIENT", client_script.c_str(), 1);
    execl("/bin/bash", "bash", "-c", line.c_str(), nullptr);
    _exit(127);
  }
  static int End(pid_t pid) {
    int status = -1;
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  int Run(const std::string& line) const { return End(Start(line)); }
};

TEST_F(DirectTest, BulkDataIsNoMessage) {
  const std::string file = state_ + ".file";
  std::ofstream(file) << std::string(48 * kMiB, 'x');
  const uint64_t before = serving().written();
  EXPECT_EQ(Run(absl::StrCat("LD_PRELOAD=$LIBRARY dd if=", file,
                             " of=/dev/sda bs=1M conv=fsync status=none")),
            0);
  EXPECT_LT(serving().written() - before, kMiB);
  EXPECT_EQ(Run(absl::StrCat("LD_PRELOAD=$LIBRARY cmp -n ", 48 * kMiB, " ",
                             file, " /dev/sda")),
            0);
  // A device has no size that a limit for files would be for.
  EXPECT_EQ(Run(absl::StrCat("ulimit -f 1; LD_PRELOAD=$LIBRARY dd if=", file,
                             " of=/dev/sda bs=1M status=none")),
            0);
  unlink(file.c_str());
}

TEST_F(DirectTest, WhatIsReadWasWritten) {
  std::vector<pid_t> clients;
  for (int part : {0, 1, 2}) {
    clients.push_back(Start(
        absl::StrCat("LD_PRELOAD=$LIBRARY exec python3 -B $CLIENT /dev/sda ",
                     part, " 3 >/dev/null")));
  }
  for (const pid_t client : clients) EXPECT_EQ(End(client), 0);
}

// Nobody would end its leases, and the next server may have other tables.
TEST_F(DirectTest, NothingIsWrittenForAServerThatWasKilled) {
  const std::string begun = state_ + ".begun";
  const pid_t client = Start(absl::StrCat(
      "LD_PRELOAD=$LIBRARY exec python3 -B $CLIENT /dev/sda 1 60 >", begun,
      " 2>/dev/null"));
  std::string word;
  while (!(std::ifstream(begun) >> word)) {
    ASSERT_EQ(waitpid(client, nullptr, WNOHANG), 0) << "it has ended";
    usleep(10'000);
  }
  usleep(300'000);
  serving_->End(SIGKILL);
  EXPECT_EQ(End(client), 3) << "EIO";
  unlink(begun.c_str());
  Serve();
  EXPECT_EQ(Run("LD_PRELOAD=$LIBRARY exec python3 -B $CLIENT /dev/sda 1 0.3 "
                ">/dev/null"),
            0);
}

}  // namespace
}  // namespace dmdax
