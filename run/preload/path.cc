// SPDX-License-Identifier: Apache-2.0
#include "run/preload/path.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstring>

#include "run/preload/client.h"
#include "run/preload/libc.h"

namespace dmdax::preload {
namespace {

constexpr const char* kTreePaths[] = {DMDAX_TREE_PATHS};

// Character devices of the host below /dev, and directories of them: nearly all
// that programs open there.
constexpr const char* kHostNames[] = {
    "null",  "zero",    "full",   "random", "urandom", "tty",
    "stdin", "stdout",  "stderr", "fd",     "pts",     "ptmx",
    "shm",   "console", "log",    "kmsg",   "fuse"};

// Whether `path` is `name` or below it.
bool IsBelow(const char* path, const char* name) {
  const size_t n = strlen(name);
  return strncmp(path, name, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

// Of a path without a leading slash, a "." or an empty part.
bool IsMachines(const char* path) {
  if (strncmp(path, "dev/", 4) == 0) {
    for (const char* name : kHostNames) {
      if (IsBelow(path + 4, name)) return false;
    }
  }
  for (const char* name : kTreePaths) {
    if (IsBelow(path, name)) return true;
  }
  return false;
}

// "//dev/./mapper/../x" -> "dev/x", at most `size` with the NUL.  Below /sys,
// where directories are links, ".." is left to the kernel.  `was_machines`: a
// ".." has led out of a directory of the machine, which the host need not have.
bool Clean(const char* path, char* out, size_t size,
           bool* was_machines = nullptr) {
  size_t length = 0;
  while (*path != '\0') {
    while (*path == '/') ++path;
    const size_t n = strcspn(path, "/");
    if (n == 0) {
      // A slash at the end asks for a directory.
      if (length > 0 && length + 1 < size) out[length++] = '/';
      break;
    }
    if (n == 1 && path[0] == '.') {
      path += n;
      continue;
    }
    if (n == 2 && path[0] == '.' && path[1] == '.' &&
        (length < 4 || strncmp(out, "sys/", 4) != 0)) {
      out[length] = '\0';
      if (was_machines != nullptr && IsMachines(out)) *was_machines = true;
      while (length > 0 && out[--length] != '/') {
      }
      path += n;
      continue;
    }
    if (length + n + 2 > size) return false;
    if (length > 0) out[length++] = '/';
    memcpy(out + length, path, n);
    length += n;
    path += n;
  }
  out[length] = '\0';
  return true;
}

std::atomic<bool> seen = false;
char tree[PATH_MAX];
std::atomic<int> tree_state = 0;  // 1: it is being written; 2: it is there

bool FetchTree(char* out) {
  Message m(DMDAX_OP_HELLO);
  m.out = out;
  m.out_size = PATH_MAX - 1;
  if (Call(m) != 0) return false;
  out[m.out_size] = '\0';
  return true;
}

}  // namespace

const char* Tree() {
  if (tree_state.load() == 2) return tree;
  if (!HaveMachine()) return "";
  char fetched[PATH_MAX];
  if (!FetchTree(fetched)) return "";
  int none = 0;
  if (tree_state.compare_exchange_strong(none, 1)) {
    strcpy(tree, fetched);
    tree_state = 2;
  }
  // Another thread writes the same, and soon; it may also be the one that a
  // handler of ours has interrupted.
  for (int i = 0; i < 100 && tree_state.load() != 2; ++i) usleep(100);
  return tree_state.load() == 2 ? tree : "";
}

bool TreeWasSeen() { return seen; }

const char* WithoutTree(const char* path) {
  if (tree_state.load() != 2) return path;
  const size_t n = strlen(tree);
  return n > 0 && strncmp(path, tree, n) == 0 && path[n] == '/' ? path + n
                                                                : path;
}

namespace {

// Where the directory is that a relative path begins at.  A parent may have
// gone to the tree, of which this process knows nothing yet.
bool DirectoryOf(int dir, char* at, size_t size) {
  char link[64];
  if (dir == AT_FDCWD) {
    snprintf(link, sizeof(link), "/proc/self/cwd");
  } else {
    snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
  }
  const ssize_t n = NEXT(readlink)(link, at, size - 1);
  if (n <= 0) return false;
  at[n] = '\0';
  if (strstr(at, "/tree/") != nullptr) Tree();
  return at[0] == '/';
}

// Whether a relative path may lead into the tree or out of it: it begins with
// ".." or with a name that is one of those on the way, or with one that the
// tree's /dev has as a link to the host's ("shm").
bool MayLead(const char* path) {
  const size_t n = strcspn(path, "/");
  if (n == 2 && path[0] == '.' && path[1] == '.') return true;
  for (const char* name : kHostNames) {
    if (IsBelow(path, name)) return true;
  }
  for (const char* name : kTreePaths) {
    for (const char* part = name; part != nullptr;) {
      if (strncmp(part, path, n) == 0 && (part[n] == '/' || part[n] == '\0')) {
        return true;
      }
      part = strchr(part, '/');
      if (part != nullptr) ++part;
    }
  }
  return false;
}

}  // namespace

Path::Path(const char* path) : Path(AT_FDCWD, path) {}

Path::Path(int dir, const char* path) : dir_(dir), said_(path) {
  if (path == nullptr || *path == '\0' || !HaveMachine()) return;
  char clean[PATH_MAX], whole[2 * PATH_MAX];
  clean[0] = '\0';
  if (path[0] == '/') {
    bool was_machines = false;
    if (!Clean(path, clean, sizeof(clean), &was_machines)) return;
    if (IsMachines(clean)) {
      Resolve(clean);
    } else if (was_machines) {  // "/etc/lvm/backup/.."
      moved_ = snprintf(buffer_, sizeof(buffer_), "/%s", clean) <
               static_cast<int>(sizeof(buffer_));
    }
    return;
  }
  while (path[0] == '.' && path[1] == '/') path += 2;
  if (!MayLead(path)) return;
  const KeepErrno keep;
  char at[PATH_MAX];
  if (!DirectoryOf(dir, at, sizeof(at))) return;
  const char* const shown = WithoutTree(at);
  snprintf(whole, sizeof(whole), "%s/%s", shown, path);
  if (!Clean(whole, clean, sizeof(clean))) return;
  if (IsMachines(clean)) {
    Resolve(clean);
  } else if (shown != at) {
    moved_ = snprintf(buffer_, sizeof(buffer_), "/%s", clean) <
             static_cast<int>(sizeof(buffer_));
  }
}

Path::Path(int dir, const char* path, LastLink last) : Path(dir, path) {
  if (path == nullptr || *path == '\0' || !HaveMachine()) return;
  const KeepErrno keep;
  if (run::MayHaveLinks(dir, get(), last)) Follow(last);
}

void Path::Follow(LastLink last) {
  char whole[PATH_MAX], at[PATH_MAX];
  const char* const top = Tree();
  if (*top == '\0' || !Whole(whole, sizeof(whole)) ||
      run::WalkLinks({.tree = top}, whole, last, &IsMachines, at) != 0) {
    return;
  }
  if (IsMachines(at + 1)) return Resolve(at + 1);
  // A link of the tree has led out of it: else the kernel follows them all.
  if (!mapped_ && !moved_) return;
  mapped_ = false;
  strcpy(buffer_, at);
}

bool IsMachinesPath(const char* path, char* clean) {
  char own[PATH_MAX];
  if (clean == nullptr) clean = own;
  return path != nullptr && path[0] == '/' && HaveMachine() &&
         Clean(path, clean, PATH_MAX) && IsMachines(clean);
}

bool MayBeHostsOwn(const char* said, const struct stat& st) {
  if (said == nullptr || !HaveMachine()) return false;
  // Who names the host's own there means it: /dev/null, /proc/self/status.
  for (const char* top : {"/dev/", "/proc/", "/sys/"}) {
    if (strncmp(said, top, strlen(top)) == 0) return false;
  }
  if (S_ISBLK(st.st_mode) || S_ISCHR(st.st_mode)) return true;
  // 0: not looked at.  Of a /dev that is no file system of its own all files
  // would be asked about.
  static std::atomic<dev_t> systems[2] = {0, 0};
  constexpr const char* kTops[2] = {"/sys", "/dev"};
  for (int i = 0; i < 2; ++i) {
    dev_t dev = systems[i].load();
    if (dev == 0) {
      const KeepErrno keep;
      struct stat top = {}, root = {};
      dev = static_cast<dev_t>(-1);
      if (NEXT(fstatat)(AT_FDCWD, kTops[i], &top, 0) == 0 &&
          NEXT(fstatat)(AT_FDCWD, "/", &root, 0) == 0 &&
          top.st_dev != root.st_dev) {
        dev = top.st_dev;
      }
      systems[i] = dev;
    }
    if (dev == st.st_dev) return true;
  }
  return false;
}

void Path::Resolve(const char* clean) {
  const KeepErrno keep;
  const char* const top = Tree();
  const int n = snprintf(buffer_, sizeof(buffer_), "%s/%s", top, clean);
  moved_ = true;
  mapped_ = *top != '\0' && n > 0 && n < static_cast<int>(sizeof(buffer_));
  seen = seen || mapped_;
  if (mapped_) return;
  // Without its machine a program must not come to the host's names: the
  // directory's is longer than any file system has, so that all that is tried
  // fails.
  memset(buffer_, 'x', NAME_MAX + 2);
  buffer_[0] = '/';
  strcpy(buffer_ + NAME_MAX + 2, "/x");
}

bool Path::Whole(char* out, size_t size) const {
  if (said_ == nullptr || *said_ == '\0') return false;
  if (said_[0] == '/') {
    return snprintf(out, size, "%s", WithoutTree(said_)) <
           static_cast<int>(size);
  }
  const KeepErrno keep;
  char at[PATH_MAX];
  return DirectoryOf(dir_, at, sizeof(at)) &&
         snprintf(out, size, "%s/%s", WithoutTree(at), said_) <
             static_cast<int>(size);
}

bool Path::MachinePath(char* out, size_t size) const {
  if (said_ == nullptr) return false;
  if (moved_ || said_[0] == '/') {
    const char* const path = WithoutTree(get());
    if (path == get()) return false;
    return snprintf(out, size, "%s", path) < static_cast<int>(size);
  }
  // Relative: to a directory of the tree?
  const KeepErrno keep;
  char at[PATH_MAX];
  if (!DirectoryOf(dir_, at, sizeof(at))) return false;
  const char* const below = WithoutTree(at);
  if (below == at) return false;
  return snprintf(out, size, "%s/%s", below, said_) < static_cast<int>(size);
}

namespace {

int Tell(const char* bytes, size_t size) {
  const KeepErrno keep;
  Message m(DMDAX_OP_CHANGED);
  m.in = bytes;
  m.in_size = size;
  return Call(m);
}

}  // namespace

int TellChanged(const Path& path) {
  char at[PATH_MAX];
  if (!path.MachinePath(at, sizeof(at)) || !IsBelow(at, "/dev")) return 0;
  return Tell(at, strlen(at));
}

int TellChanged(const Path& from, const Path& to) {
  char both[2 * PATH_MAX];
  size_t size = 0;
  for (const Path* path : {&from, &to}) {
    char* const at = both + size + (size > 0 ? 1 : 0);
    if (!path->MachinePath(at, PATH_MAX) || !IsBelow(at, "/dev")) continue;
    if (size > 0) both[size] = '\0';
    size = static_cast<size_t>(at - both) + strlen(at);
  }
  return size > 0 ? Tell(both, size) : 0;
}

}  // namespace dmdax::preload
