// SPDX-License-Identifier: Apache-2.0
#include "state/dir/trusted_path.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <fstream>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "state/dir/own_uid.h"
#include "state/private_dir.h"

namespace dmdax {
namespace {

// Of a file whose owner has no number in this user namespace, which is what a
// sandbox makes of root.
bool IsUnmapped(uid_t uid) {
  constexpr uid_t kOverflow = 65534;
  if (uid != kOverflow) return false;
  std::ifstream map("/proc/self/uid_map");
  uint64_t inside, outside, count;
  while (map >> inside >> outside >> count) {
    if (uid >= inside && uid - inside < count) return false;
  }
  return map.eof();
}

// The names of `path`, the first one last.
void Push(absl::string_view path, std::vector<std::string>& names) {
  const std::vector<absl::string_view> split = absl::StrSplit(path, '/');
  for (auto name = split.rbegin(); name != split.rend(); ++name) {
    if (!name->empty() && *name != ".") names.emplace_back(*name);
  }
}

// Whether a name that is looked up in `dir` is what it was a moment ago.
absl::Status CheckParent(const Fd& dir, const std::string& path) {
  struct stat st;
  if (fstat(dir.get(), &st) != 0) return StateDirError("stat", path);
  if (!S_ISDIR(st.st_mode) || !(st.st_mode & S_IWOTH) ||
      (st.st_mode & S_ISVTX)) {
    return absl::OkStatus();
  }
  return StateDirRefused(
      path, absl::StrFormat("everybody may write the directory above it (mode "
                            "%04o); chmod o-w or chmod +t",
                            st.st_mode & 07777));
}

absl::StatusOr<std::string> TargetOf(const Fd& link, const struct stat& st,
                                     const std::string& path) {
  if (!IsOursOrRoots(st) && !IsUnmapped(st.st_uid)) {
    return StateDirRefused(
        path, absl::StrCat("a symbolic link in it belongs to user ", st.st_uid,
                           ", and this is user ", OwnUid()));
  }
  char target[PATH_MAX];
  const ssize_t size = readlinkat(link.get(), "", target, sizeof(target));
  if (size < 0) return StateDirError("readlink", path);
  return std::string(target, static_cast<size_t>(size));
}

}  // namespace

bool IsOursOrRoots(const struct stat& st) {
  return st.st_uid == OwnUid() || st.st_uid == 0;
}

absl::StatusOr<Fd> OpenTrustedDir(const std::string& path, MissingDir missing) {
  constexpr int kAsPath = O_PATH | O_NOFOLLOW | O_CLOEXEC;
  constexpr int kMostLinks = 40;  // as the kernel
  const bool make = missing == MissingDir::kIsMade;
  const char* const verb = make ? "create" : "open";
  if (path.empty()) {
    errno = ENOENT;
    return StateDirError(verb, path);
  }
  Fd at(open(path[0] == '/' ? "/" : ".", kAsPath));
  if (!at.ok()) return StateDirError(verb, path);
  std::vector<std::string> names;
  Push(path, names);
  for (int links = 0; !names.empty();) {
    const std::string name = std::move(names.back());
    names.pop_back();
    if (names.empty() && name != "..") {
      if (absl::Status s = CheckParent(at, path); !s.ok()) return s;
    }
    Fd next(openat(at.get(), name.c_str(), kAsPath));
    if (!next.ok() && errno == ENOENT && make) {
      const mode_t mode = names.empty() ? 0700 : 0755;
      if (mkdirat(at.get(), name.c_str(), mode) != 0 && errno != EEXIST) {
        return StateDirError(verb, path);
      }
      next = Fd(openat(at.get(), name.c_str(), kAsPath));
    }
    struct stat st;
    if (!next.ok() || fstat(next.get(), &st) != 0) {
      return StateDirError(verb, path);
    }
    if (!S_ISLNK(st.st_mode)) {
      at = std::move(next);
      continue;
    }
    if (++links > kMostLinks) {
      errno = ELOOP;
      return StateDirError(verb, path);
    }
    absl::StatusOr<std::string> target = TargetOf(next, st, path);
    if (!target.ok()) return target.status();
    if (target->starts_with('/')) {
      at = Fd(open("/", kAsPath));
      if (!at.ok()) return StateDirError(verb, path);
    }
    Push(*target, names);
  }
  Fd dir(openat(at.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir.ok()) return StateDirError("open", path);
  return dir;
}

}  // namespace dmdax
