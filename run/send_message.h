// SPDX-License-Identifier: Apache-2.0
//
// SendMessage: a request of a door to the machine, whole.
//
//   dmdax_message head = {...};  // server/protocol.h
//   const int error = SendMessage(socket, head, bytes, size, /*fd=*/-1);
//
// 0; EFAULT, the bytes are no memory; or what says that nobody is there.  A
// request of which a part has gone is none.  Needs libc alone.
// Threading: one request at a time on a socket.
#ifndef DMDAX_RUN_SEND_MESSAGE_H_
#define DMDAX_RUN_SEND_MESSAGE_H_

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "server/fd_message.h"
#include "server/protocol.h"

namespace dmdax::run {

// `fd` goes along, unless it is negative.
inline int SendMessage(int socket, const dmdax_message& head, const void* bytes,
                       size_t size, int fd) {
  iovec parts[2] = {
      {const_cast<dmdax_message*>(&head), sizeof(head)},
      {const_cast<void*>(bytes), size},
  };
  FdRoom room;
  msghdr message = {};
  message.msg_iov = parts;
  message.msg_iovlen = size > 0 ? 2 : 1;
  if (fd >= 0) PutFd(fd, &room, &message);
  while (message.msg_iovlen > 0) {
    const ssize_t n = sendmsg(socket, &message, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    // The descriptor has gone with the first bytes.
    message.msg_control = nullptr;
    message.msg_controllen = 0;
    auto sent = static_cast<size_t>(n);
    while (message.msg_iovlen > 0 && sent >= message.msg_iov->iov_len) {
      sent -= message.msg_iov->iov_len;
      ++message.msg_iov;
      --message.msg_iovlen;
    }
    if (message.msg_iovlen > 0) {
      message.msg_iov->iov_base =
          static_cast<char*>(message.msg_iov->iov_base) + sent;
      message.msg_iov->iov_len -= sent;
    }
  }
  return 0;
}

}  // namespace dmdax::run

#endif  // DMDAX_RUN_SEND_MESSAGE_H_
