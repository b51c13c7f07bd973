// SPDX-License-Identifier: Apache-2.0
//
// A node is a device, and so is what stands behind a descriptor of one.
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <optional>
#include <string>

#include "run/node.h"
#include "run/notify/handlers.h"
#include "run/notify/place.h"
#include "server/protocol.h"

namespace dmdax::run {
namespace {

// Whether it is the machine's.
bool Convert(Call& call, struct stat* st) {
  if (const Node node = NodeOf(*st)) {
    MakeDevice(node.kind, node.dev, st->st_mode & 0777, st);
    return true;
  }
  if (st->st_mode != DMDAX_FD_MODE) return false;
  const OpenFile file = call.door.files.Find(st->st_ino);
  if (file.kind == DMDAX_KIND_BLOCK || file.kind == DMDAX_KIND_CHAR) {
    MakeDevice(file.kind, file.dev, file.IsControl() ? 0600 : 0660, st);
  } else {
    st->st_mode = S_IFREG | 0644;
    st->st_size = 4096;
  }
  return true;
}

Reply WriteStat(Call& call, uint64_t out, const struct stat& st) {
  const absl::Status s = call.target.memory().WriteObject(out, st);
  return s.ok() ? Reply::Value(0) : Reply::Errno(EFAULT);
}

// Of a path, or with AT_EMPTY_PATH of the descriptor `dir`.  Nothing: the
// kernel is to answer.
struct Found {
  std::string real;
  bool in_tree = false;
};
std::optional<Found> Find(Call& call, int dir, uint64_t path, int flags) {
  absl::StatusOr<std::string> said = std::string();
  if (path != 0 || (flags & AT_EMPTY_PATH) == 0) {
    said = call.target.memory().ReadString(path);
    if (!said.ok()) return std::nullopt;
  }
  if (said->empty()) {
    if ((flags & AT_EMPTY_PATH) == 0 || dir < 0) return std::nullopt;
    return Found{call.target.FdPath(dir), false};
  }
  std::optional<Place> place = Locate(call, dir, *said, LastOf(flags));
  if (!place) return std::nullopt;
  return Found{std::move(place->real), place->in_tree};
}

}  // namespace

Reply StatPath(Call& call, int dir, uint64_t path, uint64_t out, int flags) {
  const std::optional<Found> found = Find(call, dir, path, flags);
  if (!found) return Reply::Continue();
  struct stat st;
  const int result =
      fstatat(AT_FDCWD, found->real.c_str(), &st, flags & AT_SYMLINK_NOFOLLOW);
  if (result != 0) {
    return found->in_tree ? Reply::Errno(errno) : Reply::Continue();
  }
  const dev_t before = st.st_dev;
  HideRootsNumber(found->real.c_str(), call.door.machine.tree().c_str(), &st);
  if (!Convert(call, &st) && !found->in_tree && st.st_dev == before) {
    return Reply::Continue();
  }
  return WriteStat(call, out, st);
}

Reply StatFile(Call& call) {
  std::optional<struct stat> st = call.target.StatFd(call.number(0));
  if (!st || !Convert(call, &*st)) return Reply::Continue();
  return WriteStat(call, call.arg(1), *st);
}

Reply Statx(Call& call) {
  const int flags = call.number(2);
  const std::optional<Found> found =
      Find(call, call.number(0), call.arg(1), flags);
  if (!found) return Reply::Continue();
  struct statx stx;
  // The time has a node's number.
  const int result =
      statx(AT_FDCWD, found->real.c_str(), flags & ~AT_EMPTY_PATH,
            static_cast<unsigned>(call.arg(3)) | STATX_BASIC_STATS, &stx);
  if (result != 0) {
    return found->in_tree ? Reply::Errno(errno) : Reply::Continue();
  }
  struct stat st {};
  st.st_mode = stx.stx_mode;
  st.st_ino = stx.stx_ino;
  st.st_size = static_cast<off_t>(stx.stx_size);
  st.st_mtim.tv_sec = stx.stx_mtime.tv_sec;
  st.st_mtim.tv_nsec = stx.stx_mtime.tv_nsec;
  if (Convert(call, &st)) {
    if (S_ISREG(st.st_mode)) {  // an attribute
      stx.stx_mode = static_cast<uint16_t>(st.st_mode);
      stx.stx_size = static_cast<uint64_t>(st.st_size);
    } else {
      MakeDevice(st, &stx);
    }
  } else if (!found->in_tree) {
    return Reply::Continue();
  }
  const absl::Status s = call.target.memory().WriteObject(call.arg(4), stx);
  return s.ok() ? Reply::Value(0) : Reply::Errno(EFAULT);
}

}  // namespace dmdax::run
