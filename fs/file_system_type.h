// SPDX-License-Identifier: Apache-2.0
//
// FileSystemType: what a file system is, as data; and the registry of them.
// A file system is one file of fs/, and nothing else names it:
//
//   // Toyfs, a FileSystem, and ToyfsFillSuper(), as in fs_context.h
//   const FileSystemType kToyfs = {
//       .name = "toyfs",
//       .log_prefix = "TOYFS",
//       .fill_super = ToyfsFillSuper,
//       .make = NewFileSystem<Toyfs>,
//   };
//   REGISTER_FILESYSTEM(kToyfs);
//
// `mount -t`, its help and its errors ask the registry.
//
// Mirrors: struct file_system_type, register_filesystem, get_fs_type of
// fs/filesystems.c (6.1).  Threading: registered before main(), then constant.
#ifndef DMDAX_FS_FILE_SYSTEM_TYPE_H_
#define DMDAX_FS_FILE_SYSTEM_TYPE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "fs/dax_mount.h"
#include "fs/file_system.h"

namespace dmdax {

class FsContext;

// What mkfs may have put into a file system.  A set of bits.
enum FsFeature : unsigned {
  FS_FEATURE_REFLINK = 1 << 0,
  FS_FEATURE_INLINE_DATA = 1 << 1,
};

// What mount(8) takes when no type is given.
inline constexpr absl::string_view kDefaultFileSystem = "ext4";

// "dax=always", "dax=never" or "": of most file systems.
std::string ShowDaxMode(const SuperBlock& sb);

struct FileSystemType {
  absl::string_view name;        // "ext4"
  absl::string_view log_prefix;  // of its lines in the log: "EXT4-fs"
  // The file system whose driver mounts it by default; "": its own.
  absl::string_view driver = "";
  // Of one that is not modelled (fs/no_dax.h), why its files are not DAX:
  // "which has no DAX in Linux".
  absl::string_view no_dax = "";
  uint64_t s_magic = 0;   // of include/uapi/linux/magic.h; 0: not compared
  unsigned features = 0;  // FsFeature: those it can have
  // Block sizes are powers of two in this range, bytes.
  uint64_t min_block_size = 512;
  uint64_t max_block_size = 65536;
  // With fewer there is no place for its own blocks; 0: nobody knows.
  uint64_t min_blocks = 0;
  // Bytes that a file can have blocks for; iomap_begin refuses more.
  uint64_t max_bytes = uint64_t{1} << 63;
  bool has_extents = true;  // false: its files have indirect blocks

  // Decides about DAX from the mount options.  EINVAL: see MountDax().
  absl::StatusOr<SuperBlock> (*fill_super)(FsContext& fc);
  // As /proc/mounts shows the option that concerns DAX, or "".
  std::string (*show_options)(const SuperBlock& sb) = ShowDaxMode;
  // Its mmap, fault entries and iomap_begin.
  std::unique_ptr<FileSystem> (*make)(const FileSystemType& type,
                                      const FaultProfile& profile);
};

// For FileSystemType::make.
template <typename Fs>
std::unique_ptr<FileSystem> NewFileSystem(const FileSystemType& type,
                                          const FaultProfile& profile) {
  return std::make_unique<Fs>(type, profile);
}

// register_filesystem(), at program start, which a name that is taken ends
// (EBUSY in the kernel).  `registrar` exists for its constructor only.
class FileSystemRegistrar {
 public:
  explicit FileSystemRegistrar(const FileSystemType& type);
};

#define REGISTER_FILESYSTEM(type) \
  const ::dmdax::FileSystemRegistrar type##Registrar(type)

// All of them, by name.
std::vector<const FileSystemType*> FileSystemTypes();
// Those that can have the feature.
std::vector<const FileSystemType*> FileSystemTypesWith(FsFeature feature);

// get_fs_type().  ENODEV "unknown file system 'x'; there are ext2, ext4, xfs".
absl::StatusOr<const FileSystemType*> FindFileSystemType(
    absl::string_view name);

// Whose code mounts what the request names.  ENODEV as above.
absl::StatusOr<const FileSystemType*> FindFileSystemDriver(
    const MountRequest& request);

// The operations of the file system with this name.  ENODEV as above.
absl::StatusOr<std::unique_ptr<FileSystem>> MakeFileSystem(
    absl::string_view name, const FaultProfile& profile);

}  // namespace dmdax

#endif  // DMDAX_FS_FILE_SYSTEM_TYPE_H_
