// SPDX-License-Identifier: Apache-2.0
//
// Calls by which the kernel would take a device for itself: refused where they
// name one of the machine's (run/mount_call.h).  All others are the host's.
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/quota.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <unistd.h>

#include "run/mount_call.h"
#include "run/preload/client.h"
#include "run/preload/file.h"
#include "run/preload/libc.h"
#include "run/preload/path.h"

namespace dmdax::preload {
namespace {

// Whether a name is one of the machine's, or a device's node.
bool IsMachines(int dir, const char* said) {
  if (said == nullptr || *said == '\0' || !HaveMachine()) return false;
  const Path path(dir, said, LastLink::kFollow);
  if (NodeAt(dir, path.get())) return true;
  if (said[0] == '/') return path.in_tree();
  // "tmpfs" is no path, wherever that is said.
  char at[PATH_MAX];
  const KeepErrno keep;
  struct stat st;
  return path.MachinePath(at, sizeof(at)) &&
         NEXT(fstatat)(dir, path.get(), &st, 0) == 0;
}

int Refuse(const char* call, const char* path) {
  char line[512];
  run::SayNoKernel(call, path, line, sizeof(line));
  SayLine(line);
  return Result(EPERM);
}

bool AnyMachines(const void* options) {
  return options != nullptr &&
         run::AnyOptionPath(
             static_cast<const char*>(options),
             [](const char* path) { return IsMachines(AT_FDCWD, path); });
}

}  // namespace
}  // namespace dmdax::preload

using namespace dmdax::preload;  // for what is in front of libc's names

EXPORT int mount(const char* source, const char* target, const char* type,
                 unsigned long flags, const void* options) noexcept {
  if (HaveMachine()) {
    if (IsMachines(AT_FDCWD, source)) return Refuse("mount", source);
    if (IsMachines(AT_FDCWD, target)) return Refuse("mount", target);
    if (AnyMachines(options)) return Refuse("mount", "one of its options");
  }
  return NEXT(mount)(source, target, type, flags, options);
}
EXPORT int umount2(const char* said, int flags) noexcept {
  if (IsMachines(AT_FDCWD, said)) return Result(EINVAL);  // none is there
  return NEXT(umount2)(said, flags);
}
EXPORT int umount(const char* said) noexcept { return umount2(said, 0); }
EXPORT int swapon(const char* said, int flags) noexcept {
  if (IsMachines(AT_FDCWD, said)) return Refuse("swapon", said);
  return NEXT(swapon)(said, flags);
}
EXPORT int swapoff(const char* said) noexcept {
  if (IsMachines(AT_FDCWD, said)) return Result(EINVAL);  // it is not in use
  return NEXT(swapoff)(said);
}
EXPORT int quotactl(int command, const char* said, int id,
                    caddr_t to) noexcept {
  if (IsMachines(AT_FDCWD, said)) return Result(ENODEV);  // it is not mounted
  return NEXT(quotactl)(command, said, id, to);
}
EXPORT int open_tree(int dir, const char* said, unsigned flags) noexcept {
  if (IsMachines(dir, said)) return Refuse("open_tree", said);
  return NEXT_OR_CALL(open_tree, dir, said, flags);
}
EXPORT int move_mount(int from_dir, const char* from, int to_dir,
                      const char* to, unsigned flags) noexcept {
  if (IsMachines(from_dir, from)) return Refuse("move_mount", from);
  if (IsMachines(to_dir, to)) return Refuse("move_mount", to);
  return NEXT_OR_CALL(move_mount, from_dir, from, to_dir, to, flags);
}
EXPORT int fspick(int dir, const char* said, unsigned flags) noexcept {
  if (IsMachines(dir, said)) return Refuse("fspick", said);
  return NEXT_OR_CALL(fspick, dir, said, flags);
}
EXPORT int mount_setattr(int dir, const char* said, unsigned flags,
                         mount_attr* attributes, size_t size) noexcept {
  if (IsMachines(dir, said)) return Refuse("mount_setattr", said);
  return NEXT_OR_CALL(mount_setattr, dir, said, flags, attributes, size);
}
EXPORT int fsconfig(int fd, unsigned command, const char* key,
                    const void* value, int more) noexcept {
  const auto* const path = static_cast<const char*>(value);
  const bool is_path =
      command == FSCONFIG_SET_PATH || command == FSCONFIG_SET_PATH_EMPTY;
  const int dir = is_path ? more : AT_FDCWD;
  // "journal_path": "/dev/x", but not "source": "tmpfs".
  if ((is_path || command == FSCONFIG_SET_STRING) && IsMachines(dir, path)) {
    return Refuse("mount", path);
  }
  return NEXT_OR_CALL(fsconfig, fd, command, key, value, more);
}
// It has no header.
EXPORT int pivot_root(const char* root, const char* old) noexcept {
  if (IsMachines(AT_FDCWD, root)) return Refuse("pivot_root", root);
  if (IsMachines(AT_FDCWD, old)) return Refuse("pivot_root", old);
  return NEXT(pivot_root)(root, old);
}
