// SPDX-License-Identifier: Apache-2.0
#include "run/notify/call.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>

#include "absl/strings/str_cat.h"
#include "run/node.h"
#include "server/protocol.h"

namespace dmdax::run {

namespace {

// Of a program that has made itself undumpable /proc shows its descriptors to
// root alone: what it does to a device fails, as on the pipe that it is.
void SayUndumpable(const std::string& comm) {
  static std::atomic<bool> said = false;
  if (said.exchange(true)) return;
  Say(absl::StrCat(comm,
                   " has made itself undumpable (prctl(2)): calls to its ",
                   "devices fail; --door=preload serves it"));
}

}  // namespace

std::optional<OpenFile> Call::FileAt(int fd) const {
  const std::optional<struct stat> st = target.StatFd(fd);
  if (!st) {
    const bool is_hidden = errno == EACCES;
    if (is_hidden && fd >= door.numbers.first && fd < door.numbers.end) {
      SayUndumpable(target.Comm());
    }
    return std::nullopt;
  }
  if (const Node node = NodeOf(*st)) {
    return OpenFile{
        .kind = node.kind, .dev = node.dev, .flags = O_PATH, .is_path = true};
  }
  if (st->st_mode != DMDAX_FD_MODE) return std::nullopt;
  return door.files.Find(st->st_ino);
}

int Call::AskMachine(Exchange& exchange) const {
  return door.machine.Call(
      exchange, [this] { return door.listener.Waits(id()) ? 0 : ESRCH; });
}

bool Call::IsRoot() const {
  return door.ids == UserIds::kRoot || target.EffectiveUid() == 0;
}

Reply Call::GiveFile(const Fd& fd, int flags) const {
  return Reply::Value(door.listener.AddFd(id(), fd.get(), flags, std::nullopt));
}

Reply Call::GiveNotified(const Fd& fd, int flags, int at_least) const {
  absl::MutexLock lock(&door.numbering);
  for (int at = std::max(at_least, door.numbers.first); at < door.numbers.end;
       ++at) {
    if (target.HasFd(at)) continue;
    const int64_t number = door.listener.AddFd(id(), fd.get(), flags, at);
    if (number != -EBADF) return Reply::Value(number);
    // The kernel's word for a number above the soft limit.
    static std::atomic<bool> said = false;
    if (!said.exchange(true)) {
      Say(absl::StrCat(target.Comm(), " has lowered its limit of open files ",
                       "below ", at, ", where descriptors of devices begin"));
    }
    break;
  }
  return Reply::Errno(EMFILE);
}

}  // namespace dmdax::run
