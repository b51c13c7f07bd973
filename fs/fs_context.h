// SPDX-License-Identifier: Apache-2.0
//
// FsContext: one mount, while a file system decides about it.  The author of a
// FileSystemType::fill_super works with it.
//
//   absl::StatusOr<SuperBlock> ToyfsFillSuper(FsContext& fc) {
//     absl::Status s =
//         fc.ParseOptions({{"dax", FsParamType::kFlag},
//                          {"dax", FsParamType::kEnum, "always inode never"}});
//     if (!s.ok()) return s;
//     if (fc.sb().dax == DaxMode::kAlways) fc.BdevDaxSupported();
//     return fc.Done();
//   }
//
// Mirrors: struct fs_context, fs_parse (fs/fs_parser.c), bdev_dax_supported
// (4.14, 5.10), fs_dax_get_by_bdev (6.1).  Threading: thread-compatible.
#ifndef DMDAX_FS_FS_CONTEXT_H_
#define DMDAX_FS_FS_CONTEXT_H_

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "fs/dax_mount.h"
#include "fs/file_system_type.h"
#include "fs/fs_parser.h"

namespace dmdax {

class FsContext {
 public:
  // `driver` mounts a file system of `type`; mostly they are the same.
  FsContext(const FileSystemType& type, const FileSystemType& driver,
            const MountRequest& request, BlockDevice& bdev,
            const KernelProfile& profile, KernelLog& log,
            const Machine* machine)
      : type_(type),
        driver_(driver),
        request_(request),
        bdev_(bdev),
        profile_(profile),
        log_(log),
        machine_(machine) {
    sb_.s_type = &type;
  }

  const FileSystemType& type() const { return type_; }
  const MountRequest& request() const { return request_; }
  BlockDevice& bdev() const { return bdev_; }
  const KernelProfile& profile() const { return profile_; }
  // What is decided so far.
  SuperBlock& sb() { return sb_; }

  // The words between the commas of mount -o.
  std::vector<absl::string_view> Options() const;
  [[nodiscard]] bool HasOption(absl::string_view word) const;
  // Whether a word is none of the file system's.
  [[nodiscard]] bool IsVfsWord(absl::string_view option) const;
  // Takes the value of dax=; false for an unknown one.
  [[nodiscard]] bool SetMode(absl::string_view value);
  // What a file system has against the value of an option: lines for the log.
  using OptionCheck =
      absl::FunctionRef<std::vector<std::string>(absl::string_view option)>;
  // The mount API's parser; xfs's own in 4.14.  EINVAL, and lines are logged.
  absl::Status ParseOptions(absl::Span<const FsParam> params,
                            OptionCheck check = NothingWrong);

  // lookup_bdev() of what an option names: ENOENT, ENOTBLK.  OK with null: it
  // is there, and nothing is known of it.
  absl::StatusOr<BlockDevice*> LookupBdev(absl::string_view path) const;

  // Whether the kernel asks only fs_dax_get_by_bdev(), and asks it first.
  bool asks_bdev_only() const {
    return profile_.dax_mount_check == DaxMountCheck::kFsDaxGetByBdev;
  }
  // fs_dax_get_by_bdev(): takes the device's DaxDevice.
  void GetDaxByBdev();
  // bdev_dax_supported(): leaves sb().dax_dev null when it is not.
  void BdevDaxSupported();

  // The same of any device: its DaxDevice if it may be used, or null.
  DaxDevice* DaxOf(BlockDevice& bdev);

  // Logs "EXT4-fs (dm-0): words".
  void Say(KernLevel level, absl::string_view words);
  // The words alone, of no device.
  void SayPlain(KernLevel level, absl::string_view words);
  // Say(), and EINVAL with the words.
  absl::Status Refuse(KernLevel level, absl::string_view words);
  // Logs the words alone: the kernel has no device to name yet.  EINVAL.
  absl::Status RefuseParameter(absl::string_view words);
  SuperBlock Done();

 private:
  static std::vector<std::string> NothingWrong(absl::string_view) { return {}; }
  // fs_param_is_uid(): an id that is nobody's, -1.
  bool IsNobody(absl::Span<const FsParam> params,
                absl::string_view option) const;
  // __bdev_dax_supported() of 4.14: why not, or "".
  std::string VfsProbe(const BlockDevice& bdev, DaxDevice* dax_dev) const;

  const FileSystemType& type_;
  const FileSystemType& driver_;
  const MountRequest& request_;
  BlockDevice& bdev_;
  const KernelProfile& profile_;
  KernelLog& log_;
  const Machine* machine_;
  SuperBlock sb_;
};

inline constexpr absl::string_view kDaxExperimental =
    "DAX enabled. Warning: EXPERIMENTAL, use at your own risk";

}  // namespace dmdax

#endif  // DMDAX_FS_FS_CONTEXT_H_
