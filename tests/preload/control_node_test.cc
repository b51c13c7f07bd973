// SPDX-License-Identifier: Apache-2.0
//
// What a program sees that waits for events of device-mapper, as multipathd
// and dmeventd do: poll(2) after DM_DEV_ARM_POLL, and DM_DEV_WAIT.
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <string>

#include "tests/preload/control.h"

namespace dmdax {
namespace {

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
