// SPDX-License-Identifier: Apache-2.0
//
// Extended attributes, for which `ls -l` asks.
#include <sys/xattr.h>

#include "run/preload/libc.h"
#include "run/preload/path.h"

using namespace dmdax::preload;  // for what is in front of libc's names

EXPORT ssize_t getxattr(const char* said, const char* name, void* value,
                        size_t size) noexcept {
  const Path path(said);
  return NEXT(getxattr)(path.get(), name, value, size);
}
EXPORT ssize_t lgetxattr(const char* said, const char* name, void* value,
                         size_t size) noexcept {
  const Path path(said);
  return NEXT(lgetxattr)(path.get(), name, value, size);
}
EXPORT ssize_t listxattr(const char* said, char* list, size_t size) noexcept {
  const Path path(said);
  return NEXT(listxattr)(path.get(), list, size);
}
EXPORT ssize_t llistxattr(const char* said, char* list, size_t size) noexcept {
  const Path path(said);
  return NEXT(llistxattr)(path.get(), list, size);
}
EXPORT int setxattr(const char* said, const char* name, const void* value,
                    size_t size, int flags) noexcept {
  const Path path(said);
  return NEXT(setxattr)(path.get(), name, value, size, flags);
}
