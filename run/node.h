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

#include <string.h>
#include <sys/stat.h>

#include <cstdint>

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
