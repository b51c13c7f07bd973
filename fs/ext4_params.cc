// SPDX-License-Identifier: Apache-2.0
#include "fs/ext4_params.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <iterator>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace dmdax {
namespace {

using T = FsParamType;

constexpr FsParam kParams[] = {
    {"bsddf", T::kFlag},
    {"minixdf", T::kFlag},
    {"grpid", T::kFlag},
    {"bsdgroups", T::kFlag},
    {"nogrpid", T::kFlag},
    {"sysvgroups", T::kFlag},
    {"resgid", T::kId},
    {"resuid", T::kId},
    {"sb", T::kU32},
    {"errors", T::kEnum, "continue panic remount-ro"},
    {"nouid32", T::kFlag},
    {"debug", T::kFlag},
    {"oldalloc", T::kFlag},
    {"orlov", T::kFlag},
    {"user_xattr", T::kFlag},
    {"acl", T::kFlag},
    {"norecovery", T::kFlag},
    {"noload", T::kFlag},
    {"bh", T::kFlag},
    {"nobh", T::kFlag},
    {"commit", T::kU32},
    {"min_batch_time", T::kU32},
    {"max_batch_time", T::kU32},
    {"journal_dev", T::kU32},
    {"journal_path", T::kFlag},
    {"journal_path", T::kPath},
    {"journal_checksum", T::kFlag},
    {"nojournal_checksum", T::kFlag},
    {"journal_async_commit", T::kFlag},
    {"abort", T::kFlag},
    {"data", T::kEnum, "journal ordered writeback"},
    {"data_err", T::kEnum, "abort ignore"},
    {"usrjquota", T::kStringOrNothing},
    {"grpjquota", T::kStringOrNothing},
    {"jqfmt", T::kEnum, "vfsold vfsv0 vfsv1"},
    {"grpquota", T::kFlag},
    {"quota", T::kFlag},
    {"noquota", T::kFlag},
    {"usrquota", T::kFlag},
    {"prjquota", T::kFlag},
    {"barrier", T::kFlag},
    {"barrier", T::kU32},
    {"nobarrier", T::kFlag},
    {"i_version", T::kFlag},
    {"dax", T::kFlag},
    {"dax", T::kEnum, "always inode never"},
    {"stripe", T::kU32},
    {"delalloc", T::kFlag},
    {"nodelalloc", T::kFlag},
    {"warn_on_error", T::kFlag},
    {"nowarn_on_error", T::kFlag},
    {"debug_want_extra_isize", T::kU32},
    {"mblk_io_submit", T::kFlag},
    {"nomblk_io_submit", T::kFlag},
    {"block_validity", T::kFlag},
    {"noblock_validity", T::kFlag},
    {"inode_readahead_blks", T::kU32},
    {"journal_ioprio", T::kU32},
    {"auto_da_alloc", T::kU32},
    {"auto_da_alloc", T::kFlag},
    {"noauto_da_alloc", T::kFlag},
    {"dioread_nolock", T::kFlag},
    {"nodioread_nolock", T::kFlag},
    {"dioread_lock", T::kFlag},
    {"discard", T::kFlag},
    {"nodiscard", T::kFlag},
    {"init_itable", T::kU32},
    {"init_itable", T::kFlag},
    {"noinit_itable", T::kFlag},
    {"max_dir_size_kb", T::kU32},
    {"test_dummy_encryption", T::kFlag},
    {"test_dummy_encryption", T::kString},
    {"inlinecrypt", T::kFlag},
    {"nombcache", T::kFlag},
    {"no_mbcache", T::kFlag},
    {"prefetch_block_bitmaps", T::kFlag},
    {"no_prefetch_block_bitmaps", T::kFlag},
    {"mb_optimize_scan", T::kS32},
    {"check", T::kString},
    {"nocheck", T::kFlag},
    {"reservation", T::kFlag},
    {"noreservation", T::kFlag},
    {"journal", T::kU32},
};

constexpr absl::string_view kNotExt2[] = {
    "commit",
    "data",
    "data_err",
    "delalloc",
    "dioread_lock",
    "dioread_nolock",
    "journal_async_commit",
    "journal_checksum",
    "journal_dev",
    "journal_ioprio",
    "journal_path",
    "nodelalloc",
    "nodioread_nolock",
    "nojournal_checksum",
    "noload",
    "norecovery",
};

}  // namespace

absl::Span<const FsParam> Ext4Params() { return kParams; }

bool Ext4OldOption(absl::string_view option) {
  return option == "noacl" || option == "nouser_xattr";
}

bool Ext4NewOption(absl::string_view option) {
  const absl::string_view name = option.substr(0, option.find('='));
  return name == "mb_optimize_scan" || name == "no_prefetch_block_bitmaps" ||
         (name == "check" && option != "check=none");
}

std::string Ext4BadValue(absl::string_view option) {
  const absl::string_view name = option.substr(0, option.find('='));
  const std::optional<uint64_t> given = FsNumber(kParams, option);
  if (name == "mb_optimize_scan" && given.value_or(2) > 1) {
    return "mb_optimize_scan should be set to 0 or 1.";
  }
  if (!given) return "";
  const auto n = static_cast<uint32_t>(*given);
  constexpr uint32_t kInodeSize = 256, kGoodOldInodeSize = 128;
  // INT_MAX / HZ, of Debian's 250 ticks in a second.
  constexpr uint32_t kMaxCommit = 8589934;
  if (name == "commit" && n > kMaxCommit) {
    return absl::StrCat("Invalid commit interval ", static_cast<int32_t>(n),
                        ", must be smaller than ", kMaxCommit);
  }
  // make_kuid() of -1, which 6.11 and later refuse when they read the word.
  if ((name == "resuid" || name == "resgid") && n == 0xffffffff) {
    return absl::StrCat("Invalid ", name.substr(3), " value -1");
  }
  if (name == "debug_want_extra_isize" &&
      (n % 2 != 0 || n < 4 || n > kInodeSize - kGoodOldInodeSize)) {
    return absl::StrCat("Invalid want_extra_isize ", n);
  }
  if (name == "inode_readahead_blks" && n != 0 &&
      (!std::has_single_bit(n) || n >= 0x80000000)) {
    return "EXT4-fs: inode_readahead_blks must be 0 or a power of 2 smaller "
           "than 2^31";
  }
  if (name == "journal_ioprio" && n > 7) {
    return "Invalid journal IO priority (must be 0-7)";
  }
  return "";
}

bool Ext4OnlyOption(absl::string_view option) {
  // The flag is every file system's, the values are not.
  if (option.substr(0, 4) == "dax=") return true;
  const absl::string_view name = option.substr(0, option.find('='));
  return std::find(std::begin(kNotExt2), std::end(kNotExt2), name) !=
         std::end(kNotExt2);
}

}  // namespace dmdax
