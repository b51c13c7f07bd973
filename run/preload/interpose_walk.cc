// SPDX-License-Identifier: Apache-2.0
//
// Calls that walk through directories by themselves: they walk the tree, and
// the program is told the machine's names.
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>

#include "run/preload/file.h"
#include "run/preload/libc.h"
#include "run/preload/path.h"

namespace dmdax::preload {
namespace {

// libc has no argument for the program's own.  The library is there from the
// start, so that they need nothing of a linker that not every libc has.
#define AT_START __attribute__((tls_model("initial-exec"))) thread_local
AT_START __ftw64_func_t simple = nullptr;
AT_START __nftw64_func_t full = nullptr;
#undef AT_START

// What stat(2) in front of libc says of a node; as it was of others.
const struct stat64* Shown(const char* path, int type, struct stat64* room,
                           const struct stat64* st) {
  if (type == FTW_NS || !NodeOf(*reinterpret_cast<const struct stat*>(st))) {
    return st;
  }
  return lstat64(path, room) == 0 ? room : st;
}

int TellSimple(const char* path, const struct stat64* st, int type) {
  struct stat64 room;
  const char* const shown = WithoutTree(path);
  return simple(shown, Shown(shown, type, &room, st), type);
}

int TellFull(const char* path, const struct stat64* st, int type, FTW* at) {
  struct stat64 room;
  const char* const shown = WithoutTree(path);
  FTW there = *at;
  there.base -= static_cast<int>(shown - path);
  return full(shown, Shown(shown, type, &room, st), type, &there);
}

// For the time of a walk.
template <typename Fn>
class Use {
 public:
  Use(Fn* variable, Fn fn) : variable_(variable), before_(*variable) {
    *variable_ = fn;
  }
  ~Use() { *variable_ = before_; }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;

 private:
  Fn* const variable_;
  const Fn before_;
};

// On the machines that we run on the two forms of struct stat are the same.
static_assert(sizeof(struct stat) == sizeof(struct stat64));

}  // namespace
}  // namespace dmdax::preload

using namespace dmdax::preload;  // for what is in front of libc's names

EXPORT int ftw64(const char* said, __ftw64_func_t tell, int most) {
  const Path path(AT_FDCWD, said, LastLink::kFollow);
  if (!path.in_tree()) return NEXT(ftw64)(said, tell, most);
  const Use use(&simple, tell);
  return NEXT(ftw64)(path.get(), &TellSimple, most);
}
EXPORT int ftw(const char* path, __ftw_func_t tell, int most) {
  return ftw64(path, reinterpret_cast<__ftw64_func_t>(tell), most);
}
EXPORT int nftw64(const char* said, __nftw64_func_t tell, int most, int flags) {
  const Path path(AT_FDCWD, said, LastLink::kFollow);
  if (!path.in_tree()) return NEXT(nftw64)(said, tell, most, flags);
  const Use use(&full, tell);
  return NEXT(nftw64)(path.get(), &TellFull, most, flags);
}
EXPORT int nftw(const char* path, __nftw_func_t tell, int most, int flags) {
  return nftw64(path, reinterpret_cast<__nftw64_func_t>(tell), most, flags);
}
