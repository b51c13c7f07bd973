// SPDX-License-Identifier: Apache-2.0
#include "run/notify/target.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"

namespace dmdax::run {

std::string Target::Proc(absl::string_view rest) const {
  return absl::StrCat("/proc/", tid_, "/", rest);
}

std::string Target::FdPath(int fd) const {
  return absl::StrCat("/proc/", tid_, "/fd/", fd);
}

std::string Target::Link(absl::string_view name) const {
  char to[PATH_MAX];
  const ssize_t n = readlink(Proc(name).c_str(), to, sizeof(to));
  return n > 0 ? std::string(to, static_cast<size_t>(n)) : "";
}

std::optional<struct stat> Target::StatFd(int fd) const {
  struct stat st;
  if (fd < 0 || stat(FdPath(fd).c_str(), &st) != 0) return std::nullopt;
  return st;
}

bool Target::HasFd(int fd) const {
  struct stat st;
  return lstat(FdPath(fd).c_str(), &st) == 0;
}

std::string Target::ReadProc(absl::string_view name) const {
  const Fd fd(open(Proc(name).c_str(), O_RDONLY | O_CLOEXEC));
  char text[4096];
  const ssize_t n = fd.ok() ? read(fd.get(), text, sizeof(text)) : -1;
  return n > 0 ? std::string(text, static_cast<size_t>(n)) : "";
}

std::string Target::Comm() const {
  std::string comm = ReadProc("comm");
  if (!comm.empty() && comm.back() == '\n') comm.pop_back();
  return comm;
}

uint64_t Target::Status(absl::string_view status, absl::string_view name,
                        int base) const {
  const size_t at = status.find(absl::StrCat("\n", name, ":"));
  if (at == absl::string_view::npos) return 0;
  return strtoull(status.data() + at + name.size() + 2, nullptr, base);
}

mode_t Target::Umask() const {
  return static_cast<mode_t>(Status(ReadProc("status"), "Umask", 8));
}

uid_t Target::EffectiveUid() const {
  // The real one, and then the effective one.
  const std::string status = ReadProc("status");
  const size_t at = status.find("\nUid:");
  unsigned uid;
  return at != std::string::npos &&
                 sscanf(status.c_str() + at + 5, "%*u %u", &uid) == 1
             ? uid
             : static_cast<uid_t>(-1);
}

bool Target::HasSignal() const {
  const std::string status = ReadProc("status");
  const uint64_t waits =
      Status(status, "SigPnd", 16) | Status(status, "ShdPnd", 16);
  return (waits & ~Status(status, "SigBlk", 16) &
          Status(status, "SigCgt", 16)) != 0;
}

pid_t Target::Tgid() const {
  return static_cast<pid_t>(Status(ReadProc("status"), "Tgid", 10));
}

Fd Target::Share(int fd) const {
  const Fd process(static_cast<int>(syscall(SYS_pidfd_open, Tgid(), 0)));
  if (!process.ok()) return Fd();
  return Fd(static_cast<int>(syscall(SYS_pidfd_getfd, process.get(), fd, 0)));
}

Fd Target::Copy(int fd, std::optional<int> mode) const {
  Fd copy = Share(fd);
  for (const int each : {O_RDWR, O_RDONLY, O_WRONLY}) {
    if (copy.ok()) break;
    copy = Fd(open(FdPath(fd).c_str(),
                   mode.value_or(each) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  }
  return copy;
}

}  // namespace dmdax::run
