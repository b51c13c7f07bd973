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
// /dev/mapper/control, and poll(2) and ppoll(2) on it; all others, and all
// other paths, reach libc.
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_split.h"
#include "tools/preload/emulated_files.h"
#include "tools/preload/signals_held.h"

namespace {

namespace emulated = dmdax::preload;

// The next definition of the function, libc's.
template <typename Fn>
Fn* Next(const char* name, Fn*) {
  return reinterpret_cast<Fn*>(dlsym(RTLD_NEXT, name));
}

// A return value of -1 with errno, or 0.
int Result(int error) {
  if (error == 0) return 0;
  errno = error;
  return -1;
}

// Open descriptors of the control node.
using ControlFile = std::shared_ptr<dmdax::DmFile>;
std::mutex control_mutex;
std::map<int, ControlFile>& ControlFds() {
  static auto* const fds = new std::map<int, ControlFile>;
  return *fds;
}

// Null: the descriptor is another file's.
ControlFile FindControl(int fd) {
  const std::lock_guard<std::mutex> lock(control_mutex);
  const auto it = ControlFds().find(fd);
  return it == ControlFds().end() ? nullptr : it->second;
}

// Descriptors of files in sysfs that are open for writing, and their paths.
std::map<int, std::string>& SysfsFds() {
  static auto* const fds = new std::map<int, std::string>;
  return *fds;
}

int TextFd(const emulated::FileText& file) {
  if (file.error != 0) return Result(file.error);
  const int fd = memfd_create("dmdax", MFD_CLOEXEC);
  if (fd < 0) return fd;
  if (write(fd, file.text.data(), file.text.size()) < 0) return -1;
  lseek(fd, 0, SEEK_SET);
  return fd;
}

// open(2): a descriptor, -1 with errno, or nothing if the path is not ours.
std::optional<int> OpenEmulated(const char* path, int flags) {
  if (path == emulated::kControlPath) {
    const int fd = memfd_create("dm-control", MFD_CLOEXEC);
    if (fd < 0) return fd;
    ControlFile file = emulated::OpenControl();
    const std::lock_guard<std::mutex> lock(control_mutex);
    ControlFds()[fd] = std::move(file);
    return fd;
  }
  if (auto file = emulated::ReadKernelFile(path)) {
    const int fd = TextFd(*file);
    if (fd >= 0 && (flags & O_ACCMODE) != O_RDONLY) {
      const std::lock_guard<std::mutex> lock(control_mutex);
      SysfsFds()[fd] = path;
    }
    return fd;
  }
  if (emulated::InMapperDir(path)) {
    // Nodes are there to be looked at: behind none is a device to be opened.
    return Result(emulated::FindNode(path) ? ENXIO : ENOENT);
  }
  return std::nullopt;
}

template <typename Stat>
std::optional<int> StatEmulated(const char* path, Stat* st) {
  const std::optional<emulated::NodeInfo> node = emulated::FindNode(path);
  if (!node) {
    if (emulated::InMapperDir(path)) return Result(ENOENT);
    return std::nullopt;
  }
  memset(st, 0, sizeof(*st));
  st->st_nlink = 1;
  st->st_rdev = makedev(node->major_nr, node->minor_nr);
  switch (node->kind) {
    case emulated::NodeInfo::kBlock:
      st->st_mode = S_IFBLK | 0660;
      break;
    case emulated::NodeInfo::kControl:
      st->st_mode = S_IFCHR | 0600;
      break;
    case emulated::NodeInfo::kDirectory:
      st->st_mode = S_IFDIR | 0755;
      break;
  }
  return 0;
}

// A listing of /dev/mapper; its address stands for a DIR.
struct MapperDir {
  std::vector<std::string> names = emulated::MapperDirEntries();
  size_t next = 0;
  dirent64 entry = {};
};

std::set<MapperDir*>& MapperDirs() {
  static std::set<MapperDir*>* const dirs = new std::set<MapperDir*>;
  return *dirs;
}

// libdevmapper writes it "/sys//block/".
bool IsSysBlock(absl::string_view path) {
  const std::vector<absl::string_view> parts =
      absl::StrSplit(path, '/', absl::SkipEmpty());
  return parts.size() == 2 && parts[0] == "sys" && parts[1] == "block";
}

MapperDir* AsMapperDir(DIR* dir) {
  auto* mapper_dir = reinterpret_cast<MapperDir*>(dir);
  return MapperDirs().contains(mapper_dir) ? mapper_dir : nullptr;
}

// ppoll(2) where one of `fds` is the control node, whose POLLIN is looked for
// every kLookAgainMs.  `left` in milliseconds, negative: for ever; `mask` null:
// the one in force.
int PollWithControl(pollfd* fds, nfds_t n, int64_t left, const sigset_t* mask) {
  static auto* const real = Next("ppoll", &ppoll);
  const emulated::SignalsHeld signals;
  // The others, for which the control node's entries are none.
  std::vector<pollfd> others(fds, fds + n);
  std::vector<std::pair<pollfd*, ControlFile>> controls;
  for (nfds_t i = 0; i < n; ++i) {
    ControlFile file = FindControl(fds[i].fd);
    if (file == nullptr) continue;
    controls.push_back({&fds[i], std::move(file)});
    others[i].fd = -1;
  }
  while (true) {
    int ready = 0;
    for (auto& [entry, file] : controls) {
      const bool in =
          (entry->events & POLLIN) != 0 && emulated::ControlReadable(*file);
      entry->revents = in ? POLLIN : 0;
      ready += in;
    }
    int64_t ms = ready > 0 ? 0 : emulated::kLookAgainMs;
    if (left >= 0) ms = std::min(ms, left);
    const timespec slice = {.tv_sec = 0, .tv_nsec = ms * 1'000'000};
    const int others_ready = real(others.data(), n, &slice,
                                  mask != nullptr ? mask : &signals.before());
    if (others_ready < 0) return -1;
    if (left > 0) left -= ms;
    if (ready + others_ready == 0 && left != 0) continue;
    for (nfds_t i = 0; i < n; ++i) {
      if (others[i].fd >= 0) fds[i].revents = others[i].revents;
    }
    return ready + others_ready;
  }
}

bool AnyControl(const pollfd* fds, nfds_t n) {
  return std::any_of(fds, fds + n, [](const pollfd& entry) {
    return FindControl(entry.fd) != nullptr;
  });
}

}  // namespace

// Their declarations are libc's, attributes included.
#pragma GCC diagnostic ignored "-Wnonnull-compare"
#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT int open64(const char* path, int flags, ...) {
  mode_t mode = 0;
  if (flags & (O_CREAT | O_TMPFILE)) {
    va_list args;
    va_start(args, flags);
    mode = va_arg(args, mode_t);
    va_end(args);
  }
  if (auto fd = OpenEmulated(path, flags)) return *fd;
  static auto* const next = reinterpret_cast<int (*)(const char*, int, ...)>(
      dlsym(RTLD_NEXT, "open64"));
  return next(path, flags, mode);
}

EXPORT FILE* fopen64(const char* path, const char* mode) {
  if (auto file = emulated::ReadKernelFile(path)) {
    const int fd = TextFd(*file);
    return fd < 0 ? nullptr : fdopen(fd, mode);
  }
  static auto* const real = Next("fopen64", &fopen64);
  return real(path, mode);
}

EXPORT int close(int fd) {
  {
    const std::lock_guard<std::mutex> lock(control_mutex);
    ControlFds().erase(fd);
    SysfsFds().erase(fd);
  }
  static auto* const real = Next("close", &close);
  return real(fd);
}

EXPORT ssize_t write(int fd, const void* data, size_t size) {
  std::string path;
  {
    const std::lock_guard<std::mutex> lock(control_mutex);
    if (const auto it = SysfsFds().find(fd); it != SysfsFds().end()) {
      path = it->second;
    }
  }
  if (!path.empty()) {
    const absl::string_view text(static_cast<const char*>(data), size);
    const int error = emulated::WriteKernelFile(path, text);
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
  if (const ControlFile file = FindControl(fd)) {
    return Result(emulated::ControlIoctl(*file, static_cast<uint32_t>(request),
                                         static_cast<char*>(arg)));
  }
  static auto* const next = reinterpret_cast<int (*)(int, unsigned long, ...)>(
      dlsym(RTLD_NEXT, "ioctl"));
  return next(fd, request, arg);
}

EXPORT int poll(pollfd* fds, nfds_t n, int timeout) {
  if (AnyControl(fds, n)) return PollWithControl(fds, n, timeout, nullptr);
  static auto* const real = Next("poll", &poll);
  return real(fds, n, timeout);
}

EXPORT int ppoll(pollfd* fds, nfds_t n, const timespec* timeout,
                 const sigset_t* mask) {
  if (AnyControl(fds, n)) {
    const int64_t ms = timeout == nullptr ? -1
                                          : timeout->tv_sec * 1000 +
                                                timeout->tv_nsec / 1'000'000;
    return PollWithControl(fds, n, ms, mask);
  }
  static auto* const real = Next("ppoll", &ppoll);
  return real(fds, n, timeout, mask);
}

EXPORT int stat64(const char* path, struct stat64* st) noexcept {
  if (auto result = StatEmulated(path, st)) return *result;
  static auto* const real = Next("stat64", &stat64);
  return real(path, st);
}

EXPORT int lstat64(const char* path, struct stat64* st) noexcept {
  if (auto result = StatEmulated(path, st)) return *result;
  static auto* const real = Next("lstat64", &lstat64);
  return real(path, st);
}

EXPORT int mknod(const char* path, mode_t mode, dev_t dev) noexcept {
  if (emulated::InMapperDir(path)) {
    return Result(emulated::MakeNode(path, major(dev), minor(dev)));
  }
  static auto* const real = Next("mknod", &mknod);
  return real(path, mode, dev);
}

EXPORT int unlink(const char* path) noexcept {
  if (emulated::InMapperDir(path)) {
    return Result(emulated::RemoveNode(path));
  }
  static auto* const real = Next("unlink", &unlink);
  return real(path);
}

EXPORT int rename(const char* from, const char* to) noexcept {
  if (emulated::InMapperDir(from)) {
    return Result(emulated::RenameNode(from, to));
  }
  static auto* const real = Next("rename", &rename);
  return real(from, to);
}

EXPORT int chown(const char* path, uid_t uid, gid_t gid) noexcept {
  if (emulated::InMapperDir(path)) return 0;
  static auto* const real = Next("chown", &chown);
  return real(path, uid, gid);
}

EXPORT int mkdir(const char* path, mode_t mode) noexcept {
  if (emulated::InMapperDir(path)) return Result(EEXIST);
  static auto* const real = Next("mkdir", &mkdir);
  return real(path, mode);
}

EXPORT ssize_t readlink(const char* path, char* buffer, size_t size) noexcept {
  if (auto link = emulated::ReadKernelLink(path)) {
    if (link->error != 0) return Result(link->error);
    const size_t length = std::min(size, link->text.size());
    memcpy(buffer, link->text.data(), length);
    return static_cast<ssize_t>(length);
  }
  static auto* const real = Next("readlink", &readlink);
  return real(path, buffer, size);
}

EXPORT DIR* opendir(const char* path) {
  const auto node = emulated::FindNode(path);
  // The disks of the real machine are none of the emulated one's.
  const bool sys_block = IsSysBlock(path);
  if (sys_block || (node && node->kind == emulated::NodeInfo::kDirectory)) {
    auto dir = std::make_unique<MapperDir>();
    if (sys_block) dir->names.clear();
    MapperDirs().insert(dir.get());
    return reinterpret_cast<DIR*>(dir.release());
  }
  static auto* const real = Next("opendir", &opendir);
  return real(path);
}

EXPORT dirent64* readdir64(DIR* dir) {
  if (MapperDir* mapper_dir = AsMapperDir(dir)) {
    if (mapper_dir->next == mapper_dir->names.size()) return nullptr;
    const std::string& name = mapper_dir->names[mapper_dir->next++];
    dirent64& entry = mapper_dir->entry;
    const size_t length = std::min(name.size(), sizeof(entry.d_name) - 1);
    memcpy(entry.d_name, name.data(), length);
    entry.d_name[length] = '\0';
    return &entry;
  }
  static auto* const real = Next("readdir64", &readdir64);
  return real(dir);
}

EXPORT int closedir(DIR* dir) {
  if (MapperDir* mapper_dir = AsMapperDir(dir)) {
    MapperDirs().erase(mapper_dir);
    delete mapper_dir;
    return 0;
  }
  static auto* const real = Next("closedir", &closedir);
  return real(dir);
}
