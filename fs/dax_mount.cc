// SPDX-License-Identifier: Apache-2.0
#include "fs/dax_mount.h"

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/errno_status.h"
#include "base/units.h"
#include "block/fsdax_supported.h"
#include "fs/dax_mounter.h"

namespace dmdax {

std::vector<absl::string_view> DaxMounter::Options() const {
  return absl::StrSplit(request_.options, ',', absl::SkipEmpty());
}

bool DaxMounter::IsUnknown(absl::string_view option) {
  return option == "nodax" ||
         (option.substr(0, 3) == "dax" && option != "dax" &&
          option.substr(0, 4) != "dax=");
}

bool DaxMounter::SetMode(absl::string_view value) {
  if (!profile_.has_dax_modes) return false;
  if (value != "always" && value != "never" && value != "inode") return false;
  sb_.dax = value == "always"  ? DaxMode::kAlways
            : value == "never" ? DaxMode::kNever
                               : DaxMode::kInode;
  sb_.dax_inode_given |= value == "inode";
  return true;
}

absl::Status DaxMounter::FsParamOptions(absl::string_view fs) {
  for (absl::string_view option : Options()) {
    if (option == "data=journal") sb_.journals_data = fs == "ext4";
    if (option == "dax") sb_.dax = DaxMode::kAlways;
    if (IsUnknown(option)) {
      return RefuseParameter(
          absl::StrCat(fs, ": Unknown parameter '", option, "'"));
    }
    if (option.substr(0, 4) != "dax=") continue;
    if (!profile_.has_dax_modes) {
      return Refuse(KernLevel::kWarn,
                    absl::StrCat("unknown mount option [", option, "]."));
    }
    if (!SetMode(option.substr(4))) {
      return RefuseParameter(absl::StrCat(fs, ": Bad value for 'dax'"));
    }
  }
  return absl::OkStatus();
}

void DaxMounter::BdevDaxSupported() {
  DaxDevice* dax_dev = FsDaxGetByBdev(bdev_, profile_, log_);
  if (profile_.dax_mount_check == DaxMountCheck::kVfsProbe) {
    const std::string why = VfsProbe(dax_dev);
    if (why.empty()) {
      sb_.dax_dev = dax_dev;
    } else {
      log_.Printk(KernLevel::kErr,
                  absl::StrCat("VFS (", bdev_.name(), "): error: ", why));
    }
    return;
  }
  if (!bdev_.queue().Has(QUEUE_FLAG_DAX)) return;
  DaxReadLock lock;
  if (WhyNotFsdax(dax_dev, bdev_, sector_t(0), bdev_.nr_sectors(),
                  request_.block_size, log_)
          .empty()) {
    sb_.dax_dev = dax_dev;
  }
}

std::string DaxMounter::VfsProbe(DaxDevice* dax_dev) const {
  if (request_.block_size != kPageSize) {
    return "unsupported blocksize for dax";
  }
  if (bdev_.start_sect().value() % kPageSectors != 0) {
    return "unaligned partition for dax";
  }
  if (dax_dev == nullptr) return "device does not support dax";
  DaxReadLock lock;
  const DaxAccess access =
      DaxDirectAccess(dax_dev, SectorToPage(bdev_.start_sect()), 1,
                      DaxAccessMode::kAccess, nullptr);
  if (access.ret < 1) {
    return absl::StrCat("dax access failed (", access.ret, ")");
  }
  return "";
}

absl::string_view DaxMounter::Prefix() const {
  if (request_.type == "xfs") return "XFS";
  return is_ext2() && !request_.ext4_for_ext2 ? "EXT2-fs" : "EXT4-fs";
}

void DaxMounter::Say(KernLevel level, absl::string_view words) {
  log_.Printk(level, absl::StrCat(Prefix(), " (", bdev_.name(), "): ", words));
}

absl::Status DaxMounter::Refuse(KernLevel level, absl::string_view words) {
  Say(level, words);
  return ErrnoError(EINVAL, words);
}

absl::Status DaxMounter::RefuseParameter(absl::string_view words) {
  log_.Printk(KernLevel::kErr, words);
  return ErrnoError(EINVAL, words);
}

SuperBlock DaxMounter::Done() {
  if (sb_.dax_dev != nullptr) {
    sb_.dax_part_off = bdev_.start_sect().value() * kSectorSize;
  }
  return sb_;
}

bool SuperBlock::ShouldEnableDax(bool inode_flag) const {
  if (dax == DaxMode::kNever || journals_data || dax_dev == nullptr) {
    return false;
  }
  return dax == DaxMode::kAlways || inode_flag;
}

std::string SuperBlock::DaxOption() const {
  if (dax == DaxMode::kAlways) return type == "ext2" ? "dax" : "dax=always";
  if (dax == DaxMode::kNever) return type == "ext2" ? "" : "dax=never";
  return dax_inode_given && type == "ext4" ? "dax=inode" : "";
}

absl::StatusOr<SuperBlock> MountDax(const MountRequest& request,
                                    BlockDevice& bdev,
                                    const KernelProfile& profile,
                                    KernelLog& log) {
  DaxMounter mounter(request, bdev, profile, log);
  if (request.type == "ext4") return mounter.Ext4();
  if (request.type == "xfs") return mounter.Xfs();
  if (request.type == "ext2") {
    return request.ext4_for_ext2 ? mounter.Ext4() : mounter.Ext2();
  }
  return absl::NotFoundError(absl::StrCat("no file system type '", request.type,
                                          "'; there are ext4, xfs, ext2"));
}

}  // namespace dmdax
