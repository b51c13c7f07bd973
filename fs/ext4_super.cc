// SPDX-License-Identifier: Apache-2.0
#include "fs/ext4_super.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/errno_status.h"
#include "base/units.h"
#include "fs/ext4_params.h"

namespace dmdax {
namespace {

// An ext2 file system that ext4 mounts.
constexpr absl::string_view kNeedsEncrypt = " requires encrypt feature";

bool IsExt2(const FsContext& fc) { return fc.type().name == "ext2"; }

// What ext4_parse_param() has against an option that is one.
std::vector<std::string> Ext4BadOption(absl::string_view option) {
  constexpr absl::string_view kPath = "journal_path";
  constexpr absl::string_view kEncryption = "test_dummy_encryption";
  const absl::string_view name = option.substr(0, option.find('='));
  const absl::string_view value =
      option.size() > name.size() ? option.substr(name.size() + 1) : "";
  // Of "/dev/pmem0" is not known here whether it is there.
  if (name == kPath && !absl::StartsWith(value, "/")) {
    return {value.empty()
                ? absl::StrCat(kPath, ": not usable as path")
                : absl::StrCat(kPath, ": Lookup failure for '", value, "'"),
            "EXT4-fs: error: could not find journal device path"};
  }
  if (name == kEncryption && !value.empty() && value != "v1" && value != "v2") {
    return {absl::StrCat("EXT4-fs: Value of option \"", kEncryption,
                         "\" is unrecognized")};
  }
  if (name == kEncryption) {
    return {absl::StrCat("EXT4-fs: ", kEncryption, kNeedsEncrypt)};
  }
  const std::string words = Ext4BadValue(option);
  if (words.empty()) return {};
  return {absl::StrCat("EXT4-fs: ", words)};
}

// The same of its own parser.
std::string Ext4OwnBadOption(absl::string_view option) {
  const absl::string_view name = option.substr(0, option.find('='));
  if (name == "journal_path" && !absl::StartsWith(option, "journal_path=/")) {
    return "error: could not find journal device path: error -2";
  }
  if (name == "test_dummy_encryption") return absl::StrCat(name, kNeedsEncrypt);
  return Ext4BadValue(option);
}

// parse_options() of ext4 before the mount API.
absl::Status Ext4OwnOptions(FsContext& fc) {
  for (absl::string_view option : fc.Options()) {
    if (IsVfsOption(option)) continue;
    const bool has_value = option.substr(0, 4) == "dax=";
    if ((!FsParse(Ext4Params(), option).empty() && !Ext4OldOption(option)) ||
        Ext4NewOption(option) || option == "journal_path" ||
        (has_value && !fc.SetMode(option.substr(4)))) {
      return fc.Refuse(KernLevel::kErr,
                       absl::StrCat("Unrecognized mount option \"", option,
                                    "\" or missing value"));
    }
    if (IsExt2(fc) && Ext4OnlyOption(option)) {
      return fc.Refuse(
          KernLevel::kErr,
          absl::StrCat("Mount option \"", option, "\" incompatible with ext2"));
    }
    if (const std::string words = Ext4OwnBadOption(option); !words.empty()) {
      return fc.Refuse(KernLevel::kErr, words);
    }
    if (option == "dax") fc.sb().dax = DaxMode::kAlways;
    if (!has_value && option != "dax") continue;
    if (fc.sb().dax == DaxMode::kAlways &&
        fc.profile().ext4_says_experimental) {
      fc.Say(KernLevel::kWarn, kDaxExperimental);
    }
  }
  return absl::OkStatus();
}

// ext4_check_quota_consistency(): quotas of projects need the feature, and
// quota files a format.
absl::Status Ext4Quotas(FsContext& fc) {
  absl::string_view wrong;
  bool project = false, files = false, format = false;
  for (absl::string_view option : fc.Options()) {
    project = option == "prjquota" || (project && option != "noquota");
    format |= absl::StartsWith(option, "jqfmt=");
    files |= (absl::StartsWith(option, "usrjquota=") ||
              absl::StartsWith(option, "grpjquota=")) &&
             !absl::EndsWith(option, "=");
  }
  if (project && !fc.request().project) {
    wrong =
        "Project quota feature not enabled. Cannot enable project quota "
        "enforcement.";
  } else if (files && !format) {
    wrong = "journaled quota format not specified";
  } else {
    return absl::OkStatus();
  }
  return fc.profile().ext4_has_mount_api
             ? fc.RefuseParameter(absl::StrCat("EXT4-fs: ", wrong))
             : fc.Refuse(KernLevel::kErr, wrong);
}

// What is wrong with an option, or with noload, where there is no journal.
absl::Status Ext4WithoutJournal(FsContext& fc) {
  bool journal = fc.request().has_journal;
  absl::string_view order[] = {"", "", "", "", ""};
  std::string commit;
  for (absl::string_view option : fc.Options()) {
    if (option == "noload" || option == "norecovery") journal = false;
    if (option == "journal_async_commit") order[0] = option;
    if (option == "journal_checksum") order[1] = option;
    if (option == "nojournal_checksum") order[1] = "";
    uint64_t seconds = 0;
    if (absl::StartsWith(option, "commit=") &&
        absl::SimpleAtoi(option.substr(7), &seconds)) {
      constexpr uint64_t kDefault = 5;  // JBD2_DEFAULT_MAX_COMMIT_AGE
      commit = absl::StrCat("commit=", seconds);
      order[2] = seconds == 0 || seconds == kDefault ? "" : commit;
    }
    if (absl::StartsWith(option, "data=")) order[3] = "data=";
    if (option == "data_err=abort") order[4] = option;
    if (option == "data_err=ignore") order[4] = "";
  }
  if (journal) return absl::OkStatus();
  for (absl::string_view words : order) {
    if (words.empty()) continue;
    return fc.Refuse(KernLevel::kErr, absl::StrCat("can't mount with ", words,
                                                   ", fs mounted w/o journal"));
  }
  return absl::OkStatus();
}

// ext4_load_journal(): a file system has its journal within, or outside.
absl::Status Ext4JournalDevice(FsContext& fc) {
  uint32_t device = 0;
  bool load = fc.request().has_journal;
  for (absl::string_view option : fc.Options()) {
    load &= option != "noload" && option != "norecovery";
    if (absl::ConsumePrefix(&option, "journal_dev=")) {
      (void)absl::SimpleAtoi(option, &device);
    }
  }
  if (!load || device == 0) return absl::OkStatus();
  fc.Say(KernLevel::kInfo,
         "external journal device major/minor numbers have changed");
  return fc.Refuse(KernLevel::kErr,
                   "filesystem has both journal inode and journal device!");
}

// sb_set_blocksize(): blocks larger than a page.
absl::Status Ext4BlockSize(FsContext& fc) {
  const uint64_t size = fc.request().block_size;
  // Of the two types of the driver only its own has FS_LBS.
  const bool large = fc.profile().ext4_has_large_blocks && !IsExt2(fc);
  if (size <= kPageSize || large) {
    return absl::OkStatus();
  }
  return fc.Refuse(KernLevel::kErr, absl::StrCat("bad block size ", size));
}

// ext4_check_opt_consistency().
absl::Status Ext4Consistency(FsContext& fc) {
  if (!fc.profile().ext4_has_mount_api) return Ext4Quotas(fc);
  for (absl::string_view option : fc.Options()) {
    if (!IsExt2(fc) || !Ext4OnlyOption(option)) continue;
    return fc.RefuseParameter(
        "EXT4-fs: Mount option(s) incompatible with ext2");
  }
  return Ext4Quotas(fc);
}

absl::Status Ext4Options(FsContext& fc) {
  for (absl::string_view option : fc.Options()) {
    if (option == "data=journal") fc.sb().journals_data = true;
  }
  return fc.profile().ext4_has_mount_api
             ? fc.ParseOptions(Ext4Params(), Ext4BadOption)
             : Ext4OwnOptions(fc);
}

}  // namespace

absl::StatusOr<SuperBlock> Ext4FillSuper(FsContext& fc) {
  if (absl::Status s = Ext4Options(fc); !s.ok()) return s;
  const bool by_bdev = fc.asks_bdev_only();
  if (by_bdev) fc.GetDaxByBdev();
  // With the mount API the super block is read before options are applied.
  if (fc.profile().ext4_has_mount_api) {
    if (absl::Status s = Ext4BlockSize(fc); !s.ok()) return s;
  }
  if (absl::Status s = Ext4Consistency(fc); !s.ok()) return s;
  const bool always = fc.sb().dax == DaxMode::kAlways;
  if (fc.HasOption("journal_async_commit") && !fc.HasOption("data=journal") &&
      !fc.HasOption("data=writeback")) {
    return fc.Refuse(KernLevel::kErr,
                     "can't mount with journal_async_commit in data=ordered "
                     "mode");
  }
  if (fc.sb().journals_data && fc.HasOption("delalloc")) {
    return fc.Refuse(KernLevel::kErr,
                     "can't mount with both data=journal and delalloc");
  }
  if (fc.sb().journals_data && always) {
    return fc.Refuse(KernLevel::kErr,
                     "can't mount with both data=journal and dax");
  }
  if (by_bdev && fc.sb().dax_dev != nullptr &&
      fc.request().block_size != kPageSize) {
    fc.sb().dax_dev = nullptr;
    // The kernel's text has a line feed here.
    fc.Say(KernLevel::kErr, "unsupported blocksize for DAX\\x0a");
  }
  // 4.14 checks the device only if DAX was demanded.
  const bool asks = fc.profile().has_dax_modes || always;
  if (!by_bdev && asks && fc.profile().has_dax_modes) fc.BdevDaxSupported();
  if (always && fc.request().inline_data) {
    return fc.Refuse(KernLevel::kErr,
                     "Cannot use DAX on a filesystem that may contain inline "
                     "data");
  }
  if (!by_bdev && asks && !fc.profile().has_dax_modes) fc.BdevDaxSupported();
  if (always && fc.sb().dax_dev == nullptr) {
    if (!fc.profile().has_dax_modes) {
      // The check has said why.
      return ErrnoError(EINVAL, "the mount is refused");
    }
    return fc.Refuse(KernLevel::kErr, "DAX unsupported by block device.");
  }
  if (absl::Status s = Ext4BlockSize(fc); !s.ok()) return s;
  if (absl::Status s = Ext4JournalDevice(fc); !s.ok()) return s;
  if (absl::Status s = Ext4WithoutJournal(fc); !s.ok()) return s;
  return fc.Done();
}

std::string Ext4ShowOptions(const SuperBlock& sb) {
  const bool inode = sb.dax == DaxMode::kInode && sb.dax_inode_given;
  return inode ? "dax=inode" : ShowDaxMode(sb);
}

}  // namespace dmdax
