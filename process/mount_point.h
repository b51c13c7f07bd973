// SPDX-License-Identifier: Apache-2.0
//
// MountPoint: a mounted file system and its files, ready to be mapped.
//
//   absl::StatusOr<std::unique_ptr<MountPoint>> m = MountPoint::Create(
//       {.path = "/mnt", .request = {.type = "ext4", .options = "dax=always"}},
//       *bdev, profile, faults, mem, log);
//   absl::StatusOr<MountedFile*> f =
//       (*m)->AddFile({.name = "f", .extents = {{.length = 8 << 20}}});
//   std::shared_ptr<File> file = (*m)->Open(**f);
//
// The device is held open while it is mounted, as the kernel holds it.
// Mirrors: struct super_block and its inodes, as far as a fault sees them.
// Threading: thread-compatible.
#ifndef DMDAX_PROCESS_MOUNT_POINT_H_
#define DMDAX_PROCESS_MOUNT_POINT_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "block/block_device.h"
#include "fs/dax_mount.h"
#include "fs/file_system.h"
#include "fs/file_system_type.h"
#include "iomap/used_blocks.h"
#include "process/block_claims.h"
#include "process/file_options.h"

namespace dmdax {

struct ByteRange {
  uint64_t start = 0;
  uint64_t length = 0;
};

// Where writes to holes get their blocks: see AlignedAllocator.
struct AllocatorOptions {
  uint64_t start = 0;     // bytes on the device
  uint64_t end = 0;       // 0: the end of the device
  uint64_t align = 4096;  // a power of two
  // Of the device; what the file system itself has there.
  std::vector<ByteRange> used;
};

// kShared: for a question only, without a claim on the device.
enum class DeviceClaim { kExclusive, kShared };

// kAll: also those of fs/no_dax.h, which a machine that is described may have.
enum class FileSystems { kModelled, kAll };

// The devices that options name ("logdev=/dev/sdb1"): kBelieved, of a machine
// that is described, which need not have all that it mounts.
enum class NamedDevices { kBelieved, kLookedUp };

struct MountOptions {
  std::string path;  // "/mnt"
  MountRequest request;
  // What the machine that is described has mounted it with, where this kernel
  // took other options; "": those of `request`.  Nothing here reads them.
  std::string machine_options;
  FileSystems types = FileSystems::kModelled;
  DeviceClaim claim = DeviceClaim::kExclusive;
  NamedDevices named = NamedDevices::kBelieved;
  std::optional<AllocatorOptions> allocator;  // none: the device is full
  // What an earlier mount decided, from a snapshot.  It is not decided again.
  std::optional<SuperBlock> decided;
};

// First what the file was promised, then the mount's free space.  What free
// space gives is added to `used`.
class FileAllocator final : public BlockAllocator {
 public:
  std::optional<FileExtent> Allocate(uint64_t logical,
                                     uint64_t length) override;
  // With free space of its own.
  std::unique_ptr<BlockAllocator> Clone() const override;
  uint64_t Repeat() const override;

  ExtentListAllocator promised;
  BlockAllocator* free_space = nullptr;
  UsedBlocks* used = nullptr;  // null in a clone
};

struct MountedFile {
  MountedFile(const FaultProfile& profile, MemMap& mem) : inode(profile, mem) {
    inode.allocator = &allocator;
  }

  FileOptions options;  // as given; size and extents are the inode's
  std::string path;     // "/mnt/f"
  FileAllocator allocator;
  DaxInode inode;
};

// The path of a mount without the slashes at its end.
std::string MountPath(absl::string_view path);
// The path of what is `name` below the mount: "/mnt/f", and "/f" of "/".
std::string PathBelow(absl::string_view mount, absl::string_view name);
// The paths at which what has this one may be mounted, the innermost first:
// "/mnt/a", "/mnt" and "/" of "/mnt/a/f".
std::vector<absl::string_view> PathsAbove(absl::string_view path);

class MountPoint {
 public:
  // mount(2).  ENODEV: no such file system type; EBUSY: somebody else claims
  // the device; EINVAL as MountDax(), whose words go to `log`, and with a
  // field for numbers that make no sense: a path that is not in its shortest
  // form, blocks smaller than the device's, a device too small to hold any.
  // What was decided already is not checked for the latter.  `machine` has the
  // devices that options name, if these are looked up.
  static absl::StatusOr<std::unique_ptr<MountPoint>> Create(
      const MountOptions& options, BlockDevice& bdev,
      const KernelProfile& profile, const FaultProfile& faults, MemMap& mem,
      KernelLog& log, const Machine* machine = nullptr);
  ~MountPoint();

  // EEXIST; what CheckFileOptions() and CheckListing() refuse; EINVAL, with
  // both places, for blocks that a file owns already (see ClaimBlocks()).
  absl::StatusOr<MountedFile*> AddFile(FileOptions options);
  // A file of a snapshot: its blocks may be anybody's.
  absl::StatusOr<MountedFile*> RestoreFile(FileOptions options);
  // unlink(2); the file must not be mapped (EBUSY).
  absl::Status RemoveFile(const std::string& name);
  MountedFile* FindFile(absl::string_view name) const;
  // The file that `name` is, or that stands where its path has a directory; or
  // null.
  const MountedFile* FileOnTheWay(absl::string_view name) const;
  const MountedFiles& files() const { return files_; }

  std::shared_ptr<File> Open(MountedFile& file, bool writable = true);
  // Mounted with "ro"; or the device is read-only, and mount(8), which the
  // kernel refuses to mount that for writing (EACCES), has mounted it so.
  bool read_only() const;

  // With the path cleaned up and the type filled in.
  const MountOptions& options() const { return options_; }
  const SuperBlock& sb() const { return sb_; }
  BlockDevice& bdev() const { return bdev_; }
  // The blocks that files have, and the file system itself.
  const UsedBlocks& used() const { return used_; }
  // The allocator as it is now; nothing when there is none.
  std::optional<AllocatorOptions> allocator() const;

 private:
  MountPoint(MountOptions options, BlockDevice& bdev,
             const FaultProfile& faults, MemMap& mem);
  absl::Status CheckPath() const;
  absl::Status CheckBlockSize() const;
  absl::Status CheckDeviceSize() const;
  absl::Status CheckAllocator() const;
  // `at`: "allocator.used[0]."; `room`: bytes of the device in whole blocks.
  absl::Status CheckUsed(const ByteRange& used, const std::string& at,
                         uint64_t room) const;
  // What the type of the file system can not have.
  absl::Status CheckForType(const FileOptions& file) const;
  absl::Status CheckListing(const FileOptions& file) const;
  // Where a new file of the name goes: files_.lower_bound(), which is looked
  // for once.
  using Place = MountedFiles::iterator;
  // ENOTDIR, EISDIR: a file and a directory have one name.
  absl::Status CheckDirectories(const std::string& name, Place place) const;
  // Whether the file may be made on a device of so many bytes.
  absl::Status CheckNew(const FileOptions& file, uint64_t device_bytes,
                        Place place) const;
  MountedFile* Insert(FileOptions options, Place place);
  void FindUsedBlocks();
  absl::Status FillSuper(const KernelProfile& profile, KernelLog& log,
                         const Machine* machine);

  MountOptions options_;
  BlockDevice& bdev_;
  const FaultProfile& faults_;
  MemMap& mem_;
  const FileSystemType* type_ = nullptr;
  SuperBlock sb_;
  unsigned open_mode_ = 0;  // 0: not open
  std::unique_ptr<FileSystem> fs_;
  UsedBlocks used_;
  std::unique_ptr<AlignedAllocator> allocator_;
  MountedFiles files_;
};

}  // namespace dmdax

#endif  // DMDAX_PROCESS_MOUNT_POINT_H_
