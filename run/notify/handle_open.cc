// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "absl/strings/match.h"
#include "run/mount_table.h"
#include "run/node.h"
#include "run/notify/handlers.h"
#include "run/notify/place.h"
#include "run/notify/tree_paths.h"
#include "server/protocol.h"

namespace dmdax::run {
namespace {

// `path` of an attribute, else "".
Reply OpenOnMachine(Call& call, uint32_t kind, uint64_t dev,
                    const std::string& path, int flags) {
  Exchange e(DMDAX_OP_OPEN);
  e.head.flags = static_cast<uint32_t>(flags);
  e.head.arg[0] = kind;
  e.head.arg[1] = dev;
  const std::string bytes =
      kind == DMDAX_KIND_ATTRIBUTE ? path : call.target.Comm();
  e.in = bytes;
  call.door.files.Reap();
  if (const int error = call.door.machine.Call(e)) return Reply::Errno(error);
  struct stat st;
  if (!e.out_fd.ok() || fstat(e.out_fd.get(), &st) != 0) {
    return Reply::Errno(EMFILE);  // we could have no more
  }
  call.door.files.Remember(
      st.st_ino,
      {.handle = e.head.handle, .kind = kind, .dev = dev, .flags = flags});
  return call.GiveNotified(e.out_fd, flags & O_CLOEXEC);
}

Reply OpenNode(Call& call, const Node& node, int flags) {
  if ((flags & O_DIRECTORY) != 0) return Reply::Errno(ENOTDIR);
  const char* const host =
      node.kind == DMDAX_KIND_CHAR ? HostNode(node.dev) : nullptr;
  if (host != nullptr) {
    const Fd fd(open(host, (flags & ~(O_CREAT | O_EXCL)) | O_CLOEXEC));
    if (!fd.ok()) return Reply::Errno(errno);
    return call.GiveFile(fd, flags & O_CLOEXEC);
  }
  return OpenOnMachine(call, node.kind, node.dev, "", flags);
}

Reply OpenFileOf(Call& call, const Place& place, const Seen& seen, int flags,
                 mode_t mode) {
  // A descriptor of O_PATH can not be handed over: what it is of can be.
  if ((flags & O_PATH) != 0) flags &= ~(O_PATH | O_ACCMODE);
  const bool makes = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
  if (makes) mode &= ~call.target.Umask();
  const Fd fd(open(place.real.c_str(), flags | O_CLOEXEC | O_NOCTTY,
                   makes ? mode & 07777 : 0));
  if (!fd.ok()) return Reply::Errno(errno);
  // Of a node's own file fstat(2) is to be asked, and of a directory of them
  // what each entry is.
  const bool is_notified =
      seen.node ||
      (S_ISDIR(seen.st.st_mode) && (place.shown + "/").starts_with("/dev/"));
  return is_notified ? call.GiveNotified(fd, flags & O_CLOEXEC)
                     : call.GiveFile(fd, flags & O_CLOEXEC);
}

}  // namespace

Reply Open(Call& call, int dir, uint64_t path, int flags, mode_t mode) {
  const bool only_new = (flags & O_CREAT) != 0 && (flags & O_EXCL) != 0;
  const bool no_follow = only_new || (flags & O_NOFOLLOW) != 0;
  const std::optional<Place> place = LocateAt(
      call, dir, path, no_follow ? LastLink::kKeep : LastLink::kFollow);
  if (!place) return Reply::Continue();
  const Seen seen = Look(*place, no_follow ? AT_SYMLINK_NOFOLLOW : 0);
  const bool only_path = (flags & O_PATH) != 0;
  if (seen.node && !only_path && !only_new) {
    return OpenNode(call, seen.node, flags);
  }
  if (seen.is_pipe && !only_path && !only_new) {
    // "/dev/stdin" opens the device anew.
    const OpenFile file = call.door.files.Find(seen.st.st_ino);
    if (file.kind == DMDAX_KIND_BLOCK || file.kind == DMDAX_KIND_CHAR) {
      return OpenNode(call, {file.kind, file.dev}, flags);
    }
  }
  if (!place->in_tree && seen.exists && !only_path &&
      MountTableOf(place->real.c_str()) != MountTable::kNone &&
      (flags & O_ACCMODE) == O_RDONLY) {
    const Fd table(OpenMountTable(place->real.c_str(),
                                  call.door.machine.tree().c_str(), O_CLOEXEC));
    return table.ok() ? call.GiveFile(table, flags & O_CLOEXEC)
                      : Reply::Continue();
  }
  // The kernel would stop at the link.
  const bool is_link = place->by_link && no_follow && !only_new;
  if (!place->in_tree && !is_link && !(seen.node && only_path)) {
    return Reply::Continue();
  }
  const bool writes = (flags & O_ACCMODE) != O_RDONLY;
  if (place->in_tree && writes && !only_path && seen.exists &&
      S_ISREG(seen.st.st_mode) && absl::StartsWith(place->shown, "/sys/")) {
    return OpenOnMachine(call, DMDAX_KIND_ATTRIBUTE, 0, place->shown, flags);
  }
  if (place->in_tree && !seen.exists && (flags & O_CREAT) != 0) {
    if (IsAtOrBelow(place->shown, "/sys") ||
        IsAtOrBelow(place->shown, "/proc")) {
      return Reply::Errno(EACCES);  // a kernel alone makes them
    }
    // When a machine has gone its names go, and a file in the place of a disk
    // would take what is written to it.
    Exchange ping(DMDAX_OP_PING);
    if (const int error = call.door.machine.Call(ping)) {
      return Reply::Errno(error);
    }
  }
  return OpenFileOf(call, *place, seen, flags, mode);
}

Reply OpenHow(Call& call) {
  open_how how{};
  const uint64_t size = call.arg(3);
  if (size < sizeof(how)) return Reply::Continue();  // EINVAL
  const absl::StatusOr<open_how> read =
      call.target.memory().ReadObject<open_how>(call.arg(2));
  if (!read.ok()) return Reply::Continue();
  how = *read;
  return Open(call, call.number(0), call.arg(1), static_cast<int>(how.flags),
              static_cast<mode_t>(how.mode));
}

}  // namespace dmdax::run
