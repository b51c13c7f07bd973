// SPDX-License-Identifier: Apache-2.0
//
// Several threads: whose call a signal ends, and what a child has that was
// forked while another thread was in an ioctl.
#include <gtest/gtest.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "tests/preload/control.h"

namespace dmdax {
namespace {

namespace fs = std::filesystem;

class ThreadTest : public testing::Test {
 protected:
  void SetUp() override { control_.Create("d"); }
  void TearDown() override {
    EXPECT_EQ(control_.Do(DM_REMOVE_ALL_CMD, Request("")), 0);
  }
  int Wait() const { return control_.Do(DM_DEV_WAIT_CMD, Request("d")); }

  Control control_;
};

std::atomic<int> handled = 0;

void Handle(int signal, int flags) {
  struct sigaction action = {};
  action.sa_handler = [](int) { ++handled; };
  action.sa_flags = flags;
  sigaction(signal, &action, nullptr);
  handled = 0;
}

// Another thread, which takes signals as well as the first one.
class Idle {
 public:
  Idle()
      : thread_([this] {
          while (!over_) usleep(1000);
        }) {}
  ~Idle() {
    over_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

// Sends `signal` to the process again and again: one that comes before the
// call ends nothing.
class Signals {
 public:
  explicit Signals(int signal) : sender_(fork()) {
    if (sender_ != 0) return;
    while (true) {
      usleep(kLaterMs * 1000);
      if (kill(getppid(), signal) != 0) _exit(0);
    }
  }
  ~Signals() {
    kill(sender_, SIGKILL);
    waitpid(sender_, nullptr, 0);
  }

 private:
  const pid_t sender_;
};

// The kernel gives a signal of the process to its first thread if that takes
// it, even if others could.
TEST_F(ThreadTest, ASignalEndsTheWaiting) {
  Handle(SIGUSR1, 0);
  const Idle a, b;
  const Signals signals(SIGUSR1);
  EXPECT_EQ(Wait(), EINTR);
  EXPECT_EQ(handled, 1);
}

TEST_F(ThreadTest, ASignalEndsThePolling) {
  Handle(SIGUSR1, SA_RESTART);
  control_.Arm();
  const Idle a, b;
  const Signals signals(SIGUSR1);
  EXPECT_EQ(control_.Poll(kLongMs), -1);
  EXPECT_EQ(errno, EINTR);
  EXPECT_EQ(handled, 1);
}

// And not to a thread that does not take it.
TEST_F(ThreadTest, ASignalOfAnotherThreadDoesNot) {
  Handle(SIGUSR1, 0);
  std::atomic<bool> over = false;
  int result = -1;
  std::thread waiter([&] {
    sigset_t usr1;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &usr1, nullptr);
    result = Wait();
    over = true;
  });
  usleep(kLaterMs * 1000);
  kill(getpid(), SIGUSR1);
  usleep(kLaterMs * 1000);
  EXPECT_EQ(handled, 1);
  EXPECT_FALSE(over);
  EXPECT_EQ(control_.Rename("d", "e"), 0);
  waiter.join();
  EXPECT_EQ(result, 0);
}

TEST_F(ThreadTest, EachWaitsForItself) {
  control_.Create("e");
  int d = -1, e = -1;
  std::thread waits_for_d([&] { d = Wait(); });
  std::thread waits_for_e(
      [&] { e = control_.Do(DM_DEV_WAIT_CMD, Request("e")); });
  usleep(kLaterMs * 1000);
  EXPECT_EQ(control_.Remove("d"), 0);
  waits_for_d.join();
  EXPECT_EQ(control_.Remove("e"), 0);
  waits_for_e.join();
  EXPECT_EQ(d, 0);
  EXPECT_EQ(e, 0);
}

// A file of the state's that this process has open, "" if there is none.
std::string OpenStateFile() {
  const std::string state = getenv("DMDAX_STATE");
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const std::string path = fs::read_symlink(entry.path(), gone);
    if (path.starts_with(state)) return path;
  }
  return "";
}

// Forked while other threads are in an ioctl: has no lock of theirs, whether
// they read or write, and can do everything itself.
TEST_F(ThreadTest, AChildHoldsNoLock) {
  constexpr int kChildren = 40;
  std::atomic<bool> over = false;
  std::atomic<int> done = 0;
  std::vector<std::thread> threads;
  for (const std::string name : {"x", "y"}) {
    threads.emplace_back([&, name] {
      while (!over) {
        EXPECT_EQ(control_.Do(DM_DEV_CREATE_CMD, Request(name)), 0);
        EXPECT_EQ(control_.Do(DM_DEV_STATUS_CMD, Request(name)), 0);
        EXPECT_EQ(control_.Remove(name), 0);
        ++done;
      }
    });
  }
  // Each child's errno of the first thing that failed.
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  std::vector<pid_t> children;
  for (int i = 0; i < kChildren; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(20);
      const std::string name = "c" + std::to_string(i);
      int error = OpenStateFile().empty() ? 0 : EMFILE;
      if (error == 0) error = control_.Do(DM_DEV_CREATE_CMD, Request(name));
      if (error == 0) error = control_.Remove(name);
      if (write(ends[1], &error, sizeof(error)) < 0) _exit(1);
      pause();  // holding whatever it holds
    }
    children.push_back(child);
    usleep(1000);
  }
  close(ends[1]);
  int error = -1, answers = 0;
  for (; answers < kChildren; ++answers) {
    if (read(ends[0], &error, sizeof(error)) != sizeof(error)) break;
    EXPECT_EQ(error, 0) << strerror(error);
  }
  EXPECT_EQ(answers, kChildren) << "the others hang";
  const int before = done;
  for (int i = 0; i < 1000 && done < before + 4; ++i) usleep(10'000);
  EXPECT_GE(done, before + 4) << "the parent hangs";
  over = true;
  for (pid_t child : children) {
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  }
  for (std::thread& thread : threads) thread.join();
  close(ends[0]);
}

// A handler may do what it likes.
TEST_F(ThreadTest, AHandlerCallsIoctls) {
  static const Control* const control = new Control;
  static std::atomic<int> errors = 0;
  struct sigaction action = {};
  action.sa_handler = [](int) {
    const int before = errno;
    if (control->Do(DM_DEV_STATUS_CMD, Request("d")) != 0) ++errors;
    const pid_t child = fork();
    if (child == 0) {
      _exit(control->Do(DM_DEV_STATUS_CMD, Request("d")) == 0 ? 0 : 1);
    }
    int status = -1;
    if (waitpid(child, &status, 0) != child || status != 0) ++errors;
    ++handled;
    errno = before;
  };
  sigaction(SIGUSR2, &action, nullptr);
  handled = 0;
  const pthread_t self = pthread_self();
  std::atomic<bool> over = false;
  std::thread sender([&] {
    for (int n = 1; !over; ++n) {
      pthread_kill(self, SIGUSR2);
      while (handled < n && !over) usleep(1000);
      usleep(5000);
    }
  });
  while (handled < 5) {
    EXPECT_EQ(control_.Do(DM_DEV_CREATE_CMD, Request("x")), 0);
    EXPECT_EQ(control_.Remove("x"), 0);
  }
  over = true;
  sender.join();
  EXPECT_EQ(errors, 0);
}

}  // namespace
}  // namespace dmdax
