// SPDX-License-Identifier: Apache-2.0
#include "fs/file_system_type.h"

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/errno_status.h"

namespace dmdax {
namespace {

std::vector<const FileSystemType*>& Registry() {
  static auto* registry = new std::vector<const FileSystemType*>;
  return *registry;
}

}  // namespace

FileSystemRegistrar::FileSystemRegistrar(const FileSystemType& type) {
  Registry().push_back(&type);
}

std::string ShowDaxMode(const SuperBlock& sb) {
  if (sb.dax == DaxMode::kAlways) return "dax=always";
  return sb.dax == DaxMode::kNever ? "dax=never" : "";
}

std::vector<const FileSystemType*> FileSystemTypes() {
  std::vector<const FileSystemType*> types = Registry();
  // The linker decides the order of static initialisers.
  std::sort(types.begin(), types.end(),
            [](const FileSystemType* a, const FileSystemType* b) {
              return a->name < b->name;
            });
  return types;
}

std::vector<const FileSystemType*> FileSystemTypesWith(FsFeature feature) {
  std::vector<const FileSystemType*> types = FileSystemTypes();
  types.erase(std::remove_if(types.begin(), types.end(),
                             [feature](const FileSystemType* type) {
                               return (type->features & feature) == 0;
                             }),
              types.end());
  return types;
}

absl::StatusOr<const FileSystemType*> FindFileSystemType(
    absl::string_view name) {
  for (const FileSystemType* type : Registry()) {
    if (type->name == name) return type;
  }
  const auto append_name = [](std::string* out, const FileSystemType* type) {
    absl::StrAppend(out, type->name);
  };
  return ErrnoError(
      ENODEV, absl::StrCat(
                  "unknown file system '", name.substr(0, 128), "'; there are ",
                  absl::StrJoin(FileSystemTypes(), ", ", append_name)));
}

absl::StatusOr<const FileSystemType*> FindFileSystemDriver(
    const MountRequest& request) {
  if (!request.driver.empty()) return FindFileSystemType(request.driver);
  absl::StatusOr<const FileSystemType*> type = FindFileSystemType(request.type);
  if (!type.ok() || (*type)->driver.empty()) return type;
  return FindFileSystemType((*type)->driver);
}

absl::StatusOr<std::unique_ptr<FileSystem>> MakeFileSystem(
    absl::string_view name, const FaultProfile& profile) {
  absl::StatusOr<const FileSystemType*> type = FindFileSystemType(name);
  if (!type.ok()) return type.status();
  return (*type)->make(**type, profile);
}

}  // namespace dmdax
