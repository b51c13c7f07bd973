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
// the tree, and "../etc" of the tree's /dev out of it.
// Threading: thread-safe, async-signal-safe.  errno stays.
#ifndef DMDAX_RUN_PRELOAD_PATH_H_
#define DMDAX_RUN_PRELOAD_PATH_H_

#include <limits.h>

#include <cstddef>

namespace dmdax::preload {

class Path {
 public:
  // `dir` is a descriptor or AT_FDCWD; `path` may be null.
  explicit Path(const char* path);
  Path(int dir, const char* path);

  const char* get() const { return moved_ ? buffer_ : said_; }
  int dir() const { return dir_; }
  bool in_tree() const { return mapped_; }
  // "/dev/mapper/home", if it is in the tree; also of a relative path.  False:
  // it is not.
  bool MachinePath(char* out, size_t size) const;

 private:
  void Resolve(const char* clean);

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
// Whether this process has come to the tree at all.
bool TreeWasSeen();

// A name was made, removed or changed there.
void TellChanged(const Path& path);
void TellChanged(const Path& from, const Path& to);

}  // namespace dmdax::preload

#endif  // DMDAX_RUN_PRELOAD_PATH_H_
