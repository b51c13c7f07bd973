// SPDX-License-Identifier: Apache-2.0
//
// NodeOf: the device whose node a file is (docs/protocol.md, "Names are
// files").
//
//   struct stat st;
//   if (stat("/tmp/dmdax-Yz3fQa/tree/dev/dm-0", &st) == 0) NodeOf(st).dev;
//
// What both doors know of nodes, with libc alone.
// Threading: thread-safe.
#ifndef DMDAX_RUN_NODE_H_
#define DMDAX_RUN_NODE_H_

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstdint>

#include "run/raw_call.h"
#include "server/protocol.h"

namespace dmdax::run {

struct Node {
  uint32_t kind = 0;  // enum dmdax_kind; 0: it is none
  uint64_t dev = 0;   // DMDAX_DEV
  explicit operator bool() const { return kind != 0; }
};

inline Node NodeOf(const struct stat& st) {
  if ((st.st_mode & DMDAX_NODE_MODE_MASK) !=
      (DMDAX_NODE_MODE & DMDAX_NODE_MODE_MASK)) {
    return {};
  }
  const long kind = st.st_mtim.tv_nsec - DMDAX_NODE_NSEC;
  if (kind != DMDAX_KIND_BLOCK && kind != DMDAX_KIND_CHAR) return {};
  return {static_cast<uint32_t>(kind),
          static_cast<uint64_t>(st.st_mtim.tv_sec)};
}

// What stat(2) says of a device, by a path or a descriptor: of both the same
// inode, by which mkswap for instance knows that it has opened what it asked
// about.  `st` is the file's that stands for it.
inline void MakeDevice(uint32_t kind, uint64_t dev, mode_t rights,
                       struct stat* st) {
  constexpr unsigned kDevtmpfs = 6;  // as good a number as any
  st->st_mode = (kind == DMDAX_KIND_BLOCK ? S_IFBLK : S_IFCHR) | rights;
  st->st_rdev = makedev(DMDAX_MAJOR(dev), DMDAX_MINOR(dev));
  st->st_dev = makedev(0, kDevtmpfs);
  st->st_ino = dev << 2 | kind;
  st->st_size = 0;
  st->st_blocks = 0;
  st->st_mtim = st->st_ctim;  // the node's own says its number
}
// The same in the other form, of what MakeDevice() has made of it.
inline void MakeDevice(const struct stat& st, struct statx* stx) {
  stx->stx_mode = static_cast<uint16_t>(st.st_mode);
  stx->stx_rdev_major = major(st.st_rdev);
  stx->stx_rdev_minor = minor(st.st_rdev);
  stx->stx_dev_major = major(st.st_dev);
  stx->stx_dev_minor = minor(st.st_dev);
  stx->stx_ino = st.st_ino;
  stx->stx_size = 0;
  stx->stx_blocks = 0;
  stx->stx_mtime = stx->stx_ctime;
}

// The directory / of a host whose disk has the number of a device of the
// machine: programs would take it for mounted there.
inline void HideRootsNumber(const char* path, const char* tree,
                            struct stat* st) {
  if (path == nullptr || strcmp(path, "/") != 0 || major(st->st_dev) == 0) {
    return;
  }
  char device[4096 + 64];
  snprintf(device, sizeof(device), "%s/sys/dev/block/%u:%u", tree,
           major(st->st_dev), minor(st->st_dev));
  if (RawCall(SYS_faccessat, AT_FDCWD, device, F_OK) == 0) {
    st->st_dev = makedev(0, 1 << 19 | minor(st->st_dev));
  }
}

// Where the host has a character device of which a program may make nodes
// elsewhere; null: it is none of those.
inline const char* HostNode(uint64_t dev) {
  switch (dev) {
    case DMDAX_DEV(1, 3):
      return "/dev/null";
    case DMDAX_DEV(1, 5):
      return "/dev/zero";
    case DMDAX_DEV(1, 7):
      return "/dev/full";
    case DMDAX_DEV(1, 8):
      return "/dev/random";
    case DMDAX_DEV(1, 9):
      return "/dev/urandom";
    default:
      return nullptr;
  }
}

// Whether a path of the scratch tree is that of the control node, which nobody
// unlinks: the machine has it as long as it runs, also if a device of that name
// goes.
inline bool IsControlNode(const char* path) {
  constexpr char kNode[] = "/dev/mapper/control";
  const size_t length = strlen(path), end = sizeof(kNode) - 1;
  return length > end && strcmp(path + length - end, kNode) == 0;
}

}  // namespace dmdax::run

#endif  // DMDAX_RUN_NODE_H_
