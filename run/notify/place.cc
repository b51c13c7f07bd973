// SPDX-License-Identifier: Apache-2.0
#include "run/notify/place.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "run/notify/tree_paths.h"
#include "server/protocol.h"

namespace dmdax::run {

std::string WithoutTree(const Call& call, absl::string_view path) {
  absl::string_view rest = path;
  const bool is_in = absl::ConsumePrefix(&rest, call.door.machine.tree()) &&
                     absl::StartsWith(rest, "/");
  return std::string(is_in ? rest : path);
}

namespace {

// "dev/null" and "dev/pts/3": a link in the tree that leads to where it is.
bool IsHosts(const Call& call, absl::string_view clean) {
  if (!absl::ConsumePrefix(&clean, "dev/")) return false;
  const std::string name =
      absl::StrCat("/dev/", clean.substr(0, clean.find('/')));
  char to[PATH_MAX];
  const ssize_t n = readlink(
      absl::StrCat(call.door.machine.tree(), name).c_str(), to, sizeof(to));
  return n > 0 && absl::string_view(to, static_cast<size_t>(n)) == name;
}

// In a root of its own a program has nothing of the machine.
bool HasOurRoot(const Call& call) { return call.target.Link("root") == "/"; }

bool IsMachines(const Call& call, absl::string_view clean) {
  return IsMachinePath(clean) && !IsHosts(call, clean) && HasOurRoot(call);
}

// What a process's own names are to us.
std::string ForUs(const Call& call, absl::string_view clean,
                  absl::string_view said) {
  for (const auto& [own, there] :
       {std::pair<absl::string_view, absl::string_view>{"proc/self", ""},
        {"proc/thread-self", ""},
        {"proc/mounts", "mounts"},
        {"dev/fd", "fd"},
        {"dev/stdin", "fd/0"},
        {"dev/stdout", "fd/1"},
        {"dev/stderr", "fd/2"}}) {
    if (IsAtOrBelow(clean, own)) {
      return absl::StrCat(call.target.Proc(there), clean.substr(own.size()));
    }
  }
  return std::string(said);
}

// A path that is clean and of the machine, or was on its way: the kernel would
// look for "../etc" in the tree.
Place InTree(const Call& call, const std::string& clean) {
  absl::string_view top = call.door.machine.tree();
  if (!IsMachinePath(clean)) top = "";
  return Place{.real = absl::StrCat(top, "/", clean),
               .shown = absl::StrCat("/", clean),
               .in_tree = true};
}

// Whether a ".." leads out of a directory of the machine, which the host need
// not have.
bool LeavesMachine(const Call& call, absl::string_view path) {
  for (size_t at = path.find("/.."); at != absl::string_view::npos;
       at = path.find("/..", at + 1)) {
    const absl::string_view rest = path.substr(at + 3);
    if ((rest.empty() || rest[0] == '/') &&
        IsMachines(call, CleanPath(path.substr(0, at)))) {
      return true;
    }
  }
  return false;
}

std::optional<Place> LocateAbsolute(const Call& call, absl::string_view path) {
  const std::string& tree = call.door.machine.tree();
  if (IsAtOrBelow(path, tree)) return std::nullopt;
  const std::string clean = CleanPath(path);
  if (IsMachines(call, clean) || LeavesMachine(call, path)) {
    return InTree(call, clean);
  }
  return Place{.real = ForUs(call, clean, path), .shown = std::string(path)};
}

std::optional<Place> LocateRelative(const Call& call, int dir,
                                    absl::string_view path) {
  const std::string name = dir == AT_FDCWD ? "cwd" : absl::StrCat("fd/", dir);
  const std::string link = call.target.Link(name);
  if (!absl::StartsWith(link, "/")) return std::nullopt;
  const std::string at = WithoutTree(call, link);
  const std::string whole = absl::StrCat(at, "/", path);
  const std::string clean = CleanPath(whole);
  const bool was_in_tree = at.size() != link.size();
  if (was_in_tree && IsHosts(call, clean)) {  // "shm" of the tree's /dev
    const std::string from_root = absl::StrCat("/", clean);
    return Place{.real = ForUs(call, clean, from_root),
                 .shown = from_root,
                 .by_link = true};
  }
  if (was_in_tree || IsMachines(call, clean)) return InTree(call, clean);
  return Place{.real = absl::StrCat(call.target.Proc(name), "/", path),
               .shown = whole};
}

// Follows the links of a place as they are on the machine.
void Follow(const Call& call, LastLink last, Place* place) {
  const std::string& from = place->in_tree ? place->real : place->shown;
  if (from.size() >= PATH_MAX || !MayHaveLinks(AT_FDCWD, from.c_str(), last)) {
    return;
  }
  char at[PATH_MAX];
  const WalkIn in = {.tree = call.door.machine.tree().c_str(),
                     .task = call.target.tid()};
  const int error = WalkLinks(
      in, place->shown.c_str(), last,
      [&](const char* clean) { return IsMachines(call, clean); }, at);
  if (error != 0) return;
  const absl::string_view clean = at + 1;
  // Of links of the host alone the kernel knows as much.
  if (IsMachines(call, clean) || (place->in_tree && !IsHosts(call, clean))) {
    *place = InTree(call, std::string(clean));
  }
}

}  // namespace

std::string LinkText(const Call& call, const Place& link,
                     absl::string_view target) {
  const bool from_root = absl::StartsWith(target, "/");
  const absl::string_view directory =
      absl::string_view(link.shown).substr(0, link.shown.rfind('/'));
  const std::string whole =
      from_root ? std::string(target) : absl::StrCat(directory, "/", target);
  const std::string clean = CleanPath(whole);
  if (IsMachines(call, clean)) {
    if (!from_root && link.in_tree) return std::string(target);
    return absl::StrCat(call.door.machine.tree(), "/", clean);
  }
  return !from_root && link.in_tree ? absl::StrCat("/", clean)
                                    : std::string(target);
}

std::optional<Place> Locate(const Call& call, int dir, absl::string_view path,
                            LastLink last) {
  if (path.empty()) return std::nullopt;
  std::optional<Place> place = absl::StartsWith(path, "/")
                                   ? LocateAbsolute(call, path)
                                   : LocateRelative(call, dir, path);
  if (place) Follow(call, last, &*place);
  return place;
}

std::optional<Place> LocateAt(const Call& call, int dir, uint64_t address,
                              LastLink last) {
  const absl::StatusOr<std::string> path =
      call.target.memory().ReadString(address);
  if (!path.ok()) return std::nullopt;
  return Locate(call, dir, *path, last);
}

Seen Look(const Place& place, int flags) {
  Seen seen;
  seen.exists = fstatat(AT_FDCWD, place.real.c_str(), &seen.st, flags) == 0;
  if (!seen.exists) return seen;
  seen.node = NodeOf(seen.st);
  seen.is_pipe = seen.st.st_mode == DMDAX_FD_MODE;
  return seen;
}

}  // namespace dmdax::run
