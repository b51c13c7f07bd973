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

std::optional<Place> LocateAbsolute(const Call& call, absl::string_view path) {
  const std::string& tree = call.door.machine.tree();
  if (IsAtOrBelow(path, tree)) return std::nullopt;
  const std::string clean = CleanPath(path);
  if (!IsMachines(call, clean)) {
    return Place{.real = ForUs(call, clean, path), .shown = ""};
  }
  return Place{.real = absl::StrCat(tree, "/", clean),
               .shown = absl::StrCat("/", clean),
               .in_tree = true};
}

}  // namespace

std::string WithoutTree(const Call& call, absl::string_view path) {
  absl::string_view rest = path;
  const bool is_in = absl::ConsumePrefix(&rest, call.door.machine.tree()) &&
                     absl::StartsWith(rest, "/");
  return std::string(is_in ? rest : path);
}

std::string LinkText(const Call& call, absl::string_view target) {
  if (!absl::StartsWith(target, "/")) return std::string(target);
  const std::string clean = CleanPath(target);
  if (!IsMachines(call, clean)) return std::string(target);
  return absl::StrCat(call.door.machine.tree(), "/", clean);
}

std::optional<Place> Locate(const Call& call, int dir, absl::string_view path) {
  if (absl::StartsWith(path, "/")) return LocateAbsolute(call, path);
  if (path.empty()) return std::nullopt;
  const std::string name = dir == AT_FDCWD ? "cwd" : absl::StrCat("fd/", dir);
  const std::string link = call.target.Link(name);
  if (!absl::StartsWith(link, "/")) return std::nullopt;
  const std::string at = WithoutTree(call, link);
  const std::string clean = CleanPath(absl::StrCat(at, "/", path));
  const bool was_in_tree = at.size() != link.size();
  if (was_in_tree || IsMachines(call, clean)) {
    // The kernel would look for "../etc" in the tree.
    absl::string_view top = call.door.machine.tree();
    if (!IsMachinePath(clean)) top = "";
    return Place{.real = absl::StrCat(top, "/", clean),
                 .shown = absl::StrCat("/", clean),
                 .in_tree = true};
  }
  return Place{.real = absl::StrCat(call.target.Proc(name), "/", path),
               .shown = ""};
}

std::optional<Place> LocateAt(const Call& call, int dir, uint64_t address) {
  const absl::StatusOr<std::string> path =
      call.target.memory().ReadString(address);
  if (!path.ok()) return std::nullopt;
  return Locate(call, dir, *path);
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
