/* SPDX-License-Identifier: Apache-2.0
 *
 * What a client says to a resident machine (dmdax serve, dmdax run) over a Unix
 * socket, and what it is told.  docs/protocol.md explains; this is C, and needs
 * nothing but libc, so that a door to the machine is small.
 *
 *   struct dmdax_message m = {.length = sizeof(m), .version = DMDAX_PROTOCOL,
 *                             .op = DMDAX_OP_PING, .serial = 7};
 *   send(fd, &m, sizeof(m), MSG_NOSIGNAL);
 *   recv(fd, &m, sizeof(m), MSG_WAITALL);  // m.serial == 7, m.error == 0
 *
 * A message is a header and `length - sizeof(header)` bytes behind it.  Client
 * and server run on one host: numbers have its byte order.  Each request gets
 * one answer with its serial, and not always in the order of the requests: a
 * DM_DEV_WAIT is answered when its event comes.  A connection may have as many
 * requests under way as it likes; who closes it takes back those that wait.
 *
 * Errors: `error` of an answer is 0 or a positive errno, the one that the
 * system call is to fail with.  A message that is none (a length out of range,
 * another version) is answered with EPROTO or EPROTONOSUPPORT, and is the last
 * of its connection.  EIO is also a client's own word for a server that is
 * gone.
 */
#ifndef DMDAX_SERVER_PROTOCOL_H_
#define DMDAX_SERVER_PROTOCOL_H_

#include <stdint.h>

#include "block/block_ioctl_arg.h"

/* Grows with each change that an old client or server would misunderstand. */
#define DMDAX_PROTOCOL 1

/* The environment of a client: the socket's path, and that get*uid(2) and
 * get*gid(2) are to say 0. */
#define DMDAX_SOCKET_ENV "DMDAX_SOCKET"
#define DMDAX_ROOT_ENV "DMDAX_FAKE_ROOT"
/* The dmdax that a preload library has answer for programs that it does not see
 * all of; without it they are left alone. */
#define DMDAX_SUPERVISOR_ENV "DMDAX_SUPERVISOR"

enum {
  /* The most bytes behind a header: the largest ioctl, which is 1 GiB in the
   * kernel too, would be refused before it is sent. */
  DMDAX_MAX_PAYLOAD = 64 << 20,
  /* A longer read or write is done in pieces of so many bytes. */
  DMDAX_MAX_IO = 1 << 20,
};

struct dmdax_message {
  uint32_t length;  /* of the header and what is behind it */
  uint16_t version; /* DMDAX_PROTOCOL */
  uint16_t op;      /* enum dmdax_op; an answer has the request's */
  uint64_t serial;  /* the request's, given back */
  uint64_t handle;  /* what it is about; 0: none */
  uint32_t flags;   /* of the op */
  int32_t error;    /* answer: 0 or an errno */
  uint64_t arg[2];  /* of the op */
  uint32_t text;    /* answer: so many of the last bytes are a remark, for
                       stderr, of what dmdax does not model */
  uint32_t fds;     /* so many descriptors come with it, at its first byte */
};

/* arg[0], arg[1] and the bytes: request -> answer.  What is not named is 0. */
enum dmdax_op {
  /* -> arg[0] = the server's pid, arg[1] = the machine's generation; bytes: the
   * path of its scratch tree, see below.  The one op that is answered whatever
   * `version` the request has. */
  DMDAX_OP_HELLO = 1,
  DMDAX_OP_PING = 2,

  /* Opens a device by number, or an attribute of /sys by path.
   * flags = open(2)'s, arg[0] = enum dmdax_kind, arg[1] = device number
   * (DMDAX_DEV); bytes: the path of an attribute, or for a device the name of
   * the program, if it is not the peer
   * -> handle, arg[0], arg[1] and a descriptor (SCM_RIGHTS, at the answer's
   * first byte). */
  DMDAX_OP_OPEN = 3,
  /* What a descriptor is: its handle, or arg[0] = its inode number -> handle,
   * arg[0] = enum dmdax_kind, arg[1] = device number, flags = open(2)'s, as
   * SET_FLAGS left them.  EBADF: none of ours. */
  DMDAX_OP_IDENTIFY = 4,

  /* flags = DMDAX_AS_ROOT or 0, arg[0] = the command, arg[1] = the argument as
   * a number; bytes: those at the address that it is, as many as the command
   * reads (dmdax_ioctl_arg_of(); of device-mapper's the data_size of the
   * request, which is arg[1]; zeros at its end may be left out)
   * -> arg[0] = what ioctl(2) returns; bytes: what is to be written back
   * there, also with an error.  The descriptor that the argument names is sent
   * along; one that is none is not, and the server says what becomes of it.
   * What a struct blkpg_ioctl_arg points to comes right behind it, if it can be
   * read.  Waits: DM_DEV_WAIT, until there is an event; one that moves data, as
   * READ does. */
  DMDAX_OP_IOCTL = 5,

  /* arg[0] = offset or DMDAX_AT_POSITION, which then moves; arg[1] = size;
   * flags = DMDAX_MEMORY, of which O_DIRECT asks that it be aligned
   * -> arg[0] = how many, which are the bytes of a read.
   * These, SYNC and ALLOCATE wait while a device that they come to is
   * suspended. */
  DMDAX_OP_READ = 6,
  DMDAX_OP_WRITE = 7,
  /* flags = whence, arg[0] = offset -> arg[0] = position. */
  DMDAX_OP_SEEK = 8,
  DMDAX_OP_SYNC = 9,
  /* fallocate(2): flags = mode, arg[0] = offset, arg[1] = size. */
  DMDAX_OP_ALLOCATE = 10,

  /* The client has made, removed or renamed something in the scratch tree;
   * bytes: the path as the program said it (two of them, with a NUL between).
   * The machine has it by the answer. */
  DMDAX_OP_CHANGED = 11,
  /* Ends the server, after this answer. */
  DMDAX_OP_SHUTDOWN = 12,

  /* F_SETFL: flags = those of open(2); O_DIRECT, O_APPEND, O_NONBLOCK and
   * O_NOATIME are taken over -> flags = all that there are now. */
  DMDAX_OP_SET_FLAGS = 13,

  /* Without a handle: -> the descriptor of a struct dmdax_lease_page, to map.
   * With one: arg[0] = offset, arg[1] = how many bytes are about to be moved,
   * flags = DMDAX_LEASE_WRITE or 0 -> a descriptor of the file that has the
   * bytes of the device from there on, arg[0] = where in it, arg[1] = how many
   * bytes of the device lie there in a row; bytes: the generation, a uint64_t,
   * for which that holds.  EOPNOTSUPP: READ and WRITE have to do.  EAGAIN: they
   * have to as long as so little is read. */
  DMDAX_OP_LEASE = 14,

  /* add_key(2), request_key(2) and keyctl(2) of a "logon" key: flags =
   * DMDAX_KEY_ADD or DMDAX_KEY_REQUEST; bytes: its type, its description, each
   * with a NUL behind, and what it consists of -> arg[0] = its serial number.
   * Or flags = DMDAX_KEY_CONTROL, arg[0] = the number, arg[1] = what keyctl(2)
   * is to do with it; bytes: what it reads (KEYCTL_UPDATE), or its third
   * argument as a uint64_t -> arg[0] = what keyctl(2) returns; bytes: what it
   * writes, all of it. */
  DMDAX_OP_KEY = 15,
};

#define DMDAX_KEY_ADD 0u
#define DMDAX_KEY_REQUEST 1u
#define DMDAX_KEY_CONTROL 2u
/* From here on a serial number is the machine's, and none of the host's. */
#define DMDAX_FIRST_KEY 0x70000000

/* Of READ and WRITE: where a program has the bytes, the addresses of all parts
 * of its call ORed, and how long they are, the same; 0: in whole blocks. */
#define DMDAX_MEMORY(addresses, lengths)      \
  ((uint32_t)((uint64_t)(addresses)&0xffff) | \
   (uint32_t)((uint64_t)(lengths)&0xffff) << 16)
#define DMDAX_MEMORY_ADDRESSES(flags) ((uint32_t)(flags)&0xffff)
#define DMDAX_MEMORY_LENGTHS(flags) ((uint32_t)(flags) >> 16)

#define DMDAX_LEASE_WRITE 1u

/* What clients and server share.  Who moves bytes by a lease puts its thread
 * into a slot that has 0, then looks whether the generation is the lease's and
 * the server is there, moves them if so, and puts 0 back.  All of it is atomic,
 * in one order for everybody.  The server is there as long as it has the first
 * byte of the page's file locked (F_OFD_GETLK). */
#define DMDAX_LEASE_SLOTS 64
struct dmdax_lease_page {
  uint64_t generation; /* goes up when leases end */
  uint64_t busy[DMDAX_LEASE_SLOTS];
};

/* Of IOCTL: the program has, or is told that it has, CAP_SYS_ADMIN. */
#define DMDAX_AS_ROOT 1u

enum dmdax_kind {
  DMDAX_KIND_BLOCK = 1, /* arg[1]: which */
  DMDAX_KIND_CHAR = 2,  /* the same: 10:236 is device-mapper's control node,
                           10:237 that of loop devices */
  DMDAX_KIND_ATTRIBUTE = 3,
};

#define DMDAX_AT_POSITION UINT64_MAX

/* A device number in one word. */
#define DMDAX_DEV(major_nr, minor_nr) \
  ((uint64_t)(major_nr) << 20 | (uint64_t)(minor_nr))
#define DMDAX_MAJOR(dev) ((uint32_t)((dev) >> 20))
#define DMDAX_MINOR(dev) ((uint32_t)((dev)&0xfffff))

/* --- Descriptors.  What a program has in place of one of a device is an end of
 * a pipe.  By its mode fstat(2) tells it from all others, and its inode number
 * tells which it is, in every process that a copy has come to.  The server has
 * the other end: it sees the last copy closed, however that was done, which is
 * the close of the device; and an end that can be read polls as the control
 * node does, in every program.  */
#define DMDAX_FD_MODE (0010000 /* S_IFIFO */ | 07600)

/* --- The scratch tree.  Below the path of HELLO are dev, sys and proc, as the
 * machine has them, and what of run and etc the managers of devices keep there
 * (locks, backups), as real directories, links and files: what a program does
 * to /dev/mapper is done to TREE/dev/mapper.  A device node there, and wherever
 * else a client has made one, is an empty file with this mode, whose mtime has
 * the device number in its seconds and DMDAX_NODE_NSEC + enum dmdax_kind in its
 * nanoseconds. */
#define DMDAX_NODE_MODE (0100000 /* S_IFREG */ | 07600)
#define DMDAX_NODE_MODE_MASK (0170000 | 07000)
#define DMDAX_NODE_NSEC 253254000
/* Paths of which TREE has its own; of all others, and of what is not in it,
 * the host's are used.  Without the leading slash.  A directory has all that
 * begins with it and a slash. */
#define DMDAX_TREE_PATHS                                                      \
  "dev", "sys/block", "sys/dev/block", "sys/class/block", "sys/class/bdi",    \
      "sys/devices/virtual/block", "sys/devices/virtual/bdi",                 \
      "sys/module/dm_mod", "proc/devices", "proc/iomem", "proc/misc",         \
      "proc/partitions", "proc/sys/kernel/osrelease",                         \
      "proc/sys/vm/drop_caches", "run/cryptsetup", "run/lock/lvm", "run/lvm", \
      "etc/lvm/archive", "etc/lvm/backup", "etc/lvm/devices"

#endif /* DMDAX_SERVER_PROTOCOL_H_ */
