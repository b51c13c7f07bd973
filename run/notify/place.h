// SPDX-License-Identifier: Apache-2.0
//
// Place: where a path that a program said is, for our own system calls.
//
//   const std::optional<Place> place =
//       Locate(call, AT_FDCWD, "/dev/mapper/x", LastLink::kFollow);
//   place->real;    // "/tmp/dmdax-Yz3fQa/tree/dev/mapper/x"
//   place->shown;   // "/dev/mapper/x"
//   Look(*place, 0).node;   // the device whose node it is
//
// Relative paths are those of the target: its working directory or the
// directory that its descriptor is.  What is the host's own in the machine's
// /dev (/dev/null, which is a link to itself there) is the host's.  Symbolic
// links lead where they lead on the machine: "/tmp/l", a link to
// "../dev/pmem0", is the machine's, also where the host has such a device, or
// none.
// Threading: thread-safe.
#ifndef DMDAX_RUN_NOTIFY_PLACE_H_
#define DMDAX_RUN_NOTIFY_PLACE_H_

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "run/link_walk.h"
#include "run/node.h"
#include "run/notify/call.h"

namespace dmdax::run {

struct Place {
  std::string real;
  std::string shown;     // the path from / on, as the program sees it
  bool in_tree = false;  // else it is on the host
  // Of the host, and what was said names a link to it in the tree, "null" from
  // /dev on.
  bool by_link = false;
};

// Nothing: the kernel is to answer, because there is no such directory, or
// because the path names the scratch tree itself and means its files.
std::optional<Place> Locate(const Call& call, int dir, absl::string_view path,
                            LastLink last);
// Of a string in the target's memory.
std::optional<Place> LocateAt(const Call& call, int dir, uint64_t address,
                              LastLink last);
// As AT_SYMLINK_NOFOLLOW says.
inline LastLink LastOf(int flags) {
  return (flags & AT_SYMLINK_NOFOLLOW) != 0 ? LastLink::kKeep
                                            : LastLink::kFollow;
}

struct Seen {
  bool exists = false;
  struct stat st = {};
  Node node;
  // It is a device's descriptor, "/proc/self/fd/900".
  bool is_pipe = false;
};
// `flags`: AT_SYMLINK_NOFOLLOW or 0.
Seen Look(const Place& place, int flags);

// A path in the tree without its top; others stay.
std::string WithoutTree(const Call& call, absl::string_view path);
// The text for a symbolic link at `link`: one to the machine's leads into the
// tree, where the kernel and the server can follow it, and one that leads out
// of the tree says all of the way.
std::string LinkText(const Call& call, const Place& link,
                     absl::string_view target);

}  // namespace dmdax::run

#endif  // DMDAX_RUN_NOTIFY_PLACE_H_
