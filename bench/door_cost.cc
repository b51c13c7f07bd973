// SPDX-License-Identifier: Apache-2.0
//
// door_cost WHAT: nanoseconds of one call, for door_cost.sh.
//
//   ioctl     DM_VERSION of /dev/mapper/control
//   ping      a message of that size, and one back, on a Unix socket to another
//             process that does nothing else
//   notified  a system call that a supervisor answers, and nothing else
//   own       system calls that have nothing to do with device-mapper: pread(),
//             lseek(), fstat() of a file, getpid(); a line for each
//   filtered  the same under the smallest filter that looks at a descriptor
//
// The least of many rounds: what else the machine does only adds.
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "server/protocol.h"

namespace {

[[noreturn]] void Fail(const char* what) {
  perror(what);
  exit(1);
}

// Of one of `calls`.
double LeastNs(int rounds, int calls, absl::FunctionRef<void()> call) {
  double least = std::numeric_limits<double>::max();
  for (int round = 0; round < rounds; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < calls; ++i) call();
    const std::chrono::duration<double, std::nano> took =
        std::chrono::steady_clock::now() - begin;
    least = std::min(least, took.count() / calls);
  }
  return least;
}

void Print(const char* name, double ns) { printf("%s %.1f\n", name, ns); }

void MeasureIoctl() {
  const int fd = open("/dev/mapper/control", O_RDWR);
  if (fd < 0) Fail("/dev/mapper/control");
  Print("ioctl", LeastNs(20, 1000, [&] {
          dm_ioctl dm = {};
          dm.version[0] = DM_VERSION_MAJOR;
          dm.data_size = sizeof(dm);
          if (ioctl(fd, DM_VERSION, &dm) != 0) Fail("DM_VERSION");
        }));
}

void MeasurePing() {
  constexpr size_t kSize = sizeof(dmdax_message) + sizeof(dm_ioctl);
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) Fail("socketpair");
  const pid_t pid = fork();
  if (pid < 0) Fail("fork");
  if (pid == 0) {
    close(ends[0]);
    char message[kSize];
    while (read(ends[1], message, kSize) == static_cast<ssize_t>(kSize)) {
      if (write(ends[1], message, kSize) < 0) break;
    }
    _exit(0);
  }
  close(ends[1]);
  Print("ping", LeastNs(20, 1000, [&] {
          char message[kSize] = {};
          if (write(ends[0], message, kSize) != kSize ||
              read(ends[0], message, kSize) != kSize) {
            Fail("ping");
          }
        }));
  close(ends[0]);
  waitpid(pid, nullptr, 0);
}

long SetFilter(absl::Span<sock_filter> program, unsigned flags) {
  const sock_fprog filter = {.len = static_cast<uint16_t>(program.size()),
                             .filter = program.data()};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) Fail("no_new_privs");
  const long result =
      syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
  if (result < 0) Fail("seccomp");
  return result;
}

// Of all calls of the process getpgid() is told to the listener.
int Listener() {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpgid, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  return static_cast<int>(SetFilter(
      absl::MakeSpan(program), SECCOMP_FILTER_FLAG_NEW_LISTENER |
                                   SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV));
}

void Supervise(int listener) {
  for (;;) {
    seccomp_notif call = {};
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) _exit(0);
    seccomp_notif_resp answer = {.id = call.id, .val = 7};
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) != 0) _exit(0);
  }
}

void MeasureNotified() {
  // The listener is shared with a child that was there before the filter.
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) Fail("socketpair");
  const pid_t pid = fork();
  if (pid < 0) Fail("fork");
  char byte = 0;
  if (pid == 0) {
    iovec io = {.iov_base = &byte, .iov_len = 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    msghdr message = {};
    message.msg_iov = &io;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    if (recvmsg(ends[1], &message, 0) != 1) _exit(1);
    int listener = -1;
    memcpy(&listener, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(listener));
#ifdef SECCOMP_IOCTL_NOTIF_SET_FLAGS
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS,
          SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
#endif
    Supervise(listener);
  }
  const int listener = Listener();
  iovec io = {.iov_base = &byte, .iov_len = 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message = {};
  message.msg_iov = &io;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &listener, sizeof(listener));
  if (sendmsg(ends[0], &message, 0) != 1) Fail("sendmsg");
  close(listener);
  Print("notified", LeastNs(20, 1000, [] {
          if (syscall(SYS_getpgid, 0) != 7) Fail("getpgid");
        }));
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
}

void MeasureOwn() {
  char byte = 0;
  struct stat st;
  FILE* const file = tmpfile();
  if (file == nullptr) Fail("tmpfile");
  const int fd = fileno(file);
  if (write(fd, &byte, 1) != 1) Fail("write");
  Print("pread", LeastNs(50, 10000, [&] {
          if (pread(fd, &byte, 1, 0) != 1) Fail("pread");
        }));
  Print("lseek", LeastNs(50, 10000, [&] {
          if (lseek(fd, 0, SEEK_SET) != 0) Fail("lseek");
        }));
  Print("fstat", LeastNs(50, 10000, [&] {
          if (fstat(fd, &st) != 0) Fail("fstat");
        }));
  Print("getpid", LeastNs(50, 10000, [] {
          if (syscall(SYS_getpid) <= 0) Fail("getpid");
        }));
}

void MeasureFiltered() {
  constexpr uint32_t kNobodys = 1 << 30;
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kNobodys, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EBADF),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  SetFilter(absl::MakeSpan(program), 0);
  MeasureOwn();
}

}  // namespace

int main(int argc, char** argv) {
  const char* const what = argc == 2 ? argv[1] : "";
  if (strcmp(what, "ioctl") == 0) {
    MeasureIoctl();
  } else if (strcmp(what, "ping") == 0) {
    MeasurePing();
  } else if (strcmp(what, "notified") == 0) {
    MeasureNotified();
  } else if (strcmp(what, "own") == 0) {
    MeasureOwn();
  } else if (strcmp(what, "filtered") == 0) {
    MeasureFiltered();
  } else {
    fprintf(stderr, "usage: door_cost ioctl|ping|notified|own|filtered\n");
    return 2;
  }
  return 0;
}
