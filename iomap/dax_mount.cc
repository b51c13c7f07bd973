// SPDX-License-Identifier: Apache-2.0
#include "iomap/dax_mount.h"

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/errno_status.h"
#include "base/units.h"
#include "block/fsdax_supported.h"

namespace dmdax {
namespace {

constexpr absl::string_view kExperimental =
    "DAX enabled. Warning: EXPERIMENTAL, use at your own risk";

// One mount while it is decided.
class DaxMounter {
 public:
  DaxMounter(const MountRequest& request, BlockDevice& bdev,
             const KernelProfile& profile, KernelLog& log)
      : request_(request), bdev_(bdev), profile_(profile), log_(log) {
    sb_.type = request.type;
  }

  absl::StatusOr<SuperBlock> Ext4() {
    const bool by_bdev =
        profile_.dax_mount_check == DaxMountCheck::kFsDaxGetByBdev;
    if (by_bdev) sb_.dax_dev = FsDaxGetByBdev(bdev_, profile_, log_);
    if (absl::Status s = Ext4Options(); !s.ok()) return s;
    const bool always = sb_.dax == DaxMode::kAlways;
    if (sb_.journals_data && always) {
      return Refuse(KernLevel::kErr,
                    "can't mount with both data=journal and dax");
    }
    if (by_bdev && sb_.dax_dev != nullptr && request_.block_size != kPageSize) {
      sb_.dax_dev = nullptr;
      // The line feed is the kernel's.
      Say(KernLevel::kErr, "unsupported blocksize for DAX\\x0a");
    }
    // 4.14 asks for nothing that was not demanded.
    const bool asks = profile_.has_dax_modes || always;
    if (!by_bdev && asks && profile_.has_dax_modes) BdevDaxSupported();
    if (always && request_.inline_data) {
      return Refuse(KernLevel::kErr,
                    "Cannot use DAX on a filesystem that may contain inline "
                    "data");
    }
    if (!by_bdev && asks && !profile_.has_dax_modes) BdevDaxSupported();
    if (always && sb_.dax_dev == nullptr) {
      if (!profile_.has_dax_modes) return Error();  // the check has said why
      return Refuse(KernLevel::kErr, "DAX unsupported by block device.");
    }
    return Done();
  }

  absl::StatusOr<SuperBlock> Xfs() {
    if (absl::Status s = FsParamOptions("xfs"); !s.ok()) return s;
    const bool by_bdev =
        profile_.dax_mount_check == DaxMountCheck::kFsDaxGetByBdev;
    if (by_bdev) sb_.dax_dev = FsDaxGetByBdev(bdev_, profile_, log_);
    const bool always = sb_.dax == DaxMode::kAlways;
    if (always &&
        profile_.xfs_says_experimental == XfsDaxExperimental::kWhenAsked) {
      Say(KernLevel::kWarn, kExperimental);
    }
    if (!by_bdev && (always || profile_.has_dax_modes)) {
      // Unasked, xfs takes the device as it is.
      if (always) {
        BdevDaxSupported();
      } else {
        sb_.dax_dev = bdev_.host_dax_dev();
      }
    }
    if (always) {
      if (absl::Status s = XfsSetupDaxAlways(); !s.ok()) return s;
    }
    if (request_.block_size != kPageSize) sb_.dax_dev = nullptr;
    return Done();
  }

  // fs/ext2: DAX is an offer that is taken back.
  absl::StatusOr<SuperBlock> Ext2() {
    const bool by_bdev =
        profile_.dax_mount_check == DaxMountCheck::kFsDaxGetByBdev;
    if (by_bdev) sb_.dax_dev = FsDaxGetByBdev(bdev_, profile_, log_);
    sb_.dax = DaxMode::kNever;
    for (absl::string_view option : Options()) {
      if (option == "dax") sb_.dax = DaxMode::kAlways;
    }
    if (sb_.dax != DaxMode::kAlways) return Done();
    Say(KernLevel::kWarn, kExperimental);
    if (!by_bdev) BdevDaxSupported();
    if (sb_.dax_dev == nullptr) {
      Say(KernLevel::kErr, "DAX unsupported by block device. Turning off DAX.");
      sb_.dax = DaxMode::kNever;
    } else if (request_.block_size != kPageSize) {
      Say(KernLevel::kErr, "unsupported blocksize for DAX\\x0a");
      sb_.dax = DaxMode::kNever;
    }
    return Done();
  }

 private:
  std::vector<absl::string_view> Options() const {
    return absl::StrSplit(request_.options, ',', absl::SkipEmpty());
  }

  // ext4 in front of an ext2 file system.
  bool is_ext2() const { return request_.type == "ext2"; }

  absl::string_view Prefix() const {
    if (request_.type == "xfs") return "XFS";
    return is_ext2() && !request_.ext4_for_ext2 ? "EXT2-fs" : "EXT4-fs";
  }

  void Say(KernLevel level, absl::string_view words) {
    log_.Printk(level,
                absl::StrCat(Prefix(), " (", bdev_.name(), "): ", words));
  }

  static absl::Status Error() {
    return ErrnoError(EINVAL, "the mount is refused");
  }

  absl::Status Refuse(KernLevel level, absl::string_view words) {
    Say(level, words);
    return ErrnoError(EINVAL, words);
  }

  // As before there is a device to name.
  absl::Status RefuseParameter(absl::string_view words) {
    log_.Printk(KernLevel::kErr, words);
    return ErrnoError(EINVAL, words);
  }

  SuperBlock Done() {
    if (sb_.dax_dev != nullptr) {
      sb_.dax_part_off = bdev_.start_sect().value() * kSectorSize;
    }
    return sb_;
  }

  // The value of dax=; false for an unknown one.
  bool SetMode(absl::string_view value) {
    if (!profile_.has_dax_modes) return false;
    if (value != "always" && value != "never" && value != "inode") return false;
    sb_.dax = value == "always"  ? DaxMode::kAlways
              : value == "never" ? DaxMode::kNever
                                 : DaxMode::kInode;
    sb_.dax_inode_given |= value == "inode";
    return true;
  }

  absl::Status Ext4Options() {
    if (!profile_.ext4_has_mount_api) return Ext4OwnOptions();
    if (absl::Status s = FsParamOptions("ext4"); !s.ok()) return s;
    if (is_ext2()) {
      for (absl::string_view option : Options()) {
        if (option.substr(0, 4) != "dax=") continue;
        return RefuseParameter(
            "EXT4-fs: Mount option(s) incompatible with ext2");
      }
    }
    return absl::OkStatus();
  }

  // parse_options() of ext4 before the mount API.
  absl::Status Ext4OwnOptions() {
    for (absl::string_view option : Options()) {
      if (option == "data=journal") sb_.journals_data = true;
      const bool has_value = option.substr(0, 4) == "dax=";
      if (IsUnknown(option) || (has_value && !SetMode(option.substr(4)))) {
        return Refuse(KernLevel::kErr,
                      absl::StrCat("Unrecognized mount option \"", option,
                                   "\" or missing value"));
      }
      if (has_value) {
        if (is_ext2()) {
          return Refuse(KernLevel::kErr,
                        absl::StrCat("Mount option \"", option,
                                     "\" incompatible with ext2"));
        }
      } else if (option == "dax") {
        sb_.dax = DaxMode::kAlways;
      } else {
        continue;
      }
      if (sb_.dax == DaxMode::kAlways && profile_.ext4_says_experimental) {
        Say(KernLevel::kWarn, kExperimental);
      }
    }
    return absl::OkStatus();
  }

  // An option that begins like ours and is none.
  static bool IsUnknown(absl::string_view option) {
    return option == "nodax" ||
           (option.substr(0, 3) == "dax" && option != "dax" &&
            option.substr(0, 4) != "dax=");
  }

  // The mount API's parser, for `fs`; xfs's own in 4.14.
  absl::Status FsParamOptions(absl::string_view fs) {
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

  // bdev_dax_supported(): leaves dax_dev null when it is not.
  void BdevDaxSupported() {
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
    if (DaxSupported(dax_dev, bdev_, sector_t(0), bdev_.nr_sectors(),
                     request_.block_size, log_)
            .empty()) {
      sb_.dax_dev = dax_dev;
    }
  }

  // __bdev_dax_supported() of 4.14.
  std::string VfsProbe(DaxDevice* dax_dev) const {
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

  absl::Status XfsSetupDaxAlways() {
    const auto turn_off = [this](absl::string_view words) {
      Say(KernLevel::kWarn, absl::StrCat(words, " Turning off DAX."));
      sb_.dax = DaxMode::kNever;
    };
    const bool may_have_reflink =
        profile_.xfs_dax_reflink == XfsDaxReflink::kNotPartitions;
    if (sb_.dax_dev == nullptr) {
      turn_off("DAX unsupported by block device.");
      if (may_have_reflink) return absl::OkStatus();
    } else if (may_have_reflink && request_.block_size != kPageSize) {
      turn_off("DAX not supported for blocksize.");
      return absl::OkStatus();
    }
    if (request_.reflink) {
      switch (profile_.xfs_dax_reflink) {
        case XfsDaxReflink::kUntested:
          Say(KernLevel::kWarn,
              "DAX and reflink have not been tested together!");
          break;
        case XfsDaxReflink::kRefused:
          return Refuse(KernLevel::kWarn,
                        "DAX and reflink cannot be used together!");
        case XfsDaxReflink::kNotPartitions:
          if (!bdev_.is_partition()) break;
          return Refuse(KernLevel::kWarn,
                        "DAX and reflink cannot work with multi-partitions!");
      }
    }
    if (profile_.xfs_says_experimental == XfsDaxExperimental::kWhenGranted) {
      Say(KernLevel::kWarn, kExperimental);
    }
    return absl::OkStatus();
  }

  const MountRequest& request_;
  BlockDevice& bdev_;
  const KernelProfile& profile_;
  KernelLog& log_;
  SuperBlock sb_;
};

}  // namespace

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
