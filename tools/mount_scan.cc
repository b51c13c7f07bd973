// SPDX-License-Identifier: Apache-2.0
#include "tools/mount_scan.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/errno_status.h"
#include "block/loop/loop.h"
#include "dm/io/block_file.h"
#include "fs/file_system_type.h"
#include "tools/tell.h"

namespace dmdax {
namespace {

absl::Status ReadAll(BlockFile& file, uint64_t at, absl::Span<char> bytes) {
  while (!bytes.empty()) {
    absl::StatusOr<size_t> read = file.Read(at, bytes);
    // Of a device that has become shorter.
    if (read.ok() && *read == 0)
      read = ErrnoError(EIO, "there is no such byte");
    if (!read.ok()) {
      return ErrnoError(ErrnoOf(read.status()),
                        absl::StrCat("byte ", at, " can not be read: ",
                                     read.status().message()));
    }
    at += *read;
    bytes.remove_prefix(*read);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ScannedFileSystem> ScanDevice(Session& session,
                                             const BlockDevice& bdev,
                                             const std::string& device) {
  // The bytes of loop devices are in files, which a state has the names of.
  const LoopDriver loops(*session.machine);
  absl::StatusOr<std::unique_ptr<BlockFile>> file =
      BlockFile::Open(*session.ctl, bdev.dev(), O_RDONLY, "mount");
  if (!file.ok()) return file.status();
  absl::StatusOr<ScannedFileSystem> found = ScanExt(
      device, (*file)->Size(), [&](uint64_t at, absl::Span<char> bytes) {
        return ReadAll(**file, at, bytes);
      });
  if (!found.ok()) TellAll(loops.Unopened());
  return found;
}

absl::Status UseSuperBlock(const ScannedFileSystem& found,
                           const std::string& device, GivenType given,
                           MountOptions& options) {
  MountRequest request = found.request;
  if (given == GivenType::kYes) {
    absl::StatusOr<const FileSystemType*> type =
        FindFileSystemType(options.request.type);
    if (!type.ok()) return type.status();
    if ((*type)->name != request.type && (*type)->name != "ext4") {
      return ErrnoError(EINVAL, absl::StrCat(device, " has ", request.type,
                                             ", which is not mounted as ",
                                             options.request.type));
    }
    request.type = options.request.type;
  }
  const std::string& more = options.request.options;
  absl::StrAppend(&request.options,
                  request.options.empty() || more.empty() ? "" : ",", more);
  if (!options.allocator.has_value()) options.allocator.emplace();
  AllocatorOptions& free = *options.allocator;
  free.align = std::max(free.align, request.block_size);
  free.used = found.used;
  options.request = request;
  return absl::OkStatus();
}

absl::Status AddScannedFiles(const ScannedFileSystem& found,
                             const std::string& device, MountPoint& mount) {
  for (const ScannedFile& file : found.files) {
    if (absl::Status s = mount.AddFile(file.options).status(); !s.ok()) {
      return ErrnoError(
          ErrnoOf(s),
          absl::StrCat(device, ": ", InodeText(file.inode, file.options.name),
                       ": ", s.message()));
    }
  }
  for (const std::string& path : found.encrypted) {
    Tell(absl::StrCat(PathBelow(mount.options().path, path),
                      " is encrypted: its files are left out; none is DAX"));
  }
  return absl::OkStatus();
}

}  // namespace dmdax
