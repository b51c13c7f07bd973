// SPDX-License-Identifier: Apache-2.0
//
// posix_spawn(3): what a child is to open, libc opens itself.  A device is
// opened when it is asked for, and copied in the child.
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <unistd.h>

#include <atomic>

#include "run/preload/client.h"
#include "run/preload/file.h"
#include "run/preload/libc.h"
#include "run/preload/open.h"
#include "run/preload/path.h"

namespace dmdax::preload {
namespace {

using Actions = posix_spawn_file_actions_t;

// Descriptors that are open for actions that nobody has destroyed yet.
struct Kept {
  std::atomic<const Actions*> actions = nullptr;
  std::atomic<int> fd = -1;
};
Kept kept[256];

bool Keep(const Actions* actions, int fd) {
  for (Kept& k : kept) {
    const Actions* none = nullptr;
    if (k.actions.compare_exchange_strong(none, actions)) {
      k.fd = fd;
      return true;
    }
  }
  return false;
}

int AddOpen(Actions* actions, int as, const char* said, int flags,
            mode_t mode) {
  const int opened = OpenAt(AT_FDCWD, said, flags | O_CLOEXEC, mode);
  if (opened < 0) return errno;
  // Out of the way of the child's numbers.
  constexpr int kHigh = 300;
  int fd = fcntl(opened, F_DUPFD_CLOEXEC, kHigh);
  if (fd < 0) fd = fcntl(opened, F_DUPFD_CLOEXEC, as + 1);
  close(opened);
  if (fd < 0) return errno;
  const int error = posix_spawn_file_actions_adddup2(actions, fd, as);
  if (error == 0 && Keep(actions, fd)) return 0;
  close(fd);
  return error != 0 ? error : ENOMEM;
}

}  // namespace
}  // namespace dmdax::preload

using namespace dmdax::preload;  // for what is in front of libc's names

EXPORT int posix_spawn_file_actions_addopen(Actions* actions, int fd,
                                            const char* said, int flags,
                                            mode_t mode) noexcept {
  if (HaveMachine()) {
    const Path path(AT_FDCWD, said, LastLink::kFollow);
    if (path.in_tree() || NodeAt(AT_FDCWD, path.get())) {
      return AddOpen(actions, fd, said, flags, mode);
    }
  }
  return NEXT(posix_spawn_file_actions_addopen)(actions, fd, said, flags, mode);
}
EXPORT int posix_spawn_file_actions_destroy(Actions* actions) noexcept {
  for (Kept& k : kept) {
    if (k.actions.load() != actions) continue;
    close(k.fd);
    k.actions = nullptr;
  }
  return NEXT(posix_spawn_file_actions_destroy)(actions);
}
EXPORT int posix_spawn_file_actions_addchdir_np(Actions* actions,
                                                const char* said) noexcept {
  const Path path(AT_FDCWD, said, LastLink::kFollow);
  return NEXT(posix_spawn_file_actions_addchdir_np)(actions, path.get());
}
