// SPDX-License-Identifier: Apache-2.0
//
// A supervisor whose machine is in its own process.
#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "base/errno_status.h"
#include "base/kernel_profile.h"
#include "gtest/gtest.h"
#include "run/notify/machine_client.h"
#include "server/protocol.h"
#include "server/resident.h"
#include "server/scratch_tree.h"
#include "server/server.h"
#include "server/socket.h"
#include "state/session.h"

namespace dmdax::run {
namespace {

constexpr uint32_t kVersion = 0xc138fd00, kCreate = kVersion + 3,
                   kRemove = kVersion + 4, kWait = kVersion + 8;

// A struct dm_ioctl.
std::string DmRequest(const std::string& name = "") {
  constexpr size_t kSize = 312, kName = 48;
  std::string bytes(kSize, '\0');
  const uint32_t head[5] = {4, 0, 0, kSize, kSize};
  memcpy(bytes.data(), head, sizeof(head));
  name.copy(bytes.data() + kName, name.size());
  return bytes;
}

class OwnServerTest : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<ScratchTree>> tree = ScratchTree::Make();
    ASSERT_TRUE(tree.ok()) << tree.status();
    tree_ = *std::move(tree);
    absl::StatusOr<Fd> listener = ListenAt(tree_->directory(), kSocketName);
    ASSERT_TRUE(listener.ok()) << listener.status();
    server_ = std::make_unique<Server>(resident_, *tree_, *std::move(listener));
    ASSERT_TRUE(server_->Prepare().ok());
    client_ =
        MachineClient::Of(*server_, tree_->directory() + "/" + kSocketName);
  }

  Exchange Ioctl(uint64_t handle, uint32_t command, const std::string& bytes) {
    Exchange e(DMDAX_OP_IOCTL, handle);
    e.head.arg[0] = command;
    e.head.arg[1] = bytes.size();
    e.in = bytes;
    client_->Call(e);
    return e;
  }
  uint64_t OpenControl(Fd* fd) {
    Exchange open(DMDAX_OP_OPEN);
    open.head.flags = O_RDWR;
    open.head.arg[0] = DMDAX_KIND_CHAR;
    open.head.arg[1] = DMDAX_DEV(10, 236);
    open.in = "test";
    EXPECT_EQ(client_->Call(open), 0);
    *fd = std::move(open.out_fd);
    return open.head.handle;
  }

  Resident resident_{NewSession(DefaultKernelProfile(), 0)};
  std::unique_ptr<ScratchTree> tree_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<MachineClient> client_;
};

TEST_F(OwnServerTest, AnswersWithoutBeingServed) {
  EXPECT_EQ(client_->tree(), tree_->path());
  Fd fd;
  const uint64_t control = OpenControl(&fd);
  struct stat st;
  ASSERT_EQ(fstat(fd.get(), &st), 0);
  EXPECT_EQ(st.st_mode, DMDAX_FD_MODE);
  const Exchange version = Ioctl(control, kVersion, DmRequest());
  EXPECT_TRUE(version.answered);
  EXPECT_EQ(version.head.error, 0);
  EXPECT_FALSE(version.out.empty());
  EXPECT_EQ(Ioctl(control, kRemove, DmRequest("none")).head.error, ENXIO);
  EXPECT_EQ(Ioctl(12345, kVersion, DmRequest()).head.error, EBADF);
}

// A device that is created by one thread wakes a poll and a wait of others.
TEST_F(OwnServerTest, WhatWaitsGoesByTheSocketAndIsWoken) {
  Fd fd;
  const uint64_t control = OpenControl(&fd);
  ASSERT_EQ(Ioctl(control, kCreate, DmRequest("d")).head.error, 0);
  const Fd end(eventfd(0, EFD_CLOEXEC));
  std::thread serves([&] { EXPECT_TRUE(server_->Run(end.get()).ok()); });
  int waited = -1;
  std::thread waits(
      [&] { waited = Ioctl(control, kWait, DmRequest("d")).head.error; });
  usleep(50'000);
  EXPECT_EQ(Ioctl(control, kRemove, DmRequest("d")).head.error, 0);
  waits.join();
  EXPECT_EQ(waited, 0);
  const uint64_t once = 1;
  EXPECT_EQ(write(end.get(), &once, sizeof(once)),
            static_cast<ssize_t>(sizeof(once)));
  serves.join();
}

// A socket of a server that is gone is taken away; nothing else is.
TEST(ListenAtTest, WhatIsNoSocketStays) {
  std::string directory = testing::TempDir() + "/listenXXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  const std::string path = directory + "/s";
  std::ofstream(path) << "mine";
  EXPECT_EQ(ErrnoOf(ListenAt(directory, "s").status()), EEXIST);
  std::string text;
  std::ifstream(path) >> text;
  EXPECT_EQ(text, "mine");
  ASSERT_EQ(unlink(path.c_str()), 0);
  EXPECT_TRUE(ListenAt(directory, "s").ok());
  EXPECT_TRUE(ListenAt(directory, "s").ok()) << "nobody listens any more";
}

}  // namespace
}  // namespace dmdax::run
