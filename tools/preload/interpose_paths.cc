// SPDX-License-Identifier: Apache-2.0
//
// Calls with paths below /dev and /sys, which preload.cc does not open.
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "tools/preload/control_file.h"
#include "tools/preload/emulated_files.h"
#include "tools/preload/interpose.h"
#include "tools/preload/session_guard.h"

namespace dmdax::preload {
namespace {

template <typename Stat>
std::optional<int> StatEmulated(const char* path, Stat* st) {
  if (SessionGuard::Held()) return std::nullopt;
  const std::optional<NodeInfo> node = FindNode(path);
  if (!node) {
    if (InMapperDir(path)) return Result(ENOENT);
    return std::nullopt;
  }
  memset(st, 0, sizeof(*st));
  st->st_nlink = 1;
  st->st_rdev = makedev(node->major_nr, node->minor_nr);
  switch (node->kind) {
    case NodeInfo::kBlock:
      st->st_mode = S_IFBLK | 0660;
      break;
    case NodeInfo::kControl:
      st->st_mode = S_IFCHR | 0600;
      break;
    case NodeInfo::kDirectory:
      st->st_mode = S_IFDIR | 0755;
      break;
  }
  return 0;
}

// fstat(2).
template <typename Stat>
int StatFile(int fd, Stat* st, int (*real)(int, Stat*)) {
  const int result = real(fd, st);
  if (result == 0 && S_ISSOCK(st->st_mode) && IsControlFile(fd)) {
    StatEmulated(kControlPath.data(), st);
  }
  return result;
}

}  // namespace
}  // namespace dmdax::preload

using namespace dmdax::preload;  // for what is in front of libc's names

EXPORT int stat64(const char* path, struct stat64* st) noexcept {
  if (auto result = StatEmulated(path, st)) return *result;
  static auto* const real = Next("stat64", &stat64);
  return real(path, st);
}

EXPORT int stat(const char* path, struct stat* st) noexcept {
  if (auto result = StatEmulated(path, st)) return *result;
  static auto* const real = Next("stat", &stat);
  return real(path, st);
}

EXPORT int lstat64(const char* path, struct stat64* st) noexcept {
  if (auto result = StatEmulated(path, st)) return *result;
  static auto* const real = Next("lstat64", &lstat64);
  return real(path, st);
}

EXPORT int lstat(const char* path, struct stat* st) noexcept {
  if (auto result = StatEmulated(path, st)) return *result;
  static auto* const real = Next("lstat", &lstat);
  return real(path, st);
}

EXPORT int fstat64(int fd, struct stat64* st) noexcept {
  return StatFile<struct stat64>(fd, st, Next("fstat64", &fstat64));
}

EXPORT int fstat(int fd, struct stat* st) noexcept {
  return StatFile<struct stat>(fd, st, Next("fstat", &fstat));
}

EXPORT int mknod(const char* path, mode_t mode, dev_t dev) noexcept {
  if (InMapperDir(path)) {
    return Result(MakeNode(path, major(dev), minor(dev)));
  }
  static auto* const real = Next("mknod", &mknod);
  return real(path, mode, dev);
}

EXPORT int unlink(const char* path) noexcept {
  if (InMapperDir(path)) {
    return Result(RemoveNode(path));
  }
  static auto* const real = Next("unlink", &unlink);
  return real(path);
}

EXPORT int rename(const char* from, const char* to) noexcept {
  if (InMapperDir(from)) {
    return Result(RenameNode(from, to));
  }
  static auto* const real = Next("rename", &rename);
  return real(from, to);
}

EXPORT int chown(const char* path, uid_t uid, gid_t gid) noexcept {
  if (InMapperDir(path)) return 0;
  static auto* const real = Next("chown", &chown);
  return real(path, uid, gid);
}

EXPORT int mkdir(const char* path, mode_t mode) noexcept {
  if (InMapperDir(path)) return Result(EEXIST);
  static auto* const real = Next("mkdir", &mkdir);
  return real(path, mode);
}

EXPORT ssize_t readlink(const char* path, char* buffer, size_t size) noexcept {
  if (auto link = ReadKernelLink(path)) {
    if (link->error != 0) return Result(link->error);
    const size_t length = std::min(size, link->text.size());
    memcpy(buffer, link->text.data(), length);
    return static_cast<ssize_t>(length);
  }
  static auto* const real = Next("readlink", &readlink);
  return real(path, buffer, size);
}
