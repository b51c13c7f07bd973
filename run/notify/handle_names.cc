// SPDX-License-Identifier: Apache-2.0
//
// What is done to a name of the machine is done to its scratch tree, and then
// the machine is told.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "run/node.h"
#include "run/notify/handlers.h"
#include "run/notify/place.h"
#include "run/notify/tree_paths.h"
#include "server/protocol.h"

namespace dmdax::run {
namespace {

// What the names of `paths` are now, the machine is to look at: 0, or the errno
// with which nobody did.
int Tell(Call& call, std::initializer_list<const Place*> places) {
  std::string paths;
  for (const Place* place : places) {
    if (!place->in_tree || !IsAtOrBelow(place->shown, "/dev")) continue;
    if (!paths.empty()) paths += '\0';
    paths += place->shown;
  }
  if (paths.empty()) return 0;
  Exchange e(DMDAX_OP_CHANGED);
  e.in = paths;
  return call.door.machine.Call(e);
}

// Of a system call of ours, which returns 0 or -1.
Reply Told(Call& call, int result, std::initializer_list<const Place*> places) {
  if (result != 0) return Reply::Errno(errno);
  if (const int error = Tell(call, places)) return Reply::Errno(error);
  return Reply::Value(0);
}

int MakeNodeFile(const std::string& path, mode_t mode, dev_t dev) {
  const Fd fd(
      open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd.ok()) return -1;
  timespec times[2] = {};
  times[0].tv_nsec = UTIME_OMIT;
  times[1].tv_sec = static_cast<time_t>(DMDAX_DEV(major(dev), minor(dev)));
  times[1].tv_nsec =
      DMDAX_NODE_NSEC + (S_ISBLK(mode) ? DMDAX_KIND_BLOCK : DMDAX_KIND_CHAR);
  const mode_t rights = (mode & 0777) | 0600;
  if (fchmod(fd.get(), (DMDAX_NODE_MODE & 07000) | rights) == 0 &&
      futimens(fd.get(), times) == 0) {
    return 0;
  }
  const int error = errno;
  unlink(path.c_str());
  errno = error;
  return -1;
}

// What a kernel says of a name that is to be made or changed below /sys or
// /proc, where it alone makes names: an errno; 0: it is not there.
int KernelsOwn(const Place& place, int none, int some) {
  if (!place.in_tree || (!IsAtOrBelow(place.shown, "/sys") &&
                         !IsAtOrBelow(place.shown, "/proc"))) {
    return 0;
  }
  return Look(place, AT_SYMLINK_NOFOLLOW).exists ? some : none;
}
int MakeError(const Place& place) { return KernelsOwn(place, EPERM, EEXIST); }
int ChangeError(const Place& place) {
  if (place.in_tree && IsControlNode(place.real.c_str())) return EPERM;
  return KernelsOwn(place, ENOENT, EPERM);
}

// Does `change` to what is the machine's: a name in its tree, or a node
// wherever that is.
Reply OnMachines(Call& call, int dir, uint64_t path, int flags,
                 absl::FunctionRef<int(const Place&, const Seen&)> change) {
  const std::optional<Place> place = LocateAt(call, dir, path, LastOf(flags));
  if (!place) return Reply::Continue();
  const Seen seen = Look(*place, flags & AT_SYMLINK_NOFOLLOW);
  if (!place->in_tree && !seen.node) return Reply::Continue();
  if (!seen.exists) return Reply::Errno(ENOENT);
  return change(*place, seen) == 0 ? Reply::Value(0) : Reply::Errno(errno);
}

}  // namespace

Reply MakeNode(Call& call, int dir, uint64_t path, mode_t mode, dev_t dev) {
  const std::optional<Place> place = LocateAt(call, dir, path, LastLink::kKeep);
  if (!place) return Reply::Continue();
  const mode_t masked = mode & ~call.target.Umask();
  if (S_ISBLK(mode) || S_ISCHR(mode)) {
    // Whoever may not do so on the host can do it here.
    return Told(call, MakeNodeFile(place->real, masked, dev), {&*place});
  }
  if (!place->in_tree) return Reply::Continue();
  if (const int error = MakeError(*place)) return Reply::Errno(error);
  return Told(call, mknod(place->real.c_str(), masked, dev), {&*place});
}

Reply MakeDir(Call& call, int dir, uint64_t path, mode_t mode) {
  const std::optional<Place> place = LocateAt(call, dir, path, LastLink::kKeep);
  if (!place || !place->in_tree) return Reply::Continue();
  if (const int error = MakeError(*place)) return Reply::Errno(error);
  const mode_t masked = mode & ~call.target.Umask();
  return Told(call, mkdir(place->real.c_str(), masked), {&*place});
}

Reply Unlink(Call& call, int dir, uint64_t path, int flags) {
  const std::optional<Place> place = LocateAt(call, dir, path, LastLink::kKeep);
  if (!place || !place->in_tree) return Reply::Continue();
  if (const int error = ChangeError(*place)) return Reply::Errno(error);
  return Told(call, unlinkat(AT_FDCWD, place->real.c_str(), flags), {&*place});
}

Reply Rename(Call& call, int from_dir, uint64_t from_path, int to_dir,
             uint64_t to_path, unsigned flags) {
  const std::optional<Place> from =
      LocateAt(call, from_dir, from_path, LastLink::kKeep);
  const std::optional<Place> to =
      LocateAt(call, to_dir, to_path, LastLink::kKeep);
  if (!from || !to || (!from->in_tree && !to->in_tree)) {
    return Reply::Continue();
  }
  int error = ChangeError(*from);
  if (error == 0) error = KernelsOwn(*to, EPERM, EPERM);
  if (error != 0) return Reply::Errno(error);
  return Told(call,
              renameat2(AT_FDCWD, from->real.c_str(), AT_FDCWD,
                        to->real.c_str(), flags),
              {&*from, &*to});
}

Reply Link(Call& call, int from_dir, uint64_t from_path, int to_dir,
           uint64_t to_path, int flags) {
  const std::optional<Place> from = LocateAt(
      call, from_dir, from_path,
      (flags & AT_SYMLINK_FOLLOW) != 0 ? LastLink::kFollow : LastLink::kKeep);
  const std::optional<Place> to =
      LocateAt(call, to_dir, to_path, LastLink::kKeep);
  if (!from || !to || (!from->in_tree && !to->in_tree)) {
    return Reply::Continue();
  }
  if (const int error = MakeError(*to)) return Reply::Errno(error);
  return Told(call,
              linkat(AT_FDCWD, from->real.c_str(), AT_FDCWD, to->real.c_str(),
                     flags & AT_SYMLINK_FOLLOW),
              {&*from, &*to});
}

Reply Symlink(Call& call, uint64_t target, int dir, uint64_t path) {
  const std::optional<Place> place = LocateAt(call, dir, path, LastLink::kKeep);
  const absl::StatusOr<std::string> said =
      call.target.memory().ReadString(target);
  if (!place || !said.ok()) return Reply::Continue();
  const std::string text = LinkText(call, *place, *said);
  if (!place->in_tree && text == *said) return Reply::Continue();
  if (const int error = MakeError(*place)) return Reply::Errno(error);
  return Told(call, symlink(text.c_str(), place->real.c_str()), {&*place});
}

Reply ChangeMode(Call& call, int dir, uint64_t path, mode_t mode) {
  return OnMachines(call, dir, path, 0,
                    [&](const Place& place, const Seen& seen) {
                      // It stays a node.
                      if (seen.node)
                        mode = (mode & 0777) | 0600 | (DMDAX_NODE_MODE & 07000);
                      return chmod(place.real.c_str(), mode & 07777);
                    });
}

// What belongs to the machine is root's there and its user's here.
Reply ChangeOwner(Call& call, int dir, uint64_t path, int flags) {
  if (path != 0 && (flags & AT_EMPTY_PATH) != 0 && call.FileAt(dir)) {
    return Reply::Value(0);
  }
  return OnMachines(call, dir, path, flags,
                    [](const Place&, const Seen&) { return 0; });
}

namespace {

// A node's time is its number.  Null: the time is now.
Reply SetTimes(Call& call, int dir, uint64_t path, const timespec* times,
               int flags) {
  return OnMachines(call, dir, path, flags,
                    [&](const Place& place, const Seen& seen) {
                      if (seen.node) return 0;
                      return utimensat(AT_FDCWD, place.real.c_str(), times,
                                       flags & AT_SYMLINK_NOFOLLOW);
                    });
}

}  // namespace

Reply ChangeTimes(Call& call, int dir, uint64_t path, uint64_t times,
                  int flags) {
  if (path == 0) {
    return call.FileAt(dir) ? Reply::Value(0) : Reply::Continue();
  }
  if (times == 0) return SetTimes(call, dir, path, nullptr, flags);
  const absl::StatusOr<std::array<timespec, 2>> read =
      call.target.memory().ReadObject<std::array<timespec, 2>>(times);
  if (!read.ok()) return Reply::Continue();
  return SetTimes(call, dir, path, read->data(), flags);
}

Reply ChangeTimesOld(Call& call, int dir, uint64_t path, uint64_t times,
                     OldTimes unit) {
  if (path == 0) {
    return call.FileAt(dir) ? Reply::Value(0) : Reply::Continue();
  }
  if (times == 0) return SetTimes(call, dir, path, nullptr, 0);
  std::array<timespec, 2> values = {};
  if (unit == OldTimes::kSeconds) {
    const absl::StatusOr<std::array<time_t, 2>> read =
        call.target.memory().ReadObject<std::array<time_t, 2>>(times);
    if (!read.ok()) return Reply::Continue();
    for (size_t i = 0; i < 2; ++i) values[i].tv_sec = (*read)[i];
  } else {
    const absl::StatusOr<std::array<timeval, 2>> read =
        call.target.memory().ReadObject<std::array<timeval, 2>>(times);
    if (!read.ok()) return Reply::Continue();
    for (size_t i = 0; i < 2; ++i) {
      values[i] = {(*read)[i].tv_sec, (*read)[i].tv_usec * 1000};
    }
  }
  return SetTimes(call, dir, path, values.data(), 0);
}

Reply Truncate(Call& call) {
  return OnMachines(call, AT_FDCWD, call.arg(0), 0,
                    [&](const Place& place, const Seen& seen) {
                      if (seen.node) return errno = EINVAL, -1;
                      return truncate(place.real.c_str(),
                                      static_cast<off_t>(call.arg(1)));
                    });
}

}  // namespace dmdax::run
