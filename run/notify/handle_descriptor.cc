// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "run/notify/handlers.h"
#include "run/notify/place.h"
#include "server/protocol.h"

namespace dmdax::run {
namespace {

// What of open(2)'s flags stays with a file.
constexpr int kStatusFlags =
    O_ACCMODE | O_APPEND | O_DIRECT | O_NONBLOCK | O_SYNC | O_NOATIME;
// O_LARGEFILE of the kernel, which open(2) sets; libc's is 0.
constexpr int kLargeFile = 0100000;

Fd CopyOf(Call& call, const OpenFile& file, int fd) {
  if (file.is_stand_in) return call.target.Copy(fd, O_WRONLY);
  if (file.is_path) return call.target.Copy(fd, O_RDONLY);
  return call.target.Copy(fd,
                          file.IsControl() ? O_RDONLY : file.flags & O_ACCMODE);
}

bool IsNotified(const Call& call, int fd) {
  return fd < 3 ||
         (fd >= call.door.numbers.first && fd < call.door.numbers.end);
}

// Entries of a directory of the tree: a node's own file is no file.
void MarkNodes(int directory, char* entries, size_t size) {
  constexpr size_t kLength = 16, kType = 18, kName = 19;  // of linux_dirent64
  for (size_t at = 0; at + kName < size;) {
    char* const entry = entries + at;
    uint16_t length;
    memcpy(&length, entry + kLength, sizeof(length));
    if (length == 0) return;
    at += length;
    struct stat st;
    if (entry[kType] != DT_REG ||
        fstatat(directory, entry + kName, &st, AT_SYMLINK_NOFOLLOW) != 0) {
      continue;
    }
    const Node node = NodeOf(st);
    if (!node) continue;
    entry[kType] = node.kind == DMDAX_KIND_BLOCK ? DT_BLK : DT_CHR;
  }
}

// Another program may have changed them.
Reply Flags(Call& call, const OpenFile& file) {
  int flags = file.flags;
  Exchange e(DMDAX_OP_IDENTIFY, file.handle);
  if (!file.is_path && !file.IsControl() && call.door.machine.Call(e) == 0) {
    flags = static_cast<int>(e.head.flags);
  }
  return Reply::Value((flags & kStatusFlags) | kLargeFile);
}

Reply SetFlags(Call& call, const OpenFile& file) {
  if (const int error = file.Error()) return Reply::Errno(error);
  Exchange e(DMDAX_OP_SET_FLAGS, file.handle);
  e.head.flags = static_cast<uint32_t>(call.arg(2));
  return Reply::Of(call.door.machine.Call(e));
}

}  // namespace

Reply Duplicate(Call& call) {
  const int fd = call.number(0);
  const std::optional<OpenFile> file = call.FileAt(fd);
  if (!file) return Reply::Continue();
  const Fd copy = CopyOf(call, *file, fd);
  if (!copy.ok()) return Reply::Errno(EMFILE);
  return call.GiveNotified(copy, 0);
}

Reply DuplicateTo(Call& call, int flags) {
  const int fd = call.number(0), to = call.number(1);
  // The kernel copies to the same number as well, where it can see to it that
  // the copy means the same.
  if (fd == to || to < 0 || IsNotified(call, to) || (flags & ~O_CLOEXEC) != 0) {
    return Reply::Continue();
  }
  const std::optional<OpenFile> file = call.FileAt(fd);
  if (!file || file->is_path) return Reply::Continue();
  Fd copy = CopyOf(call, *file, fd);
  if (!copy.ok()) return Reply::Errno(EMFILE);
  const absl::StatusOr<Fd> stand_in =
      call.door.files.MakeStandIn(*file, std::move(copy));
  if (!stand_in.ok()) return Reply::Errno(EMFILE);
  return Reply::Value(
      call.door.listener.AddFd(call.id(), stand_in->get(), flags, to));
}

Reply Fcntl(Call& call) {
  const int command = call.number(1);
  switch (command) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
    case F_GETFL:
    case F_SETFL:
      break;
    default:
      return Reply::Continue();
  }
  const std::optional<OpenFile> file = call.FileAt(call.number(0));
  if (!file) return Reply::Continue();
  if (command == F_GETFL) return Flags(call, *file);
  // O_DIRECT of a pipe is another thing.
  if (command == F_SETFL) {
    return file->IsControl() ? Reply::Continue() : SetFlags(call, *file);
  }
  const int at_least = call.number(2);
  if (at_least < 0) return Reply::Errno(EINVAL);
  const Fd copy = CopyOf(call, *file, call.number(0));
  if (!copy.ok()) return Reply::Errno(EMFILE);
  return call.GiveNotified(copy, command == F_DUPFD_CLOEXEC ? O_CLOEXEC : 0,
                           at_least);
}

Reply ReadDir(Call& call) {
  const int fd = call.number(0);
  const std::optional<struct stat> st = call.target.StatFd(fd);
  if (!st || !S_ISDIR(st->st_mode)) return Reply::Continue();
  // The same open directory, so that the target's position moves.
  const Fd directory = call.target.Share(fd);
  if (!directory.ok()) return Reply::Continue();
  std::string entries(std::min<uint64_t>(call.arg(2), 1 << 16), '\0');
  const long n =
      syscall(SYS_getdents64, directory.get(), entries.data(), entries.size());
  if (n < 0) return Reply::Errno(errno);
  entries.resize(static_cast<size_t>(n));
  MarkNodes(directory.get(), entries.data(), entries.size());
  if (!call.target.memory().Write(call.arg(1), entries).ok()) {
    return Reply::Errno(EFAULT);
  }
  return Reply::Value(n);
}

Reply Refuse(Call& call, unsigned first, unsigned second, int err) {
  if (!call.FileAt(call.number(first)) && !call.FileAt(call.number(second))) {
    return Reply::Continue();
  }
  return Reply::Errno(err);
}

Reply RootIds(Call& call) {
  for (unsigned i = 0; i < 3; ++i) {
    if (!call.target.memory().WriteObject(call.arg(i), uint32_t{0}).ok()) {
      return Reply::Errno(EFAULT);
    }
  }
  return Reply::Value(0);
}

}  // namespace dmdax::run
