// SPDX-License-Identifier: Apache-2.0
//
// ScanExt: the files of an ext2, ext3 or ext4 file system, with their extents,
// as they are in the bytes of its device.
//
//   std::string disk(1 << 20, 0);
//   absl::StatusOr<ScannedFileSystem> fs = ScanExt(
//       "vg-home", disk.size(), [&](uint64_t at, absl::Span<char> bytes) {
//         disk.copy(bytes.data(), bytes.size(), at);
//         return absl::OkStatus();
//       });
//   fs.status().message();
//   // "vg-home: no super block of ext2, ext3 or ext4"
//   if (fs.ok()) user_space.Mount({.request = fs->request}, *bdev);
//
// libext2fs reads them; nothing is written.  What a mount has to know of the
// super block is in `request`.  Of a file with several names the one that is
// highest up counts, and of these the first.  Only regular files are there: the
// others can not be mapped.
//
// A file system that is damaged is an error, and never more than that: what is
// read is limited by what its device can hold, and by kMostNames and
// kMostExtents.  A journal that has to be replayed is an error too, since the
// bytes are not yet what a mount would see.
//
// Mirrors: nothing.  Threading: thread-safe, if `read` is.
#ifndef DMDAX_PROCESS_SCAN_EXT_SCAN_H_
#define DMDAX_PROCESS_SCAN_EXT_SCAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "fs/dax_mount.h"
#include "process/file_options.h"
#include "process/mount_point.h"

namespace dmdax {

// Names in all directories, and extents of all files; more is E2BIG.
inline constexpr uint64_t kMostNames = 250'000;
inline constexpr uint64_t kMostExtents = 1'000'000;

// All of `bytes`, from byte `at` of the device on.
using ReadBytes =
    absl::FunctionRef<absl::Status(uint64_t at, absl::Span<char> bytes)>;

struct ScannedFile {
  uint32_t inode = 0;
  FileOptions options;
};

struct ScannedFileSystem {
  // `type` is ext2 for what has no feature of a later one, else ext4; `options`
  // are those that the super block has for every mount.
  MountRequest request;
  std::vector<ScannedFile> files;
  // Bytes of the device that are neither free nor a file's.
  std::vector<ByteRange> used;
  // Paths below the mount of directories whose names nobody can read.
  std::vector<std::string> encrypted;
};

// `device` and `size` (bytes) are what errors say.
//   EINVAL   there is no such file system on the device, or a larger one
//   EUCLEAN  it is damaged, or its journal has to be replayed; with the inode
//   E2BIG    it has more than is read
//   EOPNOTSUPP  libext2fs does not know one of its features
// and what `read` answers.
absl::StatusOr<ScannedFileSystem> ScanExt(absl::string_view device,
                                          uint64_t size, ReadBytes read);

// "inode 12, /db/data", as the errors of ScanExt() call it.
std::string InodeText(uint32_t inode, absl::string_view name);

}  // namespace dmdax

#endif  // DMDAX_PROCESS_SCAN_EXT_SCAN_H_
