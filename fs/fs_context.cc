// SPDX-License-Identifier: Apache-2.0
#include "fs/fs_context.h"

#include <algorithm>
#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/units.h"
#include "block/fsdax_supported.h"
#include "fs/mount_words.h"

namespace dmdax {

std::vector<absl::string_view> FsContext::Options() const {
  return MountWords(request_.options);
}

bool FsContext::HasOption(absl::string_view word) const {
  return HasMountWord(request_.options, word);
}

bool FsContext::SetMode(absl::string_view value) {
  if (!profile_.has_dax_modes) return false;
  if (value != "always" && value != "never" && value != "inode") return false;
  sb_.dax = value == "always"  ? DaxMode::kAlways
            : value == "never" ? DaxMode::kNever
                               : DaxMode::kInode;
  sb_.dax_inode_given |= value == "inode";
  return true;
}

bool FsContext::IsVfsWord(absl::string_view option) const {
  return request_.options_of == OptionsOf::kMount8 ? IsVfsOption(option)
                                                   : IsSuperBlockFlag(option);
}

bool FsContext::IsNobody(absl::Span<const FsParam> params,
                         absl::string_view option) const {
  return profile_.fs_says_bad_ids_twice && IsIdParam(params, option) &&
         FsNumber(params, option) == uint64_t{0xffffffff};
}

absl::StatusOr<BlockDevice*> FsContext::LookupBdev(
    absl::string_view path) const {
  // The directory of whoever mounts is not known.
  if (!absl::StartsWith(path, "/")) {
    return ErrnoError(ENOENT, absl::StrCat(path, ": no path"));
  }
  if (machine_ == nullptr) return nullptr;
  absl::StatusOr<DevT> dev = machine_->LookupBdev(path);
  if (!dev.ok()) return dev.status();
  return machine_->FindBdev(*dev);
}

absl::Status FsContext::ParseOptions(absl::Span<const FsParam> params,
                                     OptionCheck check) {
  for (absl::string_view option : Options()) {
    if (IsVfsWord(option)) continue;
    const bool has_value = option.substr(0, 4) == "dax=";
    const std::string wrong = FsParse(params, option);
    if (!profile_.has_dax_modes && (has_value || !wrong.empty())) {
      return Refuse(KernLevel::kWarn,
                    absl::StrCat("unknown mount option [", option, "]."));
    }
    if (!wrong.empty()) {
      const std::string words = absl::StrCat(type_.name, ": ", wrong);
      if (profile_.fs_says_bad_ids_twice && IsIdParam(params, option)) {
        log_.Printk(KernLevel::kErr, words);
      }
      return RefuseParameter(words);
    }
    if (IsNobody(params, option)) {
      const size_t equals = option.find('=');
      // "resuid" names a "uid".
      const absl::string_view what = option.substr(0, equals).substr(3);
      return RefuseParameter(absl::StrCat(type_.name, ": Invalid ", what, " '",
                                          option.substr(equals + 1), "'"));
    }
    if (const std::vector<std::string> lines = check(option); !lines.empty()) {
      for (size_t i = 0; i + 1 < lines.size(); ++i) {
        log_.Printk(KernLevel::kErr, lines[i]);
      }
      return RefuseParameter(lines.back());
    }
    if (option == "dax") sb_.dax = DaxMode::kAlways;
    if (has_value) (void)SetMode(option.substr(4));
  }
  return absl::OkStatus();
}

void FsContext::GetDaxByBdev() { sb_.dax_dev = DaxOf(bdev_); }

void FsContext::BdevDaxSupported() { sb_.dax_dev = DaxOf(bdev_); }

DaxDevice* FsContext::DaxOf(BlockDevice& bdev) {
  DaxDevice* dax_dev = FsDaxGetByBdev(bdev, profile_, log_);
  if (asks_bdev_only()) return dax_dev;
  if (profile_.dax_mount_check == DaxMountCheck::kVfsProbe) {
    const std::string why = VfsProbe(bdev, dax_dev);
    if (why.empty()) return dax_dev;
    log_.Printk(KernLevel::kErr,
                absl::StrCat("VFS (", bdev.name(), "): error: ", why));
    return nullptr;
  }
  if (!bdev.queue().Has(QUEUE_FLAG_DAX)) return nullptr;
  DaxReadLock lock;
  return WhyNotFsdax(dax_dev, bdev, sector_t(0), bdev.nr_sectors(),
                     request_.block_size, log_)
                 .empty()
             ? dax_dev
             : nullptr;
}

std::string FsContext::VfsProbe(const BlockDevice& bdev,
                                DaxDevice* dax_dev) const {
  if (request_.block_size != kPageSize) {
    return "unsupported blocksize for dax";
  }
  if (bdev.start_sect().value() % kPageSectors != 0) {
    return "unaligned partition for dax";
  }
  if (dax_dev == nullptr) return "device does not support dax";
  DaxReadLock lock;
  const DaxAccess access =
      DaxDirectAccess(dax_dev, SectorToPage(bdev.start_sect()), 1,
                      DaxAccessMode::kAccess, nullptr);
  if (access.ret < 1) {
    return absl::StrCat("dax access failed (", access.ret, ")");
  }
  return "";
}

void FsContext::Say(KernLevel level, absl::string_view words) {
  log_.Printk(level, absl::StrCat(driver_.log_prefix, " (", bdev_.name(),
                                  "): ", words));
}

void FsContext::SayPlain(KernLevel level, absl::string_view words) {
  log_.Printk(level, words);
}

absl::Status FsContext::Refuse(KernLevel level, absl::string_view words) {
  Say(level, words);
  return ErrnoError(EINVAL, words);
}

absl::Status FsContext::RefuseParameter(absl::string_view words) {
  log_.Printk(KernLevel::kErr, words);
  return ErrnoError(EINVAL, words);
}

SuperBlock FsContext::Done() {
  if (sb_.dax_dev != nullptr) {
    sb_.dax_part_off = bdev_.start_sect().value() * kSectorSize;
  }
  return sb_;
}

}  // namespace dmdax
