// SPDX-License-Identifier: Apache-2.0
//
// Path: a path as a program says it, and where it is on the host: in the
// machine's scratch tree if it is one of DMDAX_TREE_PATHS, else where it was.
//
//   const Path path(dir, "/dev/mapper/home");
//   NEXT(unlinkat)(dir, path.get(), 0);     // "/tmp/dmdax-Yz3fQa/tree/dev/..."
//   TellChanged(path);                      // the machine follows
//
// A relative path is where it leads from its directory: "dev/dm-0" of / into
// the tree, and "../etc" of the tree's /dev out of it.  With a LastLink the
// links on the way are followed as they are on the machine, which costs a
// system call more: for those who make, change or remove what is there, where a
// mistake would be the host's, and as a second try for others.
// Threading: thread-safe, async-signal-safe.  errno stays.
#ifndef DMDAX_RUN_PRELOAD_PATH_H_
#define DMDAX_RUN_PRELOAD_PATH_H_

#include <limits.h>
#include <sys/stat.h>

#include <cstddef>

#include "run/link_walk.h"

namespace dmdax::preload {

using run::LastLink;

class Path {
 public:
  // `dir` is a descriptor or AT_FDCWD; `path` may be null.
  explicit Path(const char* path);
  Path(int dir, const char* path);
  Path(int dir, const char* path, LastLink last);

  const char* get() const { return moved_ ? buffer_ : said_; }
  int dir() const { return dir_; }
  bool in_tree() const { return mapped_; }
  // "/dev/mapper/home", if it is in the tree; also of a relative path.  False:
  // it is not.
  bool MachinePath(char* out, size_t size) const;
  // The path from / on, as the program sees it; links are not followed.  False:
  // its directory is gone.
  bool Whole(char* out, size_t size) const;

 private:
  void Resolve(const char* clean);
  void Follow(LastLink last);

  const int dir_;
  const char* const said_;
  bool mapped_ = false;  // into the tree
  bool moved_ = false;   // the buffer has it
  char buffer_[PATH_MAX];
};

// The top of the tree; "": there is none.
const char* Tree();
// What a program sees of a path that may be in the tree.
const char* WithoutTree(const char* path);
// Whether what a path of the program has led to is the host's, though it may
// have the machine's name: it was a link to there, "/tmp/l" to "../dev/sda".
// `st` is what stat(2) says of it.
bool MayBeHostsOwn(const char* said, const struct stat& st);
// Whether an absolute path is one of the machine's; `clean` may be null, or has
// room for PATH_MAX and gets it without the leading slash.
bool IsMachinesPath(const char* path, char* clean = nullptr);
// Whether this process has come to the tree at all.
bool TreeWasSeen();

// A name was made, removed or changed there: 0, or the errno with which the
// machine does not know of it (EIO: it is gone).
int TellChanged(const Path& path);
int TellChanged(const Path& from, const Path& to);

}  // namespace dmdax::preload

#endif  // DMDAX_RUN_PRELOAD_PATH_H_
