// SPDX-License-Identifier: Apache-2.0
//
// FileOf: which open device of the machine a descriptor is, if any.
//
//   if (const File file = FileOf(fd)) return Ioctl(file, request, argument);
//   return NEXT(ioctl)(fd, request, argument);
//
// The descriptor itself says it (docs/protocol.md), so that all copies do,
// however they were made.  That a number is none of ours is remembered, so that
// programs that have nothing to do with devices pay nothing; Forget() it where
// a number may have become another file.
// Threading: thread-safe, async-signal-safe.  errno stays.
#ifndef DMDAX_RUN_PRELOAD_FILE_H_
#define DMDAX_RUN_PRELOAD_FILE_H_

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>

#include "run/node.h"
#include "server/protocol.h"

namespace dmdax::preload {

struct File {
  uint64_t handle = 0;
  uint32_t kind = 0;  // enum dmdax_kind; 0: the server could not say
  uint64_t dev = 0;   // DMDAX_DEV
  int flags = 0;      // open(2)'s
  bool ours = false;
  explicit operator bool() const { return ours; }
  bool IsControl() const;
};

File FileOf(int fd);
// The same of what fstat(2), past us, says of it.
File FileOf(const struct stat& st);
void Forget(int fd);
void ForgetAll();

// open(2) of a device, or (kind DMDAX_KIND_ATTRIBUTE) of the file at `path`.
// A descriptor, or -1 with errno.
int OpenFile(uint32_t kind, uint64_t dev, const char* path, int flags);

using run::Node;
using run::NodeOf;
// At a path of the host, links followed.
Node NodeAt(int dir, const char* path);

}  // namespace dmdax::preload

#endif  // DMDAX_RUN_PRELOAD_FILE_H_
