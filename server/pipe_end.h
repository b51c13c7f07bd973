// SPDX-License-Identifier: Apache-2.0
//
// PipeEnd: the server's end of a descriptor that a program has; see "Why a
// descriptor is a pipe" in docs/protocol.md.
//
//   absl::StatusOr<PipePair> pair = MakePipe(O_RDONLY, PollAs::kEvents);
//   connection.Send(request, {.fd = std::move(pair->theirs)});
//   pair->ours.SetReadable(true);   // POLLIN, in every program that has a copy
//   pair->ours.IsClosed();          // nobody has one
//
// An epoll set tells of the last close: EPOLLERR or EPOLLHUP of ours.fd().
// Threading: thread-compatible.
#ifndef DMDAX_SERVER_PIPE_END_H_
#define DMDAX_SERVER_PIPE_END_H_

#include <cstdint>
#include <utility>

#include "absl/status/statusor.h"
#include "base/fd.h"

namespace dmdax {

class PipeEnd {
 public:
  PipeEnd() = default;
  explicit PipeEnd(Fd fd) : fd_(std::move(fd)) {}

  int fd() const { return fd_.get(); }
  bool IsClosed() const;
  void SetReadable(bool readable);

 private:
  Fd fd_;
  bool readable_ = false;
};

struct PipePair {
  PipeEnd ours;
  Fd theirs;
  uint64_t inode = 0;  // of both
};

// kEvents: as device-mapper's control node, never writable.  kData: of a device
// that is read and written.  A program that goes to the pipe itself, because no
// door sees it, gets EAGAIN: one to be read is empty, one to be written is
// full.  Of what it is full one that is both reads: words that say so.
enum class PollAs { kEvents, kData };

// `flags`: open(2)'s.  EMFILE, ENFILE.
absl::StatusOr<PipePair> MakePipe(int flags, PollAs poll);

}  // namespace dmdax

#endif  // DMDAX_SERVER_PIPE_END_H_
