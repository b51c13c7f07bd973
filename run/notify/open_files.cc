// SPDX-License-Identifier: Apache-2.0
#include "run/notify/open_files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "base/errno_status.h"

namespace dmdax::run {
namespace {

// What is forgotten the server says again.
constexpr size_t kMostKnown = 4096;

}  // namespace

bool OpenFile::IsControl() const {
  return kind == DMDAX_KIND_CHAR && dev == DMDAX_DEV(10, 236);
}

int OpenFile::Error() const {
  if (is_path) return EBADF;
  return kind == 0 ? EIO : 0;
}

OpenFiles::OpenFiles(MachineClient& machine)
    : machine_(machine), watch_(epoll_create1(EPOLL_CLOEXEC)) {}

void OpenFiles::Remember(uint64_t inode, const OpenFile& file) {
  absl::MutexLock lock(&lock_);
  if (known_.size() >= kMostKnown) known_.clear();
  known_[inode] = file;
}

OpenFile OpenFiles::Find(uint64_t inode) {
  {
    absl::MutexLock lock(&lock_);
    if (const auto it = stand_ins_.find(inode); it != stand_ins_.end()) {
      return it->second.file;
    }
    if (epoch_ != machine_.epoch()) {
      known_.clear();
      epoch_ = machine_.epoch();
    }
    if (const auto it = known_.find(inode); it != known_.end()) {
      return it->second;
    }
  }
  Exchange e(DMDAX_OP_IDENTIFY);
  e.head.arg[0] = inode;
  if (machine_.Call(e) != 0) return {};
  const OpenFile file{.handle = e.head.handle,
                      .kind = static_cast<uint32_t>(e.head.arg[0]),
                      .dev = e.head.arg[1],
                      .flags = static_cast<int>(e.head.flags)};
  Remember(inode, file);
  return file;
}

absl::StatusOr<Fd> OpenFiles::MakeStandIn(const OpenFile& file, Fd real) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
    return ErrnoError(errno, "no pipe for a descriptor");
  }
  Fd ours(ends[0]), theirs(ends[1]);
  struct stat st;
  // Its end for writing, and full: a read is EBADF there, a write EAGAIN.
  if (fchmod(theirs.get(), DMDAX_FD_MODE & 07777) != 0 ||
      fstat(theirs.get(), &st) != 0 ||
      fcntl(theirs.get(), F_SETPIPE_SZ, 4096) < 0) {
    return ErrnoError(errno, "cannot mark a pipe");
  }
  const char page[4096] = {};
  while (write(theirs.get(), page, sizeof(page)) > 0) {
  }
  epoll_event event{};
  event.data.u64 = st.st_ino;
  absl::MutexLock lock(&lock_);
  if (epoll_ctl(watch_.get(), EPOLL_CTL_ADD, ours.get(), &event) != 0) {
    return ErrnoError(errno, "cannot watch a pipe");
  }
  StandIn& stand_in = stand_ins_[st.st_ino];
  stand_in = StandIn{file, std::move(real), std::move(ours)};
  stand_in.file.is_stand_in = true;
  return theirs;
}

void OpenFiles::Reap() {
  absl::MutexLock lock(&lock_);
  if (stand_ins_.empty()) return;
  epoll_event events[16];
  int n;
  do {
    n = epoll_wait(watch_.get(), events, 16, 0);
    for (int i = 0; i < n; ++i) stand_ins_.erase(events[i].data.u64);
  } while (n > 0);
}

}  // namespace dmdax::run
