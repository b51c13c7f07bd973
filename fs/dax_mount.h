// SPDX-License-Identifier: Apache-2.0
//
// What mount(2) decides about DAX: whether the files of this file system may be
// mapped directly, and if not, who says no.
//
//   absl::StatusOr<SuperBlock> sb =
//       MountDax({.type = "ext4", .options = "dax=always"}, *bdev, profile,
//                machine.log());
//   // EINVAL, and "EXT4-fs (dm-0): DAX unsupported by block device." logged
//   inode.s_dax = sb->ShouldEnableDax(/*inode_flag=*/false);
//
// ext4 refuses to mount with dax=always where it cannot have it; xfs and
// ext2's own driver mount without ("Turning off DAX.").  An option that the
// file system does not know is refused, and one with a bad value; of the others
// only those are looked at that concern DAX, and only the lines that speak of
// it are logged.
//
// Mirrors: do_new_mount (fs/namespace.c), ext4_should_enable_dax,
// xfs_inode_should_enable_dax (6.1); each file system's file has its own.
// Threading: thread-compatible.
#ifndef DMDAX_FS_DAX_MOUNT_H_
#define DMDAX_FS_DAX_MOUNT_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "base/kernel_log.h"
#include "base/kernel_profile.h"
#include "block/block_device.h"
#include "block/machine.h"

namespace dmdax {

// Where mkfs put the journal of ext4, or the log of xfs; kUnknown: wherever the
// options say.
enum class LogPlace { kUnknown, kWithin, kOutside };

// Whose the options are: kMount8 has words that mount(8) keeps to itself or
// turns into flags, and those of a security module; kMount2 is what is left of
// them, the data of mount(2), where no module takes any; "ro" in front of that
// stands for MS_RDONLY.
enum class OptionsOf { kMount8, kMount2 };

struct MountRequest {
  std::string type;            // as for mount -t: "ext4"
  std::string options;         // as for mount -o: "data=journal,dax=always"
  uint64_t block_size = 4096;  // bytes
  bool inline_data = false;    // ext4's feature
  bool project = false;        // ext4's: quotas of projects
  bool has_journal = true;     // ext4's
  bool reflink = false;        // xfs's
  bool xfs_v4 = false;         // an xfs without checksums
  bool has_dalign = false;     // xfs knows the stripes of its data
  // The file system whose code mounts it.  "": the one that the kernel is
  // configured to use, such as ext4 for ext2 (CONFIG_EXT4_USE_FOR_EXT2) in
  // Debian's kernels.
  std::string driver;
  bool quota = false;  // ext4's: files of quotas that are its own
  LogPlace log = LogPlace::kUnknown;
  OptionsOf options_of = OptionsOf::kMount8;
};

// FS_DAX_*: which files are DAX.
enum class DaxMode { kInode, kAlways, kNever };

struct FileSystemType;

struct SuperBlock {
  const FileSystemType* s_type = nullptr;
  DaxMode dax = DaxMode::kInode;
  // The options say dax=inode in words.  Only /proc/mounts shows the
  // difference.
  bool dax_inode_given = false;
  // The journal holds data: no file is DAX (ext4).
  bool journals_data = false;
  // The device of the whole disk, and where in it the file system begins
  // (bytes); null when no file can be DAX.
  DaxDevice* dax_dev = nullptr;
  uint64_t dax_part_off = 0;

  // Whether a regular file becomes S_DAX; `inode_flag` is its FS_XFLAG_DAX.
  [[nodiscard]] bool ShouldEnableDax(bool inode_flag) const;
  // As /proc/mounts shows the option: "dax=always", "dax" (ext2), or "".
  std::string DaxOption() const;
};

// EINVAL: an option's value is unknown, or DAX was demanded and cannot be
// had; the kernel's own words are in `log`, prefixed as it does ("EXT4-fs
// (dm-0): ...").  ENODEV: no such file system type.  What xfs says of a log or
// realtime device that is not there (ENOENT, ENOTBLK) or in use (EBUSY).
//
// `machine` has the devices that options name ("logdev=/dev/pmem1"); null: they
// are there, and nobody uses them.
absl::StatusOr<SuperBlock> MountDax(const MountRequest& request,
                                    BlockDevice& bdev,
                                    const KernelProfile& profile,
                                    KernelLog& log,
                                    const Machine* machine = nullptr);

}  // namespace dmdax

#endif  // DMDAX_FS_DAX_MOUNT_H_
