// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "run/notify/listener.h"
#include "server/fd_message.h"

namespace dmdax::run {
namespace {

enum class Step : int { kListening, kFilter, kExec };

// What the child says on its socket; of kListening the listener comes along.
struct Report {
  Step step;
  int err;
};

// All of these run in the child between fork() and exec(): system calls alone.
void Say(int socket, Report report, int listener) {
  iovec bytes{&report, sizeof(report)};
  FdRoom room;
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  if (listener >= 0) PutFd(listener, &room, &message);
  sendmsg(socket, &message, MSG_NOSIGNAL);
}

[[noreturn]] void Child(pid_t supervisor, int socket, const sock_fprog& program,
                        const char* file, char* const* argv,
                        const sigset_t& mask) {
  // Who supervises answers for the command: it ends with its supervisor, also
  // with one that has ended before it could ask for that.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != supervisor) _exit(127);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  // It is no sandbox: the processor may speculate as before.
  const long listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                                SECCOMP_FILTER_FLAG_NEW_LISTENER |
                                    SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV |
                                    SECCOMP_FILTER_FLAG_SPEC_ALLOW,
                                &program);
  if (listener < 0) {
    Say(socket, {Step::kFilter, errno}, -1);
    _exit(127);
  }
  Say(socket, {Step::kListening, 0}, static_cast<int>(listener));
  close(static_cast<int>(listener));
  sigprocmask(SIG_SETMASK, &mask, nullptr);
  execvp(file, argv);
  Say(socket, {Step::kExec, errno}, -1);
  _exit(127);
}

// kEnd: exec() has closed the socket.
enum class Heard { kReport, kEnd };
Heard Hear(int socket, Report* report, Fd* listener) {
  iovec bytes{report, sizeof(*report)};
  ssize_t n;
  int fd = -1;
  do {
    n = ReceiveWithFd(socket, &bytes, 1, MSG_CMSG_CLOEXEC, &fd);
  } while (n < 0 && errno == EINTR);
  if (n != static_cast<ssize_t>(sizeof(*report))) return Heard::kEnd;
  if (fd >= 0) *listener = Fd(fd);
  return Heard::kReport;
}

absl::Status FilterError(int err) {
  switch (err) {
    case EBUSY:
      return ErrnoError(
          err,
          "a supervisor with seccomp user notification runs around this "
          "program already, and the kernel allows one; --door=preload serves "
          "programs that are linked dynamically");
    case EINVAL:
    case ENOSYS:
      return ErrnoError(
          err,
          "this kernel has no killable seccomp user notification (Linux 5.19); "
          "--door=preload serves programs that are linked dynamically");
    default:
      return ErrnoError(
          err, absl::StrCat("seccomp(2) is not allowed here: ", ErrnoText(err),
                            "; --door=preload serves programs that are linked "
                            "dynamically"));
  }
}

// The supervisor's thread is woken on the task's processor (Linux 6.6), which
// is worth a third of the cost of a call.  Older kernels say EINVAL.
void WakeInStep(const Fd& listener) {
#ifdef SECCOMP_IOCTL_NOTIF_SET_FLAGS
  ioctl(listener.get(), SECCOMP_IOCTL_NOTIF_SET_FLAGS,
        SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
#else
  constexpr unsigned long kSetFlags = SECCOMP_IOW(4, uint64_t);
  ioctl(listener.get(), kSetFlags, 1UL);
#endif
}

void Bury(pid_t pid) {
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace

absl::StatusOr<NotifiedChild> StartNotified(
    const std::string& file, const std::vector<std::string>& argv,
    absl::Span<const sock_filter> filter, const sigset_t& mask) {
  std::vector<char*> words;
  for (const std::string& word : argv) {
    words.push_back(const_cast<char*>(word.c_str()));
  }
  words.push_back(nullptr);
  const sock_fprog program{static_cast<unsigned short>(filter.size()),
                           const_cast<sock_filter*>(filter.data())};
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return ErrnoError(errno, "cannot make a socket pair");
  }
  Fd ours(ends[0]), theirs(ends[1]);
  const pid_t supervisor = getpid();
  const pid_t pid = fork();
  if (pid < 0) return ErrnoError(errno, "cannot fork");
  if (pid == 0) {
    // A listener that lies in our end would else stay open with the child's
    // copy of it, which would wait for itself.
    close(ours.get());
    Child(supervisor, theirs.get(), program, file.c_str(), words.data(), mask);
  }
  theirs = Fd();

  Report report{};
  Fd listener;
  if (Hear(ours.get(), &report, &listener) == Heard::kEnd) {
    Bury(pid);
    return ErrnoError(ECHILD, "the command was killed before it began");
  }
  if (report.step == Step::kFilter) {
    Bury(pid);
    return FilterError(report.err);
  }
  WakeInStep(listener);
  return NotifiedChild{pid, Listener(std::move(listener)), std::move(ours)};
}

absl::Status AwaitExecution(const NotifiedChild& child,
                            const std::string& file) {
  Report report{};
  Fd none;
  if (Hear(child.reports.get(), &report, &none) == Heard::kEnd) {
    return absl::OkStatus();
  }
  return ErrnoError(report.err, absl::StrCat("cannot run '", file,
                                             "': ", ErrnoText(report.err)));
}

}  // namespace dmdax::run
