// SPDX-License-Identifier: Apache-2.0
//
// Calls that read a directory.  The tree's are real ones; what is ours is where
// they are, and that a node is not called a file.
#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/preload/client.h"
#include "run/preload/file.h"
#include "run/preload/libc.h"
#include "run/preload/open.h"
#include "run/preload/path.h"

// readdir_r(3), which old programs call.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

namespace dmdax::preload {
namespace {

void MarkNode(int dir, dirent64* entry) {
  if (entry == nullptr || entry->d_type != DT_REG || !TreeWasSeen()) return;
  const KeepErrno keep;
  struct stat st;
  if (NEXT(fstatat)(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
    return;
  }
  if (const Node node = NodeOf(st)) {
    entry->d_type = node.kind == DMDAX_KIND_BLOCK ? DT_BLK : DT_CHR;
  }
}

}  // namespace
}  // namespace dmdax::preload

using namespace dmdax::preload;  // for what is in front of libc's names

EXPORT DIR* opendir(const char* said) {
  if (!HaveMachine()) return NEXT(opendir)(said);
  const int fd = OpenAt(AT_FDCWD, said,
                        O_RDONLY | O_NONBLOCK | O_DIRECTORY | O_CLOEXEC, 0);
  if (fd < 0) return nullptr;
  DIR* const dir = NEXT(fdopendir)(fd);
  if (dir == nullptr) NEXT(close)(fd);
  return dir;
}
EXPORT dirent64* readdir64(DIR* dir) {
  dirent64* const entry = NEXT(readdir64)(dir);
  if (entry != nullptr) MarkNode(dirfd(dir), entry);
  return entry;
}
// On 64-bit machines it is the same.
EXPORT dirent* readdir(DIR* dir) {
  return reinterpret_cast<dirent*>(readdir64(dir));
}
EXPORT int readdir64_r(DIR* dir, dirent64* entry, dirent64** result) {
  const int error = NEXT(readdir64_r)(dir, entry, result);
  if (error == 0) MarkNode(dirfd(dir), *result);
  return error;
}
EXPORT int readdir_r(DIR* dir, dirent* entry, dirent** result) {
  return readdir64_r(dir, reinterpret_cast<dirent64*>(entry),
                     reinterpret_cast<dirent64**>(result));
}
EXPORT ssize_t getdents64(int fd, void* buffer, size_t size) noexcept {
  const ssize_t n = NEXT(getdents64)(fd, buffer, size);
  for (ssize_t at = 0; at < n;) {
    auto* const entry =
        reinterpret_cast<dirent64*>(static_cast<char*>(buffer) + at);
    MarkNode(fd, entry);
    at += entry->d_reclen;
  }
  return n;
}
EXPORT int scandir64(const char* said, dirent64*** list,
                     int (*filter)(const dirent64*),
                     int (*compare)(const dirent64**, const dirent64**)) {
  const Path path(AT_FDCWD, said, LastLink::kFollow);
  return NEXT(scandir64)(path.get(), list, filter, compare);
}
EXPORT int scandir(const char* said, dirent*** list,
                   int (*filter)(const dirent*),
                   int (*compare)(const dirent**, const dirent**)) {
  const Path path(AT_FDCWD, said, LastLink::kFollow);
  return NEXT(scandir)(path.get(), list, filter, compare);
}
EXPORT int scandirat64(int dir, const char* said, dirent64*** list,
                       int (*filter)(const dirent64*),
                       int (*compare)(const dirent64**, const dirent64**)) {
  const Path path(dir, said, LastLink::kFollow);
  return NEXT(scandirat64)(dir, path.get(), list, filter, compare);
}
EXPORT int scandirat(int dir, const char* said, dirent*** list,
                     int (*filter)(const dirent*),
                     int (*compare)(const dirent**, const dirent**)) {
  const Path path(dir, said, LastLink::kFollow);
  return NEXT(scandirat)(dir, path.get(), list, filter, compare);
}

// libc's own calls are not seen; it takes ours, if it is told to.
EXPORT int glob64(const char* pattern, int flags,
                  int (*error)(const char*, int), glob64_t* found) {
  if (Path(pattern).in_tree() && (flags & GLOB_ALTDIRFUNC) == 0) {
    found->gl_opendir = [](const char* path) -> void* { return opendir(path); };
    found->gl_readdir = [](void* dir) {
      return readdir64(static_cast<DIR*>(dir));
    };
    found->gl_closedir = [](void* dir) { closedir(static_cast<DIR*>(dir)); };
    found->gl_stat = &stat64;
    found->gl_lstat = &lstat64;
    flags |= GLOB_ALTDIRFUNC;
  }
  return NEXT(glob64)(pattern, flags, error, found);
}
EXPORT int glob(const char* pattern, int flags, int (*error)(const char*, int),
                glob_t* found) {
  return glob64(pattern, flags, error, reinterpret_cast<glob64_t*>(found));
}
