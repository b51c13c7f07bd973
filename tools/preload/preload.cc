// SPDX-License-Identifier: Apache-2.0
//
// libdmdax_preload.so: runs unmodified users of libdevmapper on an emulated
// machine, without root, kernel module or hardware.
//
//   export DMDAX_STATE=/tmp/s DM_DISABLE_UDEV=1
//   dmdax machine load examples/oracle.textproto
//   export LD_PRELOAD=libdmdax_preload.so
//   dmsetup create home --table '0 2048 linear /dev/pmem0 0'
//   dmdax translate home 0
//
// Interposed are the calls that libdevmapper 1.02 makes around
// /dev/mapper/control (here what is done with descriptors, in
// interpose_paths.cc what is done with paths, in interpose_dirs.cc with
// directories), and those that wait for it (interpose_poll.cc); all others, and
// all other paths, reach libc.
#include <fcntl.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "dm/wire/ctl_ioctl.h"
#include "tools/preload/control_file.h"
#include "tools/preload/emulated_files.h"
#include "tools/preload/interpose.h"
#include "tools/preload/session_guard.h"
#include "tools/preload/user_memory.h"

namespace dmdax::preload {
namespace {

// Files in sysfs that were opened for writing: the text that stands for one,
// by which its descriptors are known, and its path.  Such a text is a file of
// memory, and no two have the same number.
class SysfsFiles {
 public:
  void Add(int fd, std::string path) {
    const OneAtATime guard;
    paths_[InodeOf(fd)] = std::move(path);
    any_ = true;
  }
  // "": it is none.
  std::string Find(int fd) {
    if (!any_ || SessionGuard::Held()) return "";
    const int before = errno;
    const OneAtATime guard;
    const auto it = paths_.find(InodeOf(fd));
    errno = before;
    return it == paths_.end() ? "" : it->second;
  }

 private:
  using Inode = std::pair<dev_t, ino_t>;
  static Inode InodeOf(int fd) {
    struct stat st;
    return fstat(fd, &st) == 0 ? Inode(st.st_dev, st.st_ino) : Inode();
  }

  std::atomic<bool> any_ = false;
  std::map<Inode, std::string> paths_;
};

SysfsFiles& Sysfs() {
  static auto* const files = new SysfsFiles;
  return *files;
}

int TextFd(const FileText& file, int flags) {
  if (file.error != 0) return Result(file.error);
  const int fd = memfd_create(
      "dmdax", MFD_ALLOW_SEALING | (flags & O_CLOEXEC ? MFD_CLOEXEC : 0u));
  if (fd < 0) return fd;
  static auto* const real_write = Next("write", &write);
  if (real_write(fd, file.text.data(), file.text.size()) < 0) return -1;
  lseek(fd, 0, SEEK_SET);
  // Only write(2) is ours.  Whoever writes by another call, or after an exec,
  // is told that nothing took effect (EPERM).
  fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK);
  return fd;
}

// open(2): a descriptor, -1 with errno, or nothing if the path is not ours.
std::optional<int> OpenEmulated(const char* path, int flags) {
  if (SessionGuard::Held()) return std::nullopt;
  if (path == kControlPath) return OpenControl(flags);
  if (auto file = ReadKernelFile(path)) {
    const int fd = TextFd(*file, flags);
    if (fd >= 0 && (flags & O_ACCMODE) != O_RDONLY) Sysfs().Add(fd, path);
    return fd;
  }
  if (InMapperDir(path)) {
    // Nodes are there to be looked at: behind none is a device to be opened.
    return Result(FindNode(path) ? ENXIO : ENOENT);
  }
  return std::nullopt;
}

}  // namespace
}  // namespace dmdax::preload

using namespace dmdax::preload;  // for what is in front of libc's names

EXPORT int open64(const char* path, int flags, ...) {
  mode_t mode = 0;
  if (flags & (O_CREAT | O_TMPFILE)) {
    va_list args;
    va_start(args, flags);
    mode = va_arg(args, mode_t);
    va_end(args);
  }
  if (auto fd = OpenEmulated(path, flags)) return *fd;
  static auto* const real = reinterpret_cast<int (*)(const char*, int, ...)>(
      dlsym(RTLD_NEXT, "open64"));
  return real(path, flags, mode);
}

EXPORT int openat64(int dir, const char* path, int flags, ...) {
  mode_t mode = 0;
  if (flags & (O_CREAT | O_TMPFILE)) {
    va_list args;
    va_start(args, flags);
    mode = va_arg(args, mode_t);
    va_end(args);
  }
  // A path of ours begins at the root, wherever `dir` is.
  if (auto fd = OpenEmulated(path, flags)) return *fd;
  static auto* const real =
      reinterpret_cast<int (*)(int, const char*, int, ...)>(
          dlsym(RTLD_NEXT, "openat64"));
  return real(dir, path, flags, mode);
}

EXPORT FILE* fopen64(const char* path, const char* mode) {
  if (auto file = ReadKernelFile(path)) {
    const int fd = TextFd(*file, strchr(mode, 'e') != nullptr ? O_CLOEXEC : 0);
    return fd < 0 ? nullptr : fdopen(fd, mode);
  }
  static auto* const real = Next("fopen64", &fopen64);
  return real(path, mode);
}

// The other names of the same: on 64-bit machines without a difference, and
// those that the compiler puts in place of a call with _FORTIFY_SOURCE.
EXPORT int open(const char* path, int flags, ...)
    __attribute__((alias("open64")));
EXPORT int openat(int dir, const char* path, int flags, ...)
    __attribute__((alias("openat64")));
EXPORT FILE* fopen(const char* path, const char* mode)
    __attribute__((alias("fopen64")));
EXPORT int __open64_2(const char* path, int flags) {
  return open64(path, flags);
}
EXPORT int __openat64_2(int dir, const char* path, int flags) {
  return openat64(dir, path, flags);
}
EXPORT int __open_2(const char* path, int flags)
    __attribute__((alias("__open64_2")));
EXPORT int __openat_2(int dir, const char* path, int flags)
    __attribute__((alias("__openat64_2")));

EXPORT ssize_t write(int fd, const void* data, size_t size) {
  if (const std::string path = Sysfs().Find(fd); !path.empty()) {
    const std::string text = ReadUser(data, size);
    if (text.size() < size) return Result(EFAULT);
    const int error = WriteKernelFile(path, text);
    return error == 0 ? static_cast<ssize_t>(size) : Result(error);
  }
  static auto* const real = Next("write", &write);
  return real(fd, data, size);
}

EXPORT int ioctl(int fd, unsigned long request, ...) noexcept {
  va_list args;
  va_start(args, request);
  void* const arg = va_arg(args, void*);
  va_end(args);
  const bool is_dm = ((request >> 8) & 0xff) == dmdax::kDmIoctlType;
  const bool is_any_files = request == FIOCLEX || request == FIONCLEX ||
                            request == FIONBIO || request == FIGETBSZ;
  if (!is_any_files && IsControlFile(fd)) {
    return Result(is_dm ? ControlIoctl(fd, static_cast<uint32_t>(request), arg)
                        : ENOTTY);
  }
  static auto* const real = reinterpret_cast<int (*)(int, unsigned long, ...)>(
      dlsym(RTLD_NEXT, "ioctl"));
  return real(fd, request, arg);
}
