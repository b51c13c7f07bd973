// SPDX-License-Identifier: Apache-2.0
//
// The protocol of server/protocol.h, spoken to `dmdax serve`: what is no
// message, clients that go in the middle, and a server that is killed.
#include "server/protocol.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <iterator>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/fd.h"
#include "server/socket.h"
#include "tests/server/serving.h"

namespace dmdax {
namespace {

using ProtocolTest = ServingTest;

TEST_F(ProtocolTest, Hello) {
  const Client client(*serving_);
  dmdax_message hello = Client::Head(DMDAX_OP_HELLO);
  hello.version = 77;
  const Said said = client.Call(hello);
  EXPECT_EQ(said.head.error, 0);
  EXPECT_EQ(said.head.version, DMDAX_PROTOCOL) << "in every version";
  EXPECT_EQ(said.head.serial, 42u);
  EXPECT_GT(said.head.arg[0], 1u);
  EXPECT_TRUE(std::filesystem::is_directory(said.bytes + "/dev/mapper"));
  struct stat st;
  ASSERT_EQ(stat(serving_->socket().c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0600u);
}

TEST_F(ProtocolTest, AnotherVersionEndsTheConnection) {
  const Client client(*serving_), other(*serving_);
  dmdax_message ping = Client::Head(DMDAX_OP_PING);
  ping.version = DMDAX_PROTOCOL + 1;
  const Said said = client.Call(ping);
  EXPECT_EQ(said.head.error, EPROTONOSUPPORT);
  EXPECT_EQ(said.head.version, DMDAX_PROTOCOL);
  EXPECT_FALSE(client.Receive().has_value());
  EXPECT_EQ(other.Ping(), 0);
}

TEST_F(ProtocolTest, WhatIsNoMessageEndsTheConnection) {
  for (uint32_t length : {0u, 1u, 55u, 0x7fffffffu, ~0u}) {
    const Client client(*serving_);
    dmdax_message m = Client::Head(DMDAX_OP_PING);
    m.length = length;
    client.SendRaw(&m, sizeof(m));
    const std::optional<Said> said = client.Receive();
    ASSERT_TRUE(said.has_value()) << length;
    EXPECT_EQ(said->head.error, EPROTO) << length;
    EXPECT_FALSE(client.Receive().has_value());
  }
  // Descriptors that did not come.
  const Client client(*serving_);
  dmdax_message m = Client::Head(DMDAX_OP_PING);
  m.fds = 1;
  EXPECT_EQ(client.Call(m).head.error, EPROTO);
  EXPECT_EQ(Client(*serving_).Ping(), 0);
}

TEST_F(ProtocolTest, OpsAndHandlesThatAreNone) {
  const Client client(*serving_);
  for (int op : {0, 16, 999}) {
    EXPECT_EQ(client.Call(Client::Head(static_cast<dmdax_op>(op))).head.error,
              ENOSYS)
        << op;
  }
  for (dmdax_op op :
       {DMDAX_OP_IOCTL, DMDAX_OP_READ, DMDAX_OP_WRITE, DMDAX_OP_SEEK,
        DMDAX_OP_SYNC, DMDAX_OP_ALLOCATE, DMDAX_OP_SET_FLAGS, DMDAX_OP_LEASE}) {
    EXPECT_EQ(client.Call(Client::Head(op, 5)).head.error, EBADF) << op;
  }
  EXPECT_EQ(client.Call(Client::Head(DMDAX_OP_IDENTIFY)).head.error, EBADF);
  EXPECT_EQ(client.Open(9, 0, 0).head.error, EINVAL);
  EXPECT_EQ(client.Open(DMDAX_KIND_BLOCK, DMDAX_DEV(8, 0), 0).head.error,
            ENXIO);
  EXPECT_EQ(client.Ping(), 0);
}

// In pieces of a byte, and several in one.
TEST_F(ProtocolTest, MessagesComeAsTheyCome) {
  const Client client(*serving_);
  const dmdax_message m = Client::Head(DMDAX_OP_PING);
  for (size_t i = 0; i < sizeof(m); ++i) {
    client.SendRaw(reinterpret_cast<const char*>(&m) + i, 1);
  }
  EXPECT_EQ(client.Receive()->head.error, 0);
  const dmdax_message three[] = {m, m, m};
  client.SendRaw(three, sizeof(three));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.Receive()->head.error, 0);
}

// The server has room for descriptors that messages speak of.
TEST_F(ProtocolTest, StrayDescriptorsAreClosed) {
  const Client client(*serving_);
  ASSERT_EQ(client.Ping(), 0);
  const auto open_there = [&] {
    const std::filesystem::directory_iterator fds(
        absl::StrCat("/proc/", serving_->pid(), "/fd"));
    return std::distance(begin(fds), end(fds));
  };
  const auto before = open_there();
  const Fd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const dmdax_message m = Client::Head(DMDAX_OP_PING);
  for (int i = 0; i < 40; ++i) {
    client.SendRaw(&m, sizeof(m), null.get());
    EXPECT_EQ(client.Receive()->head.error, 0);
  }
  EXPECT_EQ(open_there(), before);
  // Each byte of a message may bring one.
  for (size_t i = 0; i < sizeof(m); ++i) {
    client.SendRaw(reinterpret_cast<const char*>(&m) + i, 1, null.get());
  }
  EXPECT_EQ(client.Receive()->head.error, 0);
  EXPECT_EQ(open_there(), before);
}

TEST_F(ProtocolTest, AClientThatGoesInTheMiddleHasDoneNothing) {
  const Client other(*serving_);
  const Said control = other.Open(DMDAX_KIND_CHAR, kControl, O_RDWR);
  ASSERT_EQ(control.head.error, 0);
  {
    const Client client(*serving_);
    dmdax_message m = DmHead(control.head.handle, kCreate);
    const std::string bytes = DmRequest();
    m.length += static_cast<uint32_t>(bytes.size());
    client.SendRaw(&m, sizeof(m));
    client.SendRaw(bytes.data(), bytes.size() - 1);
  }
  EXPECT_EQ(
      other.Call(DmHead(control.head.handle, kStatus), DmRequest()).head.error,
      ENXIO);
}

TEST_F(ProtocolTest, WhoWaitsHoldsUpNobody) {
  const Client client(*serving_), other(*serving_);
  const Said control = client.Open(DMDAX_KIND_CHAR, kControl, O_RDWR);
  const uint64_t handle = control.head.handle;
  Create(client, handle);
  client.Send(DmHead(handle, kWait), DmRequest());
  // Also on its own connection.
  EXPECT_EQ(client.Ping(), 0);
  EXPECT_FALSE(client.HasAnswer());
  {
    // One that hangs up takes its request back.
    const Client gone(*serving_);
    gone.Send(DmHead(handle, kWait), DmRequest());
  }
  EXPECT_EQ(other.Call(DmHead(handle, kRemove), DmRequest()).head.error, 0);
  const std::optional<Said> said = client.Receive();
  ASSERT_TRUE(said.has_value());
  EXPECT_EQ(said->head.error, 0);
  EXPECT_EQ(said->head.op, DMDAX_OP_IOCTL);
}

TEST_F(ProtocolTest, ADescriptorIsAPipeThatTellsOfItself) {
  const Client client(*serving_);
  const Said control = client.Open(DMDAX_KIND_CHAR, kControl, O_RDWR);
  const uint64_t handle = control.head.handle;
  struct stat st;
  ASSERT_EQ(fstat(control.fd.get(), &st), 0);
  EXPECT_EQ(st.st_mode, DMDAX_FD_MODE);
  dmdax_message m = Client::Head(DMDAX_OP_IDENTIFY);
  m.arg[0] = st.st_ino;
  const Said known = client.Call(m);
  EXPECT_EQ(known.head.handle, handle);
  EXPECT_EQ(known.head.arg[1], kControl);
  // Nothing has happened yet, and then something has.
  pollfd entry = {
      .fd = control.fd.get(), .events = POLLIN | POLLOUT, .revents = 0};
  EXPECT_EQ(poll(&entry, 1, 0), 0);
  Create(client, handle);
  EXPECT_EQ(poll(&entry, 1, 0), 1);
  EXPECT_EQ(entry.revents, POLLIN);
}

// A device is open until the last copy is closed, whoever has it.
TEST_F(ProtocolTest, TheLastCloseCloses) {
  const Client client(*serving_);
  const Said control = client.Open(DMDAX_KIND_CHAR, kControl, O_RDWR);
  const uint64_t handle = control.head.handle;
  Create(client, handle);
  Said device = client.Open(DMDAX_KIND_BLOCK, DMDAX_DEV(254, 0), O_RDONLY);
  ASSERT_EQ(device.head.error, 0);
  const pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  device.fd = Fd();
  EXPECT_EQ(client.Call(DmHead(handle, kRemove), DmRequest()).head.error,
            EBUSY);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_EQ(client.Call(DmHead(handle, kRemove), DmRequest()).head.error, 0);
}

// Acknowledged is kept, whatever becomes of the server.
TEST_F(ProtocolTest, KilledServer) {
  {
    const Client client(*serving_);
    const Said control = client.Open(DMDAX_KIND_CHAR, kControl, O_RDWR);
    Create(client, control.head.handle);
    serving_->End(SIGKILL);
    EXPECT_FALSE(client.Receive().has_value());
    // Its end of the pipe is gone, too.
    pollfd entry = {.fd = control.fd.get(), .events = 0, .revents = 0};
    EXPECT_EQ(poll(&entry, 1, 0), 1);
    EXPECT_EQ(entry.revents, POLLHUP);
  }
  // The next one takes the place of what it left.
  serving_ = std::make_unique<Serving>(state_);
  const Client client(*serving_);
  const Said control = client.Open(DMDAX_KIND_CHAR, kControl, O_RDWR);
  EXPECT_EQ(
      client.Call(DmHead(control.head.handle, kStatus), DmRequest()).head.error,
      0);
}

// Changes of other commands are seen, and wake who waits for them.
TEST_F(ProtocolTest, OtherCommandsChangeTheState) {
  const Client client(*serving_);
  const Said control = client.Open(DMDAX_KIND_CHAR, kControl, O_RDWR);
  const uint64_t handle = control.head.handle;
  Create(client, handle);
  client.Send(DmHead(handle, kWait), DmRequest());
  EXPECT_FALSE(client.HasAnswer());
  EXPECT_EQ(system(absl::StrCat(dmdax_command, " --state ", state_,
                                " remove d >/dev/null")
                       .c_str()),
            0);
  EXPECT_EQ(client.Receive()->head.error, 0);
  EXPECT_EQ(client.Call(DmHead(handle, kStatus), DmRequest()).head.error,
            ENXIO);
}

TEST_F(ProtocolTest, OneServerAState) {
  const Serving second(state_);
  EXPECT_EQ(second.socket(), "");
  EXPECT_EQ(Client(*serving_).Ping(), 0);
}

TEST_F(ProtocolTest, ShutDown) {
  const Client client(*serving_);
  EXPECT_EQ(client.Call(Client::Head(DMDAX_OP_SHUTDOWN)).head.error, 0);
  EXPECT_FALSE(client.Receive().has_value());
  EXPECT_EQ(serving_->End(0), 0);
  EXPECT_FALSE(std::filesystem::exists(serving_->socket()));
}

// Another user is shut out, by the kernel's word.  Only root can become one.
TEST_F(ProtocolTest, AnotherUser) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to be another user";
  // The mode is the first door; this is the second.
  ASSERT_EQ(chmod(state_.c_str(), 0755), 0);
  ASSERT_EQ(chmod(serving_->socket().c_str(), 0666), 0);
  const pid_t child = fork();
  if (child == 0) {
    if (setresgid(65534, 65534, 65534) != 0 ||
        setresuid(65534, 65534, 65534) != 0) {
      _exit(3);
    }
    const absl::StatusOr<Fd> fd = ConnectTo(serving_->socket());
    if (!fd.ok()) _exit(4);
    dmdax_message m = Client::Head(DMDAX_OP_HELLO);
    send(fd->get(), &m, sizeof(m), MSG_NOSIGNAL);
    const ssize_t n = recv(fd->get(), &m, sizeof(m), MSG_WAITALL);
    _exit(n == static_cast<ssize_t>(sizeof(m)) && m.error == EPERM ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 3) {
    GTEST_SKIP() << "there is no other user in this user namespace";
  }
  EXPECT_EQ(status, 0) << WEXITSTATUS(status);
}

}  // namespace
}  // namespace dmdax
