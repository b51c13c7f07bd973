// SPDX-License-Identifier: Apache-2.0
#include "run/run_command.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
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

// The environment of the command.
absl::Status SetEnvironment(const RunOptions& options) {
  absl::StatusOr<std::string> library = PreloadLibrary();
  if (!library.ok()) return library.status();
  const char* const others = getenv("LD_PRELOAD");
  const bool any = others != nullptr && *others != '\0';
  setenv("LD_PRELOAD",
         any ? absl::StrCat(*library, ":", others).c_str() : library->c_str(),
         1);
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
  int status;
  if (waitpid(command, &status, WNOHANG) != command) return std::nullopt;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

absl::Status ExecOn(const RunOptions& options) {
  if (absl::Status s = SetEnvironment(options); !s.ok()) return s;
  std::vector<char*> words;
  for (const std::string& word : options.command) {
    words.push_back(const_cast<char*>(word.c_str()));
  }
  words.push_back(nullptr);
  execvp(words[0], words.data());
  return ErrnoError(errno, absl::StrCat("cannot run '", options.command[0],
                                        "': ", ErrnoText(errno)));
}

int ExitStatusOf(const absl::Status& why_not) {
  return ErrnoOf(why_not) == ENOENT ? 127 : 126;
}

absl::StatusOr<int> RunOnServer(Server& server, const RunOptions& options) {
  const sigset_t ours = OurSignals();
  sigset_t before;
  sigprocmask(SIG_BLOCK, &ours, &before);
  const Fd signals(signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals.ok()) return ErrnoError(errno, "no descriptor for signals");
  const pid_t command = fork();
  if (command < 0) return ErrnoError(errno, ErrnoText(errno));
  if (command == 0) {
    sigprocmask(SIG_SETMASK, &before, nullptr);
    const absl::Status s = ExecOn(options);
    std::cerr << "dmdax: " << s.message() << std::endl;
    _exit(ExitStatusOf(s));
  }
  while (true) {
    if (absl::Status s = server.Run(signals.get()); !s.ok()) return s;
    if (std::optional<int> status = TakeSignals(signals, command)) {
      return *status;
    }
    if (server.is_over()) {
      // Somebody has shut the machine down; the command is still ours.
      int status;
      while (waitpid(command, &status, 0) < 0 && errno == EINTR) {
      }
      return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
  }
}

}  // namespace dmdax
