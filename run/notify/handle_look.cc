// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "run/notify/handlers.h"
#include "run/notify/place.h"
#include "server/protocol.h"

namespace dmdax::run {
namespace {

int ErrnoOfResult(long result) { return result < 0 ? errno : 0; }

// The path that the kernel would show of a device's descriptor.
std::string NodePath(const Call& call, const OpenFile& file) {
  if (file.IsControl()) return "/dev/mapper/control";
  if (file.kind == DMDAX_KIND_CHAR) return "/dev/loop-control";
  if (file.kind != DMDAX_KIND_BLOCK) return "";
  char to[PATH_MAX];
  const std::string link =
      absl::StrCat(call.door.machine.tree(), "/sys/dev/block/",
                   DMDAX_MAJOR(file.dev), ":", DMDAX_MINOR(file.dev));
  const ssize_t n = readlink(link.c_str(), to, sizeof(to));
  if (n <= 0) return "";
  const absl::string_view text(to, static_cast<size_t>(n));
  return absl::StrCat("/dev/", text.substr(text.rfind('/') + 1));
}

}  // namespace

Reply Access(Call& call, int dir, uint64_t path, int mode, int flags) {
  const std::optional<Place> place = LocateAt(call, dir, path, LastOf(flags));
  if (!place || !place->in_tree) return Reply::Continue();
  return Reply::Of(ErrnoOfResult(
      faccessat(AT_FDCWD, place->real.c_str(), mode, flags & ~AT_EMPTY_PATH)));
}

Reply ReadLink(Call& call, int dir, uint64_t path, uint64_t out,
               uint64_t size) {
  const std::optional<Place> place = LocateAt(call, dir, path, LastLink::kKeep);
  if (!place) return Reply::Continue();
  char to[PATH_MAX];
  const ssize_t n = readlink(place->real.c_str(), to, sizeof(to));
  if (n < 0) return place->in_tree ? Reply::Errno(errno) : Reply::Continue();
  const absl::string_view text(to, static_cast<size_t>(n));
  std::string shown = WithoutTree(call, text);
  if (!place->in_tree && shown == text) {
    // "/proc/self/fd/900" of a device leads to its node.
    const Seen seen =
        absl::StartsWith(text, "pipe:") ? Look(*place, 0) : Seen();
    if (seen.is_pipe) {
      shown = NodePath(call, call.door.files.Find(seen.st.st_ino));
    }
    if (!seen.is_pipe || shown.empty()) return Reply::Continue();
  }
  if (static_cast<int>(size) <= 0) return Reply::Errno(EINVAL);
  shown.resize(std::min<size_t>(shown.size(), size));
  if (!call.target.memory().Write(out, shown).ok()) {
    return Reply::Errno(EFAULT);
  }
  return Reply::Value(static_cast<int64_t>(shown.size()));
}

Reply GetCwd(Call& call) {
  const std::string link = call.target.Link("cwd");
  const std::string shown = WithoutTree(call, link);
  if (shown == link) return Reply::Continue();
  if (shown.size() + 1 > call.arg(1)) return Reply::Errno(ERANGE);
  const absl::Status s = call.target.memory().Write(
      call.arg(0), absl::MakeConstSpan(shown.c_str(), shown.size() + 1));
  return s.ok() ? Reply::Value(static_cast<int64_t>(shown.size() + 1))
                : Reply::Errno(EFAULT);
}

Reply StatFs(Call& call) {
  const std::optional<Place> place =
      LocateAt(call, AT_FDCWD, call.arg(0), LastLink::kFollow);
  if (!place || !place->in_tree) return Reply::Continue();
  struct statfs st;
  if (statfs(place->real.c_str(), &st) != 0) return Reply::Errno(errno);
  const absl::Status s = call.target.memory().WriteObject(call.arg(1), st);
  return s.ok() ? Reply::Value(0) : Reply::Errno(EFAULT);
}

namespace {

// As getxattr(2) or lgetxattr(2) and their kind do.
LastLink AttributeLink(int nr) {
  return nr == __NR_lgetxattr || nr == __NR_llistxattr ||
                 nr == __NR_lsetxattr || nr == __NR_lremovexattr
             ? LastLink::kKeep
             : LastLink::kFollow;
}

}  // namespace

// A name of the machine has no extended attributes.
Reply GetAttribute(Call& call) {
  const std::optional<Place> place =
      LocateAt(call, AT_FDCWD, call.arg(0), AttributeLink(call.nr()));
  if (!place || !place->in_tree) return Reply::Continue();
  const Seen seen = Look(*place, AT_SYMLINK_NOFOLLOW);
  return Reply::Errno(seen.exists ? ENODATA : ENOENT);
}

Reply ListAttributes(Call& call) {
  const std::optional<Place> place =
      LocateAt(call, AT_FDCWD, call.arg(0), AttributeLink(call.nr()));
  if (!place || !place->in_tree) return Reply::Continue();
  const Seen seen = Look(*place, AT_SYMLINK_NOFOLLOW);
  return seen.exists ? Reply::Value(0) : Reply::Errno(ENOENT);
}

Reply ChangeAttribute(Call& call) {
  const std::optional<Place> place =
      LocateAt(call, AT_FDCWD, call.arg(0), AttributeLink(call.nr()));
  if (!place || !place->in_tree) return Reply::Continue();
  const Seen seen = Look(*place, AT_SYMLINK_NOFOLLOW);
  return Reply::Errno(seen.exists ? EPERM : ENOENT);
}

Reply WatchName(Call& call) {
  const auto mask = static_cast<uint32_t>(call.arg(2));
  const std::optional<Place> place = LocateAt(
      call, AT_FDCWD, call.arg(1),
      (mask & IN_DONT_FOLLOW) != 0 ? LastLink::kKeep : LastLink::kFollow);
  if (!place || !place->in_tree) return Reply::Continue();
  const Fd copy = call.target.Copy(call.number(0));
  if (!copy.ok()) return Reply::Errno(EBADF);
  const int watch = inotify_add_watch(copy.get(), place->real.c_str(), mask);
  return watch < 0 ? Reply::Errno(errno) : Reply::Value(watch);
}

// A set-user-ID program runs without its rights: the kernel lets nobody put a
// filter in front of one that keeps them.
Reply Execute(Call& call, int dir, uint64_t path) {
  const std::optional<Place> place =
      LocateAt(call, dir, path, LastLink::kFollow);
  if (!place) return Reply::Continue();
  const Seen seen = Look(*place, 0);
  if (seen.exists && S_ISREG(seen.st.st_mode) &&
      (seen.st.st_mode & S_ISUID) != 0 && (seen.st.st_mode & 0111) != 0 &&
      !seen.node && seen.st.st_uid != geteuid()) {
    Say(absl::StrCat(call.target.memory().ReadString(path).value_or("it"),
                     " runs without its set-user-ID rights here: a seccomp "
                     "filter takes them away"));
  }
  return Reply::Continue();
}

}  // namespace dmdax::run
