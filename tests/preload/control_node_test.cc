// SPDX-License-Identifier: Apache-2.0
//
// What a program sees that waits for events of device-mapper, as multipathd
// and dmeventd do: poll(2) after DM_DEV_ARM_POLL, and DM_DEV_WAIT.
//
// The program is its own test: main() starts it again under the library.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>

#include "dm/wire/ctl_ioctl.h"

namespace dmdax {
namespace {

using L = DmIoctlLayout;
using Buffer = std::array<char, 4096>;

// Blocked for as long, another process is sure to have had its turn.
constexpr int kLaterMs = 300, kLongMs = 20'000;

// _IOWR(DM_IOCTL, cmd, struct dm_ioctl).
constexpr uint32_t Number(DmCommand cmd) {
  return (3u << 30) | (uint32_t{L::kSize} << 16) | (kDmIoctlType << 8) | cmd;
}

// A request for the device, with what lies behind the struct.
Buffer Request(const std::string& name, uint32_t flags = 0,
               uint32_t event_nr = 0, const std::string& data = "") {
  Buffer buffer = {};
  const uint32_t version[3] = {4, 0, 0}, size = sizeof(buffer);
  const uint32_t start = L::kSize;
  memcpy(buffer.data() + L::kVersion, version, sizeof(version));
  memcpy(buffer.data() + L::kDataSize, &size, sizeof(size));
  memcpy(buffer.data() + L::kDataStart, &start, sizeof(start));
  memcpy(buffer.data() + L::kFlags, &flags, sizeof(flags));
  memcpy(buffer.data() + L::kEventNr, &event_nr, sizeof(event_nr));
  memcpy(buffer.data() + L::kName, name.data(), name.size());
  memcpy(buffer.data() + L::kSize, data.data(), data.size());
  return buffer;
}

uint32_t EventNr(const Buffer& buffer) {
  uint32_t nr;
  memcpy(&nr, buffer.data() + L::kEventNr, sizeof(nr));
  return nr;
}

// One open of the control node.
class Control {
 public:
  Control() : fd_(open64("/dev/mapper/control", O_RDWR)) { EXPECT_GE(fd_, 0); }
  ~Control() { close(fd_); }

  // 0 or errno.
  int Do(DmCommand cmd, Buffer& buffer) const {
    return ioctl(fd_, Number(cmd), buffer.data()) == 0 ? 0 : errno;
  }
  int Do(DmCommand cmd, Buffer&& buffer) const { return Do(cmd, buffer); }

  // A device with a table of nothing but zeroes.
  void Create(const std::string& name) const {
    ASSERT_EQ(Do(DM_DEV_CREATE_CMD, Request(name)), 0);
    std::string spec(40, '\0');
    spec[8] = 8;  // sectors
    memcpy(spec.data() + 24, "zero", 4);
    Buffer load = Request(name, 0, 0, spec);
    load[L::kTargetCount] = 1;
    ASSERT_EQ(Do(DM_TABLE_LOAD_CMD, load), 0);
    ASSERT_EQ(Do(DM_DEV_SUSPEND_CMD, Request(name)), 0);
  }
  int Rename(const std::string& from, const std::string& to) const {
    return Do(DM_DEV_RENAME_CMD, Request(from, 0, 0, to));
  }
  int Remove(const std::string& name) const {
    return Do(DM_DEV_REMOVE_CMD, Request(name));
  }

  // poll(2): what is ready, or -1.
  int Poll(int timeout_ms) const {
    pollfd entry = {.fd = fd_, .events = POLLIN | POLLPRI};
    const int ready = poll(&entry, 1, timeout_ms);
    EXPECT_EQ(ready > 0, entry.revents != 0);
    return ready < 0 ? -1 : entry.revents;
  }
  void Arm() const { ASSERT_EQ(Do(DM_DEV_ARM_POLL_CMD, Request("")), 0); }
  int fd() const { return fd_; }

 private:
  const int fd_;
};

// Does it in another process, a little later.
class Later {
 public:
  explicit Later(const std::function<bool()>& what) : pid_(fork()) {
    if (pid_ != 0) return;
    usleep(kLaterMs * 1000);
    _exit(what() ? 0 : 1);
  }
  ~Later() {
    int status = -1;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    EXPECT_EQ(status, 0);
  }

 private:
  const pid_t pid_;
};

class ControlNodeTest : public testing::Test {
 protected:
  void SetUp() override { control_.Create("d"); }
  void TearDown() override {
    EXPECT_EQ(control_.Do(DM_REMOVE_ALL_CMD, Request("")), 0);
  }
  // DM_DEV_WAIT for an event after `event_nr`.
  int Wait(uint32_t event_nr, uint32_t* reply = nullptr) {
    Buffer buffer = Request("d", 0, event_nr);
    const int error = control_.Do(DM_DEV_WAIT_CMD, buffer);
    if (reply != nullptr) *reply = EventNr(buffer);
    return error;
  }

  Control control_;
};

TEST_F(ControlNodeTest, PollsAsArmed) {
  const Control other;
  EXPECT_EQ(other.Poll(0), 0) << "nothing since the open";
  EXPECT_EQ(control_.Poll(0), POLLIN) << "SetUp() was an event";
  control_.Arm();
  EXPECT_EQ(control_.Poll(0), 0);
  ASSERT_EQ(control_.Rename("d", "e"), 0);
  EXPECT_EQ(control_.Poll(0), POLLIN);
  EXPECT_EQ(control_.Poll(0), POLLIN) << "until it is armed again";
  EXPECT_EQ(other.Poll(0), POLLIN);
  control_.Arm();
  EXPECT_EQ(control_.Poll(0), 0);
  EXPECT_EQ(other.Poll(0), POLLIN) << "each open has its own number";
}

TEST_F(ControlNodeTest, PollsUntilTheTimeIsOver) {
  control_.Arm();
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(control_.Poll(kLaterMs), 0);
  EXPECT_GE(std::chrono::steady_clock::now() - begin,
            std::chrono::milliseconds(kLaterMs));
  const timespec timeout = {.tv_sec = 0, .tv_nsec = 1000};
  pollfd entry = {.fd = control_.fd(), .events = POLLIN};
  EXPECT_EQ(ppoll(&entry, 1, &timeout, nullptr), 0);
}

TEST_F(ControlNodeTest, PollsUntilAnotherProcessCausesAnEvent) {
  control_.Arm();
  const Later later([] { return Control().Remove("d") == 0; });
  EXPECT_EQ(control_.Poll(kLongMs), POLLIN);
}

TEST_F(ControlNodeTest, PollsOtherDescriptorsBesides) {
  control_.Arm();
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  pollfd entries[] = {{.fd = ends[0], .events = POLLIN},
                      {.fd = control_.fd(), .events = POLLIN}};
  EXPECT_EQ(poll(entries, 2, 0), 0);
  {
    const Later later([&] { return write(ends[1], "x", 1) == 1; });
    EXPECT_EQ(poll(entries, 2, kLongMs), 1);
    EXPECT_EQ(entries[0].revents, POLLIN);
    EXPECT_EQ(entries[1].revents, 0);
  }
  ASSERT_EQ(control_.Rename("d", "e"), 0);
  EXPECT_EQ(poll(entries, 2, kLongMs), 2);
  EXPECT_EQ(entries[1].revents, POLLIN);
  close(ends[0]);
  close(ends[1]);
}

// wait_event_interruptible() is for another number, not for a higher one.
TEST_F(ControlNodeTest, WaitsForNoNumberButItsOwn) {
  uint32_t reply = 99;
  EXPECT_EQ(Wait(7, &reply), 0);
  EXPECT_EQ(reply, 0u);
}

TEST_F(ControlNodeTest, WaitsUntilAnEvent) {
  const Later later([] {
    const Control c;
    return c.Rename("d", "e") == 0;
  });
  uint32_t reply = 99;
  EXPECT_EQ(Wait(0, &reply), 0) << "the name it was called by is no more";
  EXPECT_EQ(reply, 1u);
}

TEST_F(ControlNodeTest, WaitsUntilTheDeviceIsRemoved) {
  const Later later([] { return Control().Remove("d") == 0; });
  uint32_t reply = 99;
  EXPECT_EQ(Wait(0, &reply), 0);
  EXPECT_EQ(reply, 1u);
}

TEST_F(ControlNodeTest, NobodyWaitsForADeviceThatNeverWas) {
  ASSERT_EQ(control_.Remove("d"), 0);
  EXPECT_EQ(Wait(0), ENXIO);
}

int handled = 0;

void OnSignal(int signal, int flags) {
  struct sigaction action = {};
  action.sa_handler = [](int) { ++handled; };
  action.sa_flags = flags;
  sigaction(signal, &action, nullptr);
  handled = 0;
}

// SIGALRM's handler is called again and again: one that comes before the call
// ends nothing.
class Alarms {
 public:
  Alarms() { Set(kLaterMs * 1000); }
  ~Alarms() { Set(0); }

 private:
  static void Set(suseconds_t period) {
    const itimerval timer = {.it_interval = {.tv_usec = period},
                             .it_value = {.tv_usec = period}};
    setitimer(ITIMER_REAL, &timer, nullptr);
  }
};

TEST_F(ControlNodeTest, ASignalEndsTheWaiting) {
  OnSignal(SIGALRM, 0);
  const Alarms alarms;
  EXPECT_EQ(Wait(0), EINTR);
  EXPECT_GE(handled, 1);
}

// poll(2) is not restarted, whatever the handler's flags.
TEST_F(ControlNodeTest, ASignalEndsThePolling) {
  OnSignal(SIGALRM, SA_RESTART);
  control_.Arm();
  const Alarms alarms;
  EXPECT_EQ(control_.Poll(kLongMs), -1);
  EXPECT_EQ(errno, EINTR);
  EXPECT_GE(handled, 1);
}

TEST_F(ControlNodeTest, ASignalThatRestartsDoesNot) {
  OnSignal(SIGUSR1, SA_RESTART);
  const pid_t us = getpid();
  const Later later([us] {
    if (kill(us, SIGUSR1) != 0) return false;
    usleep(kLaterMs * 1000);
    return Control().Remove("d") == 0;
  });
  EXPECT_EQ(Wait(0), 0);
  EXPECT_EQ(handled, 1);
}

}  // namespace
}  // namespace dmdax

int main(int argc, char** argv) {
  if (getenv("LD_PRELOAD") == nullptr && argc == 2) {
    std::string state = testing::TempDir() + "control_node_XXXXXX";
    if (mkdtemp(state.data()) == nullptr) return 1;
    setenv("DMDAX_STATE", state.c_str(), 1);
    setenv("LD_PRELOAD", std::filesystem::absolute(argv[1]).c_str(), 1);
    execv("/proc/self/exe", argv);
    return 1;
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
