// SPDX-License-Identifier: Apache-2.0
//
// WalkLinks: where a path leads whose links are followed as they are on the
// machine, and not on the host: "/tmp/l", a link to "../dev/pmem0", is
// "/dev/pmem0", whether or not the host has that.  `is_machines` says of a path
// without its leading slash whether it is one of the scratch tree's.  What both
// doors know of it, with libc alone.
//
// Errors: ELOOP after 40 links, ENAMETOOLONG; EREMOTE: the walk came to
// something that no path says (a pipe in /proc/PID/fd, a file that is deleted),
// and the kernel alone can follow it.
// Mirrors: path_resolution(7).
// Threading: thread-safe, async-signal-safe.
#ifndef DMDAX_RUN_LINK_WALK_H_
#define DMDAX_RUN_LINK_WALK_H_

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>

#include "run/raw_call.h"

namespace dmdax::run {

enum class LastLink { kFollow, kKeep };

// Whether a link is on the way at all, as the host has it: one system call,
// where a walk takes one for each name.
inline bool MayHaveLinks(int dir, const char* path, LastLink last) {
  open_how how = {};
  how.flags = O_PATH | O_CLOEXEC;
  if (last == LastLink::kKeep) how.flags |= O_NOFOLLOW;
  how.resolve = RESOLVE_NO_SYMLINKS;
  const long fd = RawCall(SYS_openat2, dir, path, &how, sizeof(how));
  if (fd >= 0) {
    RawCall(SYS_close, fd);
    return false;
  }
  return errno != ENOENT && errno != ENOTDIR && errno != ENAMETOOLONG;
}

struct WalkIn {
  const char* tree;  // the top of the scratch tree
  pid_t task = 0;    // whose /proc/self it is; 0: our own
};

namespace link_walk {

inline void CutLast(char* at) {
  char* const slash = strrchr(at, '/');
  if (slash != nullptr) *slash = '\0';
}

inline bool Append(char* at, const char* name, size_t n) {
  const size_t length = strlen(at);
  if (length + n + 2 > PATH_MAX) return false;
  at[length] = '/';
  memcpy(at + length + 1, name, n);
  at[length + 1 + n] = '\0';
  return true;
}

// "/proc/7/cwd": a link there is none whose text need be a path.
inline bool IsOfTask(const char* at) {
  return strncmp(at, "/proc/", 6) == 0 && at[6] >= '0' && at[6] <= '9';
}

// What the link at `at` says, without the top of the tree.  0: it is no link.
inline size_t Text(const WalkIn& in, const char* at, bool in_tree, char* text) {
  if (in.task != 0 && strcmp(at, "/proc/self") == 0) {
    return static_cast<size_t>(snprintf(text, PATH_MAX, "%d", in.task));
  }
  if (in.task != 0 && strcmp(at, "/proc/thread-self") == 0) {
    return static_cast<size_t>(
        snprintf(text, PATH_MAX, "%d/task/%d", in.task, in.task));
  }
  char real[2 * PATH_MAX];
  snprintf(real, sizeof(real), "%s%s", in_tree ? in.tree : "", at);
  const long n =
      RawCall(SYS_readlinkat, AT_FDCWD, real, text, PATH_MAX - size_t{1});
  if (n <= 0) return 0;
  text[n] = '\0';
  const size_t top = strlen(in.tree);
  if (top > 0 && strncmp(text, in.tree, top) == 0 && text[top] == '/') {
    memmove(text, text + top, static_cast<size_t>(n) - top + 1);
  }
  return strlen(text);
}

inline bool IsDeleted(const char* text) {
  constexpr char kEnd[] = " (deleted)";
  const size_t n = strlen(text), end = sizeof(kEnd) - 1;
  return n > end && strcmp(text + n - end, kEnd) == 0;
}

}  // namespace link_walk

// `path` is absolute; `out` has room for PATH_MAX, and gets an absolute path.
// 0 or an errno.
template <typename IsMachines>
int WalkLinks(const WalkIn& in, const char* path, LastLink last,
              IsMachines is_machines, char* out) {
  constexpr int kMostLinks = 40;
  char rest[2 * PATH_MAX], text[PATH_MAX], next[2 * PATH_MAX];
  if (snprintf(rest, sizeof(rest), "%s", path) >= PATH_MAX) return ENAMETOOLONG;
  out[0] = '\0';
  int links = 0;
  bool asks_directory = false;
  for (const char* at = rest; *at != '\0';) {
    while (*at == '/') ++at;
    const size_t n = strcspn(at, "/");
    if (n == 0) break;
    const char* const name = at;
    at += n;
    asks_directory = *at == '/';
    if (n == 1 && name[0] == '.') continue;
    if (n == 2 && name[0] == '.' && name[1] == '.') {
      link_walk::CutLast(out);
      continue;
    }
    if (!link_walk::Append(out, name, n)) return ENAMETOOLONG;
    if (*at == '\0' && last == LastLink::kKeep) break;
    const size_t length = link_walk::Text(in, out, is_machines(out + 1), text);
    if (length == 0) continue;
    // A name of the host's in the machine's /dev is a link to itself there.
    if (strcmp(text, out) == 0) continue;
    if (link_walk::IsOfTask(out) &&
        (text[0] != '/' || link_walk::IsDeleted(text))) {
      return EREMOTE;
    }
    if (++links > kMostLinks) return ELOOP;
    if (snprintf(next, sizeof(next), "%s%s", text, at) >= PATH_MAX) {
      return ENAMETOOLONG;
    }
    strcpy(rest, next);
    if (text[0] == '/') {
      out[0] = '\0';
    } else {
      link_walk::CutLast(out);
    }
    at = rest;
  }
  if (asks_directory || out[0] == '\0') {
    if (strlen(out) + 2 > PATH_MAX) return ENAMETOOLONG;
    strcat(out, "/");
  }
  return 0;
}

}  // namespace dmdax::run

#endif  // DMDAX_RUN_LINK_WALK_H_
