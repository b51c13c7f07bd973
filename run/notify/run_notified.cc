// SPDX-License-Identifier: Apache-2.0
#include "run/notify/run_notified.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "run/notify/call.h"
#include "run/notify/listener.h"
#include "run/notify/machine_client.h"
#include "run/notify/open_files.h"
#include "run/notify/orphans.h"
#include "run/notify/workers.h"
#include "server/server.h"

namespace dmdax::run {
namespace {

// Above what programs come to with files of their own, and below 1024 numbers,
// which is all that select(2) knows.
absl::StatusOr<DescriptorNumbers> NumbersForDevices() {
  constexpr rlim_t kUsual = 900, kMost = 4096, kFewest = 32;
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return ErrnoError(errno, "no limit of open files");
  }
  if (limit.rlim_cur < kFewest) {
    return ErrnoError(
        EMFILE, absl::StrCat("the limit of open files is ", limit.rlim_cur,
                             ": --door=notify needs ", kFewest,
                             " or more (ulimit -n)"));
  }
  return DescriptorNumbers{
      static_cast<int>(std::min(kUsual, limit.rlim_cur / 8 * 7)),
      static_cast<int>(std::min(kMost, limit.rlim_cur))};
}

sigset_t OurSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal :
       {SIGCHLD, SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2}) {
    sigaddset(&signals, signal);
  }
  return signals;
}

// Those that a terminal sends reach the command without us.
bool IsTerminals(const signalfd_siginfo& info) {
  return info.ssi_code == SI_KERNEL &&
         (info.ssi_signo == SIGINT || info.ssi_signo == SIGQUIT);
}

int ServeUntilEnd(pid_t command, const Fd& signals, OpenFiles& files) {
  for (;;) {
    if (const std::optional<int> status = Bury(command)) return *status;
    pollfd ready[2] = {{signals.get(), POLLIN, 0},
                       {files.watch_fd(), POLLIN, 0}};
    if (poll(ready, 2, -1) < 0) continue;
    if (ready[1].revents != 0) files.Reap();
    signalfd_siginfo info;
    while (read(signals.get(), &info, sizeof(info)) == sizeof(info)) {
      if (info.ssi_signo != SIGCHLD && !IsTerminals(info)) {
        kill(command, static_cast<int>(info.ssi_signo));
      }
    }
  }
}

// Serves a server of this process, as long as the object lives.
class Serving {
 public:
  Serving(Server* server, pid_t command) {
    if (server == nullptr) return;
    thread_ = std::thread([this, server, command] {
      status_ = server->Run(end_.get());
      // A machine that has failed has no programs.
      if (!status_.ok()) kill(command, SIGKILL);
    });
  }
  ~Serving() { End().IgnoreError(); }
  Serving(const Serving&) = delete;
  Serving& operator=(const Serving&) = delete;

  absl::Status End() {
    if (thread_.joinable()) {
      const uint64_t once = 1;
      [[maybe_unused]] const ssize_t n = write(end_.get(), &once, sizeof(once));
      thread_.join();
    }
    return status_;
  }

 private:
  const Fd end_{eventfd(0, EFD_CLOEXEC)};
  absl::Status status_;
  std::thread thread_;
};

// What is made for a program has the rights that it says.
class NoUmask {
 public:
  NoUmask() : before_(umask(0)) {}
  ~NoUmask() { umask(before_); }
  NoUmask(const NoUmask&) = delete;
  NoUmask& operator=(const NoUmask&) = delete;

 private:
  const mode_t before_;
};

absl::StatusOr<std::unique_ptr<MachineClient>> MachineOf(
    const NotifyOptions& options) {
  if (options.server == nullptr) return MachineClient::Connect(options.socket);
  return MachineClient::Of(*options.server, options.socket);
}

}  // namespace

absl::StatusOr<int> RunNotified(const NotifyOptions& options) {
  const absl::StatusOr<DescriptorNumbers> numbers = NumbersForDevices();
  if (!numbers.ok()) return numbers.status();
  absl::StatusOr<std::unique_ptr<MachineClient>> machine = MachineOf(options);
  if (!machine.ok()) return machine.status();
  OpenFiles files(**machine);

  const Orphans orphans;
  const sigset_t ours = OurSignals();
  // A pipe that nobody reads any more is an errno.
  sigset_t blocked = ours;
  sigaddset(&blocked, SIGPIPE);
  sigset_t before;
  sigprocmask(SIG_BLOCK, &blocked, &before);
  const Fd signals(signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals.ok()) return ErrnoError(errno, "no descriptor for signals");
  const std::string& file =
      options.file.empty() ? options.command[0] : options.file;
  absl::StatusOr<NotifiedChild> child = StartNotified(
      file, options.command, SyscallFilter(*numbers, options.ids), before);
  if (!child.ok()) return child.status();
  const NoUmask no_umask;
  Serving serving(options.server, child->pid);
  Doorway door{child->listener, **machine, files, *numbers, options.ids, {}};
  absl::StatusOr<int> result = 0;
  {
    Workers workers(door);
    const absl::Status executed = AwaitExecution(*child, file);
    result =
        executed.ok()
            ? absl::StatusOr<int>(ServeUntilEnd(child->pid, signals, files))
            : executed;
    orphans.Kill();
  }
  if (absl::Status s = serving.End(); !s.ok()) result = s;
  sigprocmask(SIG_SETMASK, &before, nullptr);
  return result;
}

}  // namespace dmdax::run
