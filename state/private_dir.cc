// SPDX-License-Identifier: Apache-2.0
#include "state/private_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/errno_status.h"
#include "state/dir/own_uid.h"

namespace dmdax {
namespace {

constexpr mode_t kOthersMayWrite = S_IWGRP | S_IWOTH;

const char* KindOf(mode_t mode) {
  if (S_ISLNK(mode)) return "a symbolic link";
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

absl::Status OthersMayWrite(absl::string_view path, const struct stat& st) {
  return StateDirRefused(
      path, absl::StrFormat("others may write it (mode %04o); chmod go-w",
                            st.st_mode & 07777));
}

absl::Status NotAFile(absl::string_view path, mode_t mode) {
  return StateDirRefused(path, absl::StrCat("it is ", KindOf(mode)),
                         S_ISDIR(mode) ? EISDIR : EPERM);
}

absl::Status CheckStat(absl::string_view path, const struct stat& st) {
  if (!S_ISREG(st.st_mode)) return NotAFile(path, st.st_mode);
  if (!IsOursOrRoots(st)) {
    return StateDirRefused(path,
                           absl::StrCat("it belongs to user ", st.st_uid));
  }
  // None is left if another command has just replaced the file.
  if (st.st_nlink > 1) {
    return StateDirRefused(path,
                           absl::StrCat("it has ", st.st_nlink, " names"));
  }
  if (st.st_mode & kOthersMayWrite) return OthersMayWrite(path, st);
  return absl::OkStatus();
}

}  // namespace

absl::Status StateDirError(absl::string_view what, absl::string_view path) {
  const int err = errno;
  return ErrnoError(err, absl::StrCat("state directory: cannot ", what, " '",
                                      path, "': ", ErrnoText(err)));
}

absl::Status StateDirRefused(absl::string_view path, absl::string_view why,
                             int err) {
  return ErrnoError(
      err, absl::StrCat("state directory: '", path, "' is refused: ", why));
}

absl::StatusOr<PrivateDir> PrivateDir::Open(const std::string& path,
                                            MissingDir missing) {
  absl::StatusOr<Fd> opened = OpenTrustedDir(path, missing);
  if (!opened.ok()) return opened.status();
  Fd fd = *std::move(opened);
  struct stat st;
  if (fstat(fd.get(), &st) != 0) return StateDirError("stat", path);
  if (!IsOursOrRoots(st)) {
    return StateDirRefused(path, absl::StrCat("it belongs to user ", st.st_uid,
                                              ", and this is user ", OwnUid()));
  }
  if (st.st_mode & kOthersMayWrite) return OthersMayWrite(path, st);
  return PrivateDir(path, std::move(fd));
}

absl::StatusOr<Fd> PrivateDir::OpenFile(const std::string& name,
                                        int flags) const {
  const std::string path = PathOf(name);
  Fd fd(openat(fd_.get(), name.c_str(),
               flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600));
  struct stat st;
  if (!fd.ok()) {
    const int err = errno;
    if (fstatat(fd_.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        !S_ISREG(st.st_mode)) {
      return NotAFile(path, st.st_mode);
    }
    errno = err;
    return StateDirError("open", path);
  }
  if (fstat(fd.get(), &st) != 0) return StateDirError("stat", path);
  if (absl::Status s = CheckStat(path, st); !s.ok()) return s;
  return fd;
}

absl::Status PrivateDir::CheckFile(const std::string& name) const {
  struct stat st;
  if (fstatat(fd_.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
    return StateDirError("stat", PathOf(name));
  }
  return CheckStat(PathOf(name), st);
}

absl::StatusOr<std::optional<uint64_t>> PrivateDir::SizeOf(
    const std::string& name) const {
  struct stat st;
  if (fstatat(fd_.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return std::nullopt;
    return StateDirError("stat", PathOf(name));
  }
  if (absl::Status s = CheckStat(PathOf(name), st); !s.ok()) return s;
  return static_cast<uint64_t>(st.st_size);
}

absl::StatusOr<std::vector<std::string>> PrivateDir::Names() const {
  struct CloseDir {
    void operator()(DIR* dir) const { closedir(dir); }
  };
  const int fd = openat(fd_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, CloseDir> dir(fd >= 0 ? fdopendir(fd) : nullptr);
  if (dir == nullptr) {
    absl::Status s = StateDirError("read", path_);
    if (fd >= 0) close(fd);
    return s;
  }
  std::vector<std::string> names;
  while (true) {
    errno = 0;
    const dirent* const entry = readdir(dir.get());
    if (entry == nullptr) break;
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  if (errno != 0) return StateDirError("read", path_);
  return names;
}

std::string PrivateDir::HostPathOf(const std::string& name) const {
  const std::string dir = absl::StrCat("/proc/self/fd/", fd_.get());
  // Where there is no /proc, nobody but us can change what the path means,
  // unless it was moved.
  if (access(dir.c_str(), F_OK) != 0) return PathOf(name);
  return absl::StrCat(dir, "/", name);
}

absl::StatusOr<Fd> PrivateDir::NewFile(const std::string& name) const {
  // unlink(2) takes all but a directory.
  struct stat st;
  if (fstatat(fd_.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
      S_ISDIR(st.st_mode)) {
    return NotAFile(PathOf(name), st.st_mode);
  }
  Remove(name);
  Fd fd(openat(fd_.get(), name.c_str(),
               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.ok()) return StateDirError("create", PathOf(name));
  return fd;
}

absl::StatusOr<bool> PrivateDir::IsStill(const std::string& name,
                                         const Fd& fd) const {
  struct stat open_file, named_file;
  if (fstat(fd.get(), &open_file) != 0) {
    return StateDirError("stat", PathOf(name));
  }
  if (fstatat(fd_.get(), name.c_str(), &named_file, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return false;
    return StateDirError("stat", PathOf(name));
  }
  return open_file.st_dev == named_file.st_dev &&
         open_file.st_ino == named_file.st_ino;
}

absl::Status PrivateDir::Rename(const std::string& from,
                                const std::string& to) const {
  if (renameat(fd_.get(), from.c_str(), fd_.get(), to.c_str()) == 0) {
    return absl::OkStatus();
  }
  return StateDirError("rename to", PathOf(to));
}

void PrivateDir::Remove(const std::string& name) const {
  unlinkat(fd_.get(), name.c_str(), 0);
}

uint64_t PrivateDir::FreeBytes() const {
  struct statvfs st;
  if (fstatvfs(fd_.get(), &st) != 0) return ~uint64_t{0};
  return uint64_t{st.f_bavail} * st.f_frsize;
}

bool PrivateDir::IsReadOnly() const {
  return faccessat(fd_.get(), ".", W_OK, AT_EACCESS) != 0 &&
         (errno == EROFS || errno == EACCES);
}

absl::Status PrivateDir::Sync() const {
  if (fsync(fd_.get()) == 0) return absl::OkStatus();
  return StateDirError("fsync", path_);
}

}  // namespace dmdax
