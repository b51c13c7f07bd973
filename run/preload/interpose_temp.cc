// SPDX-License-Identifier: Apache-2.0
//
// Names that libc makes up: in the machine's directories they are
// made in its tree.
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/preload/file.h"
#include "run/preload/libc.h"
#include "run/preload/path.h"

namespace dmdax::preload {
namespace {

// Calls libc's function with the template's path in the tree, and gives the
// letters that were put into that back to the program's.
template <typename Make>
auto InTree(char* said, Make make) {
  const Path path(AT_FDCWD, said, LastLink::kKeep);
  if (said == nullptr || path.get() == said) return make(said);
  char at[PATH_MAX];
  strcpy(at, path.get());
  const auto result = make(at);
  // The last name is the same in both.
  const size_t n = strlen(said), there = strlen(at);
  const char* const slash = strrchr(said, '/');
  const size_t length = slash == nullptr ? n : strlen(slash + 1);
  if (length <= there) memcpy(said + n - length, at + there - length, length);
  return result;
}

int MakeFile(char* said, int suffix, int flags) {
  const int fd = InTree(
      said, [&](char* at) { return NEXT(mkostemps64)(at, suffix, flags); });
  Forget(fd);
  return fd;
}

}  // namespace
}  // namespace dmdax::preload

using namespace dmdax::preload;  // for what is in front of libc's names

EXPORT int mkostemps64(char* path, int suffix, int flags) {
  return MakeFile(path, suffix, flags);
}
EXPORT int mkostemps(char* path, int suffix, int flags) {
  return MakeFile(path, suffix, flags);
}
EXPORT int mkstemps64(char* path, int suffix) {
  return MakeFile(path, suffix, 0);
}
EXPORT int mkstemps(char* path, int suffix) {
  return MakeFile(path, suffix, 0);
}
EXPORT int mkostemp64(char* path, int flags) {
  return MakeFile(path, 0, flags);
}
EXPORT int mkostemp(char* path, int flags) { return MakeFile(path, 0, flags); }
EXPORT int mkstemp64(char* path) { return MakeFile(path, 0, 0); }
EXPORT int mkstemp(char* path) { return MakeFile(path, 0, 0); }
EXPORT char* mkdtemp(char* said) noexcept {
  const bool made =
      InTree(said, [](char* at) { return NEXT(mkdtemp)(at) != nullptr; });
  return made ? said : nullptr;
}
EXPORT char* mktemp(char* said) noexcept {
  InTree(said, [](char* at) { return NEXT(mktemp)(at) != nullptr; });
  return said;
}
