// SPDX-License-Identifier: Apache-2.0
#include "server/pipe_end.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/errno_status.h"
#include "server/protocol.h"

namespace dmdax {
namespace {

// Another end of the same pipe.
Fd Reopen(const Fd& fd, int flags) {
  return Fd(open(absl::StrCat("/proc/self/fd/", fd.get()).c_str(),
                 flags | O_CLOEXEC | O_NONBLOCK));
}

void Fill(const Fd& writer) {
  const int size = fcntl(writer.get(), F_SETPIPE_SZ, 4096);
  if (size <= 0) return;
  // Who reads it has been given the descriptor by somebody whom a door sees,
  // and is not seen itself.
  constexpr absl::string_view kLine =
      "dmdax: a device of a machine, which this program does not see\n";
  std::string bytes;
  while (bytes.size() < static_cast<size_t>(size))
    absl::StrAppend(&bytes, kLine);
  bytes.resize(static_cast<size_t>(size));
  [[maybe_unused]] const ssize_t ignored =
      write(writer.get(), bytes.data(), bytes.size());
}

}  // namespace

bool PipeEnd::IsClosed() const {
  pollfd entry = {.fd = fd_.get(), .events = 0, .revents = 0};
  return poll(&entry, 1, 0) == 1 && (entry.revents & (POLLERR | POLLHUP)) != 0;
}

void PipeEnd::SetReadable(bool readable) {
  if (readable == readable_ || !fd_.ok()) return;
  char byte = 0;
  if (readable) {
    // EPIPE: nobody would see it.
    readable_ = write(fd_.get(), &byte, 1) == 1;
    return;
  }
  const Fd reader = Reopen(fd_, O_RDONLY);
  if (!reader.ok()) return;
  while (read(reader.get(), &byte, 1) > 0) {
  }
  readable_ = false;
}

absl::StatusOr<PipePair> MakePipe(int flags, PollAs poll) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
    return ErrnoError(errno, "no pipe for a descriptor");
  }
  Fd reader(ends[0]), writer(ends[1]);
  struct stat st;
  if (fchmod(reader.get(), DMDAX_FD_MODE & 07777) != 0 ||
      fstat(reader.get(), &st) != 0) {
    return ErrnoError(errno, "cannot mark a pipe");
  }
  PipePair pair;
  pair.inode = st.st_ino;
  const int mode = flags & O_ACCMODE;
  if (poll == PollAs::kEvents) {
    // As the program asked; nobody reads a byte of it, so it can not hang.
    if ((flags & O_NONBLOCK) == 0) fcntl(reader.get(), F_SETFL, 0);
    pair.theirs = std::move(reader);
    pair.ours = PipeEnd(std::move(writer));
    return pair;
  }
  if (mode != O_RDONLY) Fill(writer);
  if (mode == O_WRONLY) {
    pair.theirs = std::move(writer);
    pair.ours = PipeEnd(std::move(reader));
    return pair;
  }
  pair.theirs = mode == O_RDONLY ? std::move(reader) : Reopen(reader, O_RDWR);
  if (!pair.theirs.ok()) return ErrnoError(errno, "no pipe for a descriptor");
  pair.ours = PipeEnd(std::move(writer));
  return pair;
}

}  // namespace dmdax
