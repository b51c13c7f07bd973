// SPDX-License-Identifier: Apache-2.0
#include "run/run_command.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <optional>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/fd.h"
#include "run/foreign_rights.h"
#include "run/notify/orphans.h"
#include "run/notify/run_notified.h"
#include "run/raw_call.h"
#include "run/runs_alone.h"
#include "server/protocol.h"

namespace dmdax {
namespace {

namespace fs = std::filesystem;

constexpr char kLibrary[] = "libdmdax_preload.so";

// Beside the command: as it is built, and as it is installed.
absl::StatusOr<std::string> PreloadLibrary() {
  std::error_code error;
  const fs::path here = fs::canonical("/proc/self/exe", error).parent_path();
  for (const char* at : {"../run/preload", "../lib/dmdax", "."}) {
    const fs::path path = fs::canonical(here / at / kLibrary, error);
    if (!error) return path.string();
  }
  return ErrnoError(ENOENT, absl::StrCat("there is no ", kLibrary, " in ",
                                         (here / "../lib/dmdax").string()));
}

// Whether a supervisor of another machine answers this process's system calls:
// it takes a node for a device wherever it is.  Asked of the kernel, past a
// library in front of libc, which is another machine's no longer.
bool HasSupervisor() {
  const Fd node(memfd_create("node", MFD_CLOEXEC));
  timespec times[2] = {};
  times[0].tv_nsec = UTIME_OMIT;
  times[1].tv_nsec = DMDAX_NODE_NSEC + DMDAX_KIND_CHAR;
  if (!node.ok() || fchmod(node.get(), DMDAX_NODE_MODE & 07777) != 0 ||
      futimens(node.get(), times) != 0) {
    return false;
  }
  struct statx st;
  const std::string path = absl::StrCat("/proc/self/fd/", node.get());
  return run::RawCall(SYS_statx, AT_FDCWD, path.c_str(), 0, STATX_TYPE, &st) ==
             0 &&
         !S_ISREG(st.stx_mode);
}

absl::Status SetPreload() {
  if (HasSupervisor()) {
    return ErrnoError(
        EBUSY,
        "another machine's --door=notify runs around this program, "
        "and would answer for the devices of this one");
  }
  absl::StatusOr<std::string> library = PreloadLibrary();
  if (!library.ok()) return library.status();
  const char* const others = getenv("LD_PRELOAD");
  const bool any = others != nullptr && *others != '\0';
  setenv("LD_PRELOAD",
         any ? absl::StrCat(*library, ":", others).c_str() : library->c_str(),
         1);
  return absl::OkStatus();
}

// The environment of the command.
absl::Status SetEnvironment(const RunOptions& options) {
  if (options.door != Door::kNotify) {
    if (absl::Status s = SetPreload(); !s.ok()) return s;
  }
  if (options.door == Door::kBoth) {
    std::error_code error;
    const fs::path self = fs::canonical("/proc/self/exe", error);
    if (!error) setenv(DMDAX_SUPERVISOR_ENV, self.c_str(), 1);
  } else {
    unsetenv(DMDAX_SUPERVISOR_ENV);
  }
  setenv(DMDAX_SOCKET_ENV, options.socket.c_str(), 1);
  if (options.ids == RunOptions::kRoot) {
    setenv(DMDAX_ROOT_ENV, "1", 1);
  } else {
    unsetenv(DMDAX_ROOT_ENV);
  }
  if (!options.state.empty()) setenv("DMDAX_STATE", options.state.c_str(), 1);
  // The host's udev knows nothing of the machine: nobody would answer.
  setenv("DM_DISABLE_UDEV", "1", 1);
  // The connection to the server is no leak.
  setenv("LVM_SUPPRESS_FD_WARNINGS", "1", 0);
  return absl::OkStatus();
}

// What exec(2) does for a program: a supervisor has no copy of the server's
// descriptors, or nobody would see that the server is gone; and it goes with
// the server.
void LeaveServer() {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  DIR* const all = opendir("/proc/self/fd");
  if (all == nullptr) return;
  std::vector<int> ours;
  while (const dirent* const entry = readdir(all)) {
    const int fd = atoi(entry->d_name);
    const int flags = fcntl(fd, F_GETFD);
    if (fd != dirfd(all) && flags > 0 && (flags & FD_CLOEXEC) != 0) {
      ours.push_back(fd);
    }
  }
  closedir(all);
  for (const int fd : ours) close(fd);
}

// Those that a terminal sends reach the command without us.
bool IsTerminals(const signalfd_siginfo& info) {
  return info.ssi_code == SI_KERNEL &&
         (info.ssi_signo == SIGINT || info.ssi_signo == SIGQUIT);
}

sigset_t OurSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (int signal :
       {SIGCHLD, SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2}) {
    sigaddset(&signals, signal);
  }
  return signals;
}

// Passes on what has come.  The command's exit status, if that was its end.
std::optional<int> TakeSignals(const Fd& signals, pid_t command) {
  signalfd_siginfo info;
  while (read(signals.get(), &info, sizeof(info)) == sizeof(info)) {
    if (info.ssi_signo != SIGCHLD && !IsTerminals(info)) {
      kill(command, static_cast<int>(info.ssi_signo));
    }
  }
  return run::Bury(command);
}

// Executes command[0], by a name as execvp(3) finds it, with the words from
// `argv0` on; returns only why it can not be.
absl::Status Execute(const std::vector<std::string>& command, size_t argv0) {
  std::vector<char*> words;
  for (const std::string& word : command) {
    words.push_back(const_cast<char*>(word.c_str()));
  }
  words.push_back(nullptr);
  execvp(words[0], words.data() + argv0);
  return ErrnoError(
      errno, absl::StrCat("cannot run '", command[0], "': ", ErrnoText(errno)));
}

run::UserIds IdsOf(const RunOptions& options) {
  return options.ids == RunOptions::kRoot ? run::UserIds::kRoot
                                          : run::UserIds::kOwn;
}

// Runs the command in place of this process, or (Door::kNotify) as all that
// this process does from now on, beside serving `server`, if there is one; then
// its exit status is returned.
absl::StatusOr<int> RunHere(const RunOptions& options, Server* server) {
  if (absl::Status s = SetEnvironment(options); !s.ok()) return s;
  if (options.door == Door::kNotify) {
    return run::RunNotified({.command = options.command,
                             .socket = options.socket,
                             .ids = IdsOf(options),
                             .server = server});
  }
  char file[PATH_MAX];
  if (run::FindProgram(options.command[0].c_str(), file) &&
      run::HasForeignRights(file)) {
    std::cerr << "dmdax: " << file << run::kDropsLibrary << std::endl;
  }
  return Execute(options.command, 0);
}

// What a shell has of it.
int ExitStatus(const absl::StatusOr<int>& status) {
  if (status.ok()) return *status;
  std::cerr << "dmdax: " << status.status().message() << std::endl;
  return ErrnoOf(status.status()) == ENOENT ? 127 : 126;
}

// The command, as a child of this process, and the signals that come.
struct Child {
  Fd signals;
  pid_t pid = -1;
};

absl::StatusOr<Child> Start(const RunOptions& options) {
  const sigset_t ours = OurSignals();
  sigset_t before;
  sigprocmask(SIG_BLOCK, &ours, &before);
  Child child;
  child.signals = Fd(signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!child.signals.ok()) return ErrnoError(errno, ErrnoText(errno));
  child.pid = fork();
  if (child.pid < 0) {
    return ErrnoError(errno, absl::StrCat("cannot run '", options.command[0],
                                          "': no process: ", ErrnoText(errno)));
  }
  if (child.pid == 0) {
    sigprocmask(SIG_SETMASK, &before, nullptr);
    if (options.door == Door::kNotify) LeaveServer();
    _exit(ExitStatus(RunHere(options, nullptr)));
  }
  return child;
}

// Until the command ends, without a machine to be served.
int Wait(const Child& child) {
  while (true) {
    pollfd entry = {.fd = child.signals.get(), .events = POLLIN, .revents = 0};
    poll(&entry, 1, -1);
    if (std::optional<int> status = TakeSignals(child.signals, child.pid)) {
      return *status;
    }
  }
}

}  // namespace

absl::StatusOr<int> RunJoined(const RunOptions& options) {
  absl::StatusOr<int> status = run::RunNotified(
      {.command = {options.command.begin() + 1, options.command.end()},
       .file = options.command[0],
       .socket = options.socket,
       .ids = IdsOf(options)});
  if (status.ok()) return status;
  // It is no worse off than without the library.
  std::cerr << "dmdax: '" << options.command[0]
            << "' sees the host, and not the machine: "
            << status.status().message() << std::endl;
  return Execute(options.command, 1);
}

absl::StatusOr<int> RunBeside(const RunOptions& options,
                              [[maybe_unused]] Fd server) {
  // Between two programs of the command nobody else is the server's client.
  const run::Orphans orphans;
  absl::StatusOr<Child> child = Start(options);
  if (!child.ok()) return child.status();
  const int status = Wait(*child);
  orphans.Kill();
  return status;
}

namespace {

absl::StatusOr<int> ServeCommand(Server& server, const RunOptions& options) {
  absl::StatusOr<Child> child = Start(options);
  if (!child.ok()) return child.status();
  std::optional<int> status;
  while (!status) {
    if (absl::Status s = server.Run(child->signals.get()); !s.ok()) {
      kill(child->pid, SIGKILL);
      return s;
    }
    status = TakeSignals(child->signals, child->pid);
    // Somebody has shut the machine down; the command is still ours.
    if (!status && server.is_over()) status = Wait(*child);
  }
  return *status;
}

}  // namespace

absl::StatusOr<int> RunOnServer(Server& server, const RunOptions& options) {
  // A command is not begun on a machine that is not there.
  if (absl::Status s = server.Prepare(); !s.ok()) return s;
  const run::Orphans orphans;
  // A supervisor asks the server more often than it asks the kernel: it is in
  // the same process.
  const absl::StatusOr<int> status =
      options.door == Door::kNotify
          ? absl::StatusOr<int>(ExitStatus(RunHere(options, &server)))
          : ServeCommand(server, options);
  if (!status.ok()) return status;
  // Other commands stay.
  orphans.Kill();
  if (options.state.empty() || !server.has_holders()) return *status;
  std::cout.flush();
  const pid_t server_pid = fork();
  if (server_pid > 0) _exit(*status);
  if (server_pid < 0) return *status;
  setsid();
  // Nobody is to wait for us to close them.
  const Fd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  for (int fd = 0; fd < 3; ++fd) dup2(null.get(), fd);
  server.RunForHolders().IgnoreError();
  return *status;
}

}  // namespace dmdax
