// SPDX-License-Identifier: Apache-2.0
//
// What tests of the resident machine share: a server on a state of its own, and
// a client that speaks server/protocol.h to it.
//
//   class DataTest : public ServingTest {};
//   TEST_F(DataTest, Ping) { EXPECT_EQ(Client(serving()).Ping(), 0); }
//
// The server is `dmdax serve` if the test's first argument is the command, and
// else a child of the test (serving_main.cc).
#ifndef DMDAX_TESTS_SERVER_SERVING_H_
#define DMDAX_TESTS_SERVER_SERVING_H_

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/fd.h"
#include "block/machine.h"
#include "server/fd_message.h"
#include "server/protocol.h"
#include "server/socket.h"
#include "state/session.h"
#include "state/state_dir.h"

namespace dmdax {

// Set by main(), of its arguments; or "".
inline std::string dmdax_command, preload_library, client_script;

// As `dmdax serve` does, until SIGTERM; the line that it prints goes to `out`.
void ServeHere(const std::string& state, int out);

class Serving {
 public:
  explicit Serving(std::string state) : state_(std::move(state)) {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    pid_ = fork();
    if (pid_ == 0) {
      close(ends[0]);
      if (dmdax_command.empty()) {
        ServeHere(state_, ends[1]);
        _exit(0);
      }
      dup2(ends[1], 1);
      execl(dmdax_command.c_str(), "dmdax", "--state", state_.c_str(), "serve",
            nullptr);
      _exit(127);
    }
    close(ends[1]);
    const Fd out(ends[0]);
    // It is ready when it has said where.
    char byte;
    while (read(out.get(), &byte, 1) == 1 && byte != '\n') socket_ += byte;
  }
  ~Serving() { End(SIGTERM); }

  int End(int signal) {
    if (pid_ <= 0) return -1;
    kill(pid_, signal);
    int status = -1;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return status;
  }
  const std::string& socket() const { return socket_; }
  pid_t pid() const { return pid_; }
  // What the server has given to write(2) and its like so far, and what it has
  // got from read(2).
  uint64_t written() const { return Moved("wchar:"); }
  uint64_t was_read() const { return Moved("rchar:"); }

 private:
  uint64_t Moved(absl::string_view what) const {
    std::ifstream io(absl::StrCat("/proc/", pid_, "/io"));
    std::string word;
    uint64_t number = 0;
    while (io >> word >> number) {
      if (word == what) return number;
    }
    ADD_FAILURE() << "no " << what;
    return 0;
  }

  const std::string state_;
  std::string socket_;
  pid_t pid_;
};

struct Said {
  dmdax_message head = {};
  std::string bytes;
  Fd fd = Fd();
};

class Client {
 public:
  explicit Client(const Serving& serving) {
    absl::StatusOr<Fd> fd = ConnectTo(serving.socket());
    EXPECT_TRUE(fd.ok()) << fd.status();
    if (fd.ok()) fd_ = *std::move(fd);
  }
  static dmdax_message Head(dmdax_op op, uint64_t handle = 0) {
    dmdax_message m = {};
    m.length = sizeof(m);
    m.version = DMDAX_PROTOCOL;
    m.op = static_cast<uint16_t>(op);
    m.handle = handle;
    m.serial = 42;
    return m;
  }
  // `fd` goes along, unless it is negative.
  void Send(dmdax_message m, const std::string& bytes = "", int fd = -1) const {
    m.length += static_cast<uint32_t>(bytes.size());
    m.fds = fd >= 0 ? 1 : m.fds;
    const std::string all =
        std::string(reinterpret_cast<const char*>(&m), sizeof(m)) + bytes;
    SendRaw(all.data(), all.size(), fd);
  }
  // Bytes as they are; `fd` goes along, whatever they say of descriptors.
  void SendRaw(const void* bytes, size_t size, int fd = -1) const {
    iovec part = {const_cast<void*>(bytes), size};
    FdRoom room;
    msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (fd >= 0) PutFd(fd, &room, &message);
    EXPECT_EQ(sendmsg(fd_.get(), &message, MSG_NOSIGNAL),
              static_cast<ssize_t>(size));
  }
  // Nothing: the server has hung up.
  std::optional<Said> Receive() const {
    Said said;
    iovec part = {&said.head, sizeof(said.head)};
    FdRoom room;
    msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    GiveRoom(&room, &message);
    if (recvmsg(fd_.get(), &message, MSG_WAITALL) !=
        static_cast<ssize_t>(sizeof(said.head))) {
      return std::nullopt;
    }
    said.fd = Fd(FdOfMessage(message));
    said.bytes.resize(said.head.length - sizeof(said.head));
    if (!said.bytes.empty()) {
      recv(fd_.get(), said.bytes.data(), said.bytes.size(), MSG_WAITALL);
    }
    return said;
  }
  Said Call(const dmdax_message& m, const std::string& bytes = "",
            int fd = -1) const {
    Send(m, bytes, fd);
    std::optional<Said> said = Receive();
    EXPECT_TRUE(said.has_value());
    return said ? *std::move(said) : Said{.head = {.error = EPIPE}};
  }
  int Ping() const { return Call(Head(DMDAX_OP_PING)).head.error; }
  Said Open(uint64_t kind, uint64_t dev, int flags) const {
    dmdax_message m = Head(DMDAX_OP_OPEN);
    m.flags = static_cast<uint32_t>(flags);
    m.arg[0] = kind;
    m.arg[1] = dev;
    return Call(m);
  }
  // The errno of an op with numbers alone.
  int Do(dmdax_op op, uint64_t handle, uint64_t arg0 = 0, uint64_t arg1 = 0,
         uint32_t flags = 0) const {
    dmdax_message m = Head(op, handle);
    m.flags = flags;
    m.arg[0] = arg0;
    m.arg[1] = arg1;
    return Call(m).head.error;
  }
  // ioctl(2) of a block device, as root.
  Said Ioctl(uint64_t handle, uint32_t command, uint64_t value = 0,
             const std::string& bytes = "", int fd = -1,
             uint32_t flags = DMDAX_AS_ROOT) const {
    dmdax_message m = Head(DMDAX_OP_IOCTL, handle);
    m.flags = flags;
    m.arg[0] = command;
    m.arg[1] = value;
    return Call(m, bytes, fd);
  }
  static dmdax_message WriteHead(uint64_t handle, uint64_t offset) {
    dmdax_message m = Head(DMDAX_OP_WRITE, handle);
    m.arg[0] = offset;
    return m;
  }
  int Write(uint64_t handle, uint64_t offset, const std::string& bytes) const {
    return Call(WriteHead(handle, offset), bytes).head.error;
  }
  // The bytes, or "E" and the errno.
  std::string Read(uint64_t handle, uint64_t offset, uint64_t size) const {
    dmdax_message m = Head(DMDAX_OP_READ, handle);
    m.arg[0] = offset;
    m.arg[1] = size;
    const Said said = Call(m);
    return said.head.error != 0 ? absl::StrCat("E", said.head.error)
                                : said.bytes;
  }
  bool HasAnswer() const {
    pollfd entry = {.fd = fd_.get(), .events = POLLIN, .revents = 0};
    return poll(&entry, 1, 300) == 1;
  }
  void HangUp() { fd_ = Fd(); }

 private:
  Fd fd_;
};

inline constexpr uint64_t kControl = DMDAX_DEV(10, 236);

// A struct dm_ioctl for the device `d`, and what is behind it.
inline std::string DmRequest(const std::string& behind = "",
                             uint32_t rows = 0) {
  std::string bytes(312, '\0');
  const uint32_t version = 4;
  memcpy(bytes.data(), &version, 4);
  bytes += behind;
  bytes.resize(4096);
  const uint32_t size = 4096, start = 312;
  memcpy(bytes.data() + 12, &size, 4);
  memcpy(bytes.data() + 16, &start, 4);
  memcpy(bytes.data() + 20, &rows, 4);
  bytes[48] = 'd';
  return bytes;
}
inline dmdax_message DmHead(uint64_t handle, uint32_t cmd) {
  dmdax_message m = Client::Head(DMDAX_OP_IOCTL, handle);
  m.arg[0] = 0xc138fd00u | cmd;
  return m;
}
inline constexpr uint32_t kCreate = 3, kRemove = 4, kSuspend = 6, kResume = 6,
                          kStatus = 7, kWait = 8, kLoad = 9;

inline std::string ZeroRow() {
  std::string spec(40, '\0');
  spec[8] = 8;  // sectors
  memcpy(spec.data() + 24, "zero", 4);
  return spec;
}

// A row "0 8 TYPE ARGUMENTS".
inline std::string Row(const std::string& type, const std::string& arguments) {
  std::string spec(40, '\0');
  spec[8] = 8;  // sectors
  memcpy(spec.data() + 24, type.data(), type.size());
  spec += arguments;
  spec.resize((spec.size() + 8) / 8 * 8);
  return spec;
}

// Suspends the device `d` (DM_SUSPEND_FLAG), or resumes it.
inline std::string DmSuspend() {
  std::string bytes = DmRequest();
  bytes[28] = 2;
  return bytes;
}

class ServingTest : public testing::Test {
 protected:
  void SetUp() override {
    state_ = testing::TempDir() + "serve_XXXXXX";
    ASSERT_NE(mkdtemp(state_.data()), nullptr);
    Prepare();
    Serve();
  }
  // Before there is a server.
  virtual void Prepare() {}
  void Serve() {
    serving_ = std::make_unique<Serving>(state_);
    ASSERT_NE(serving_->socket(), "");
  }
  const Serving& serving() const { return *serving_; }
  // What another command does to the state.
  void AddSda(uint64_t bytes) const {
    Change([&](Session& session) {
      BlockOptions sda;
      sda.name = "sda";
      sda.dev = DevT{8, 0};
      sda.nr_sectors = bytes / 512;
      EXPECT_TRUE(session.machine->AddBlock(sda).ok());
    });
  }
  void Change(absl::FunctionRef<void(Session&)> change) const {
    absl::StatusOr<StateDir> dir = StateDir::Open(state_, StateDir::kWrite);
    ASSERT_TRUE(dir.ok()) << dir.status();
    absl::StatusOr<proto::StateSnapshot> snapshot = dir->Read();
    ASSERT_TRUE(snapshot.ok()) << snapshot.status();
    absl::StatusOr<Session> session =
        SessionFromState(*snapshot, dir->disk_files());
    ASSERT_TRUE(session.ok()) << session.status();
    change(*session);
    const absl::Status s =
        dir->Write(SnapshotOf(*session, snapshot->generation()));
    ASSERT_TRUE(s.ok()) << s;
  }
  // The device d with a live table.
  void Create(const Client& client, uint64_t control,
              const std::string& row = ZeroRow()) {
    EXPECT_EQ(client.Call(DmHead(control, kCreate), DmRequest()).head.error, 0);
    EXPECT_EQ(client.Call(DmHead(control, kLoad), DmRequest(row, 1)).head.error,
              0);
    EXPECT_EQ(client.Call(DmHead(control, kResume), DmRequest()).head.error, 0);
  }

  std::string state_;
  std::unique_ptr<Serving> serving_;
};

}  // namespace dmdax

#endif  // DMDAX_TESTS_SERVER_SERVING_H_
