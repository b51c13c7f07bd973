// SPDX-License-Identifier: Apache-2.0
//
// DaxMounter: one mount while it is decided; inside of dax_mount.h.
//
//   DaxMounter(request, bdev, profile, log).Ext4();
//
// Mirrors and threading: see fs/dax_mount.h.
#ifndef DMDAX_FS_DAX_MOUNTER_H_
#define DMDAX_FS_DAX_MOUNTER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "fs/dax_mount.h"

namespace dmdax {

class DaxMounter {
 public:
  DaxMounter(const MountRequest& request, BlockDevice& bdev,
             const KernelProfile& profile, KernelLog& log)
      : request_(request), bdev_(bdev), profile_(profile), log_(log) {
    sb_.type = request.type;
  }

  absl::StatusOr<SuperBlock> Ext4();  // dax_mount_ext4.cc; ext2 by ext4 too
  absl::StatusOr<SuperBlock> Xfs();   // dax_mount_xfs.cc
  // fs/ext2: DAX is an offer that is taken back.
  absl::StatusOr<SuperBlock> Ext2();

 private:
  absl::Status Ext4Options();
  // parse_options() of ext4 before the mount API.
  absl::Status Ext4OwnOptions();
  absl::Status XfsSetupDaxAlways();

  // The mount API's parser, for `fs`; xfs's own in 4.14.
  absl::Status FsParamOptions(absl::string_view fs);
  std::vector<absl::string_view> Options() const;
  // An option that begins like ours and is none.
  static bool IsUnknown(absl::string_view option);
  // Takes the value of dax=; false for an unknown one.
  [[nodiscard]] bool SetMode(absl::string_view value);

  // fs_dax_get_by_bdev() is all that is asked, and asked first.
  bool asks_bdev_only() const {
    return profile_.dax_mount_check == DaxMountCheck::kFsDaxGetByBdev;
  }
  // bdev_dax_supported(): leaves dax_dev null when it is not.
  void BdevDaxSupported();
  // __bdev_dax_supported() of 4.14: why not, or "".
  std::string VfsProbe(DaxDevice* dax_dev) const;

  // ext4 in front of an ext2 file system.
  bool is_ext2() const { return request_.type == "ext2"; }
  absl::string_view Prefix() const;
  void Say(KernLevel level, absl::string_view words);
  absl::Status Refuse(KernLevel level, absl::string_view words);
  // As before there is a device to name.
  absl::Status RefuseParameter(absl::string_view words);
  SuperBlock Done();

  const MountRequest& request_;
  BlockDevice& bdev_;
  const KernelProfile& profile_;
  KernelLog& log_;
  SuperBlock sb_;
};

inline constexpr absl::string_view kDaxExperimental =
    "DAX enabled. Warning: EXPERIMENTAL, use at your own risk";

}  // namespace dmdax

#endif  // DMDAX_FS_DAX_MOUNTER_H_
