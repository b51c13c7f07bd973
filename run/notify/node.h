// SPDX-License-Identifier: Apache-2.0
//
// NodeOf: the device whose node a file is (docs/protocol.md, "Names are
// files").
//
//   struct stat st;
//   if (stat("/tmp/dmdax-Yz3fQa/tree/dev/dm-0", &st) == 0) NodeOf(st).dev;
//
// Threading: thread-safe.
#ifndef DMDAX_RUN_NOTIFY_NODE_H_
#define DMDAX_RUN_NOTIFY_NODE_H_

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

}  // namespace dmdax::run

#endif  // DMDAX_RUN_NOTIFY_NODE_H_
