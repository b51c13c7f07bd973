// SPDX-License-Identifier: Apache-2.0
//
// Calls that read a directory: /dev/mapper is that of the emulated machine.
#include <dirent.h>
#include <stdlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "tools/preload/emulated_files.h"
#include "tools/preload/interpose.h"
#include "tools/preload/session_guard.h"

namespace dmdax::preload {
namespace {

// A listing of /dev/mapper; its address stands for a DIR.
struct MapperDir {
  std::vector<std::string> names = MapperDirEntries();
  size_t next = 0;
  dirent64 entry = {};
};

// Those that are open.
std::set<MapperDir*>& MapperDirs() {
  static auto* const dirs = new std::set<MapperDir*>;
  return *dirs;
}

// libdevmapper writes it "/sys//block/".
bool IsSysBlock(absl::string_view path) {
  const std::vector<absl::string_view> parts =
      absl::StrSplit(path, '/', absl::SkipEmpty());
  return parts.size() == 2 && parts[0] == "sys" && parts[1] == "block";
}

MapperDir* AsMapperDir(DIR* dir) {
  // The state's own directory, which we read ourselves.
  if (SessionGuard::Held()) return nullptr;
  auto* mapper_dir = reinterpret_cast<MapperDir*>(dir);
  const OneAtATime guard;
  return MapperDirs().contains(mapper_dir) ? mapper_dir : nullptr;
}

}  // namespace
}  // namespace dmdax::preload

using namespace dmdax::preload;  // for what is in front of libc's names

EXPORT DIR* opendir(const char* path) {
  static auto* const real = Next("opendir", &opendir);
  if (SessionGuard::Held()) return real(path);
  const auto node = FindNode(path);
  // The disks of the real machine are none of the emulated one's.
  const bool sys_block = IsSysBlock(path);
  if (sys_block || (node && node->kind == NodeInfo::kDirectory)) {
    auto dir = std::make_unique<MapperDir>();
    if (sys_block) dir->names.clear();
    const OneAtATime guard;
    MapperDirs().insert(dir.get());
    return reinterpret_cast<DIR*>(dir.release());
  }
  return real(path);
}

EXPORT dirent64* readdir64(DIR* dir) {
  if (MapperDir* mapper_dir = AsMapperDir(dir)) {
    if (mapper_dir->next == mapper_dir->names.size()) return nullptr;
    const std::string& name = mapper_dir->names[mapper_dir->next++];
    dirent64& entry = mapper_dir->entry;
    const size_t length = std::min(name.size(), sizeof(entry.d_name) - 1);
    memcpy(entry.d_name, name.data(), length);
    entry.d_name[length] = '\0';
    return &entry;
  }
  static auto* const real = Next("readdir64", &readdir64);
  return real(dir);
}

// On 64-bit machines it is the same.
EXPORT dirent* readdir(DIR* dir) {
  return reinterpret_cast<dirent*>(readdir64(dir));
}

EXPORT int closedir(DIR* dir) {
  if (MapperDir* mapper_dir = AsMapperDir(dir)) {
    {
      const OneAtATime guard;
      MapperDirs().erase(mapper_dir);
    }
    delete mapper_dir;
    return 0;
  }
  static auto* const real = Next("closedir", &closedir);
  return real(dir);
}

EXPORT void rewinddir(DIR* dir) noexcept {
  if (MapperDir* mapper_dir = AsMapperDir(dir)) {
    if (!mapper_dir->names.empty()) mapper_dir->names = MapperDirEntries();
    mapper_dir->next = 0;
    return;
  }
  static auto* const real = Next("rewinddir", &rewinddir);
  real(dir);
}

EXPORT long telldir(DIR* dir) noexcept {
  if (MapperDir* mapper_dir = AsMapperDir(dir)) {
    return static_cast<long>(mapper_dir->next);
  }
  static auto* const real = Next("telldir", &telldir);
  return real(dir);
}

EXPORT void seekdir(DIR* dir, long place) noexcept {
  if (MapperDir* mapper_dir = AsMapperDir(dir)) {
    mapper_dir->next =
        std::min(static_cast<size_t>(place), mapper_dir->names.size());
    return;
  }
  static auto* const real = Next("seekdir", &seekdir);
  real(dir, place);
}

// POSIX: a DIR that is no descriptor has none.
EXPORT int dirfd(DIR* dir) noexcept {
  if (AsMapperDir(dir) != nullptr) return Result(ENOTSUP);
  static auto* const real = Next("dirfd", &dirfd);
  return real(dir);
}

EXPORT int scandir64(const char* path, dirent64*** list,
                     int (*filter)(const dirent64*),
                     int (*compare)(const dirent64**, const dirent64**)) {
  static auto* const real = Next("scandir64", &scandir64);
  if (SessionGuard::Held()) return real(path, list, filter, compare);
  const auto node = FindNode(path);
  if (!node || node->kind != NodeInfo::kDirectory) {
    return real(path, list, filter, compare);
  }
  DIR* const dir = opendir(path);
  std::vector<dirent64*> found;
  while (dirent64* const entry = readdir64(dir)) {
    if (filter != nullptr && filter(entry) == 0) continue;
    auto* const copy = static_cast<dirent64*>(malloc(sizeof(dirent64)));
    if (copy == nullptr) abort();
    found.push_back(&(*copy = *entry));
  }
  closedir(dir);
  if (compare != nullptr) {
    std::sort(found.begin(), found.end(),
              [&](const dirent64* a, const dirent64* b) {
                return compare(&a, &b) < 0;
              });
  }
  *list = static_cast<dirent64**>(
      malloc(std::max<size_t>(found.size(), 1) * sizeof(dirent64*)));
  if (*list == nullptr) abort();
  std::copy(found.begin(), found.end(), *list);
  return static_cast<int>(found.size());
}

EXPORT int scandir(const char* path, dirent*** list,
                   int (*filter)(const dirent*),
                   int (*compare)(const dirent**, const dirent**)) {
  return scandir64(
      path, reinterpret_cast<dirent64***>(list),
      reinterpret_cast<int (*)(const dirent64*)>(filter),
      reinterpret_cast<int (*)(const dirent64**, const dirent64**)>(compare));
}
