// SPDX-License-Identifier: Apache-2.0
#include "tools/apart.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"

namespace dmdax {
namespace {

bool WriteAll(int fd, const std::string& bytes) {
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = write(fd, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    done += static_cast<size_t>(n);
  }
  return true;
}

std::string ReadAll(int fd) {
  std::string bytes;
  char buffer[65536];
  for (;;) {
    const ssize_t n = read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return bytes;
    bytes.append(buffer, static_cast<size_t>(n));
  }
}

}  // namespace

absl::StatusOr<std::string> RunApart(absl::FunctionRef<std::string()> fn) {
  int fds[2];
  if (pipe(fds) != 0) return fn();
  // What is buffered would be written twice.
  fflush(nullptr);
  const pid_t child = fork();
  if (child < 0) {
    close(fds[0]);
    close(fds[1]);
    return fn();
  }
  if (child == 0) {
    close(fds[0]);
    _exit(WriteAll(fds[1], fn()) ? 0 : 1);
  }
  close(fds[1]);
  std::string bytes = ReadAll(fds[0]);
  close(fds[0]);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return bytes;
  return ErrnoError(
      EIO,
      absl::StrCat("a bug in dmdax: its process for this machine ended ",
                   WIFSIGNALED(status)
                       ? absl::StrCat("by signal ", WTERMSIG(status), " (",
                                      strsignal(WTERMSIG(status)), ")")
                       : absl::StrCat("with status ", WEXITSTATUS(status))));
}

}  // namespace dmdax
