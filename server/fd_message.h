// SPDX-License-Identifier: Apache-2.0
//
// A descriptor that goes along with the bytes of a message (SCM_RIGHTS), on
// both ends of it.
//
//   FdRoom room;
//   msghdr message = {};  // with its bytes
//   PutFd(fd, &room, &message);
//   sendmsg(socket, &message, MSG_NOSIGNAL);
//
// Needs libc alone, and but for ReceiveWithFd() makes no system call: a door
// between fork() and exec() may use it.  Mirrors: cmsg(3).  Threading:
// thread-safe.
#ifndef DMDAX_SERVER_FD_MESSAGE_H_
#define DMDAX_SERVER_FD_MESSAGE_H_

#include <string.h>
#include <sys/socket.h>

namespace dmdax {

// Where a message has its descriptor; for one that is sent or received.
struct FdRoom {
  alignas(cmsghdr) char bytes[CMSG_SPACE(sizeof(int))] = {};
};

inline void GiveRoom(FdRoom* room, msghdr* message) {
  message->msg_control = room->bytes;
  message->msg_controllen = sizeof(room->bytes);
}

inline void PutFd(int fd, FdRoom* room, msghdr* message) {
  GiveRoom(room, message);
  cmsghdr* const c = CMSG_FIRSTHDR(message);
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = SCM_RIGHTS;
  c->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(c), &fd, sizeof(fd));
}

// That of a message that has been received; -1: it has none.
inline int FdOfMessage(const msghdr& message) {
  const cmsghdr* const c = CMSG_FIRSTHDR(&message);
  if (c == nullptr || c->cmsg_level != SOL_SOCKET ||
      c->cmsg_type != SCM_RIGHTS) {
    return -1;
  }
  int fd = -1;
  memcpy(&fd, CMSG_DATA(c), sizeof(fd));
  return fd;
}

// recvmsg(2): what it returns; the descriptor that came along, or -1, in `fd`.
inline ssize_t ReceiveWithFd(int socket, iovec* parts, size_t nr_parts,
                             int flags, int* fd) {
  FdRoom room;
  msghdr message = {};
  message.msg_iov = parts;
  message.msg_iovlen = nr_parts;
  GiveRoom(&room, &message);
  const ssize_t n = recvmsg(socket, &message, flags);
  *fd = n > 0 ? FdOfMessage(message) : -1;
  return n;
}

}  // namespace dmdax

#endif  // DMDAX_SERVER_FD_MESSAGE_H_
