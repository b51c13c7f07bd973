// SPDX-License-Identifier: Apache-2.0
#include "fs/ext4_super.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/errno_status.h"
#include "base/units.h"
#include "fs/ext4_backup.h"
#include "fs/ext4_params.h"
#include "fs/ext4_quota.h"

namespace dmdax {
namespace {

// An ext2 file system that ext4 mounts.
constexpr absl::string_view kNeedsEncrypt = " requires encrypt feature";

bool IsExt2(const FsContext& fc) { return fc.type().name == "ext2"; }

constexpr absl::string_view kPath = "journal_path";

// fs_lookup_param(): what is wrong with the path of a journal, or "".
std::string Ext4BadPath(const FsContext& fc, absl::string_view path) {
  if (path.empty()) return absl::StrCat(kPath, ": not usable as path");
  const absl::Status found = fc.LookupBdev(path).status();
  if (found.ok()) return "";
  return ErrnoOf(found) == ENOTBLK
             ? absl::StrCat(kPath, ": Non-blockdev passed as '", path, "'")
             : absl::StrCat(kPath, ": Lookup failure for '", path, "'");
}

// What ext4_parse_param() has against an option that is one.
std::vector<std::string> Ext4BadOption(const FsContext& fc,
                                       absl::string_view option) {
  constexpr absl::string_view kEncryption = "test_dummy_encryption";
  const absl::string_view name = option.substr(0, option.find('='));
  const absl::string_view value =
      option.size() > name.size() ? option.substr(name.size() + 1) : "";
  if (name == kPath) {
    std::string wrong = Ext4BadPath(fc, value);
    if (wrong.empty()) return {};
    return {wrong, "EXT4-fs: error: could not find journal device path"};
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

// kern_path(): the same before the mount API.
std::string Ext4OwnBadPath(const FsContext& fc, absl::string_view path) {
  const absl::Status found = fc.LookupBdev(path).status();
  if (found.ok()) return "";
  return ErrnoOf(found) == ENOTBLK
             ? absl::StrCat("error: journal path ", path,
                            " is not a block device")
             : absl::StrCat("error: could not find journal device path: error ",
                            -ErrnoOf(found));
}

// The same of its own parser.
std::string Ext4OwnBadOption(const FsContext& fc, absl::string_view option) {
  const absl::string_view name = option.substr(0, option.find('='));
  if (name == kPath) {
    return Ext4OwnBadPath(fc, option.substr(kPath.size() + 1));
  }
  if (name == "test_dummy_encryption") return absl::StrCat(name, kNeedsEncrypt);
  return Ext4BadValue(option);
}

bool IsReadOnlyFlag(const FsContext& fc, absl::string_view option) {
  return option == "ro" && option.data() == fc.request().options.data();
}

// What is nothing to its own parser, which gets all of the data.
bool IsNotExt4s(const FsContext& fc, absl::string_view option) {
  if (fc.request().options_of == OptionsOf::kMount8) {
    return IsVfsOption(option);
  }
  return option == "lazytime" || option == "nolazytime" ||
         IsReadOnlyFlag(fc, option);
}

// match_int(): of a number of any length, what an int can not hold is refused
// without a word.
bool IsBeyondInt(absl::string_view option) {
  const size_t equals = option.find('=');
  if (equals == option.npos || option.substr(0, equals) == "sb") return false;
  const std::string value(option.substr(equals + 1));
  for (const FsParam& param : Ext4Params()) {
    if (param.name != option.substr(0, equals)) continue;
    const bool takes =
        param.type == FsParamType::kU32 || param.type == FsParamType::kId;
    if (!takes || value.empty() ||
        !absl::ascii_isdigit(static_cast<unsigned char>(value[0]))) {
      continue;
    }
    char* end = nullptr;
    const uint64_t n = strtoull(value.c_str(), &end, 0);
    return *end == '\0' && n > INT32_MAX;
  }
  return false;
}

// parse_options() of ext4 before the mount API.
absl::Status Ext4OwnOptions(FsContext& fc) {
  Ext4Quota quota(fc);
  for (absl::string_view option : fc.Options()) {
    if (IsNotExt4s(fc, option)) continue;
    const bool has_value = option.substr(0, 4) == "dax=";
    const bool beyond_int = IsBeyondInt(option);
    if ((!FsParse(Ext4Params(), option).empty() && !Ext4OldOption(option) &&
         !beyond_int) ||
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
    if (beyond_int) {
      return ErrnoError(EINVAL, absl::StrCat(option, ": no int"));
    }
    std::string words = quota.Take(option);
    if (words.empty()) words = Ext4OwnBadOption(fc, option);
    if (!words.empty()) return fc.Refuse(KernLevel::kErr, words);
    if (option == "dax") fc.sb().dax = DaxMode::kAlways;
    if (!has_value && option != "dax") continue;
    if (fc.sb().dax == DaxMode::kAlways &&
        fc.profile().ext4_says_experimental) {
      fc.Say(KernLevel::kWarn, kDaxExperimental);
    }
  }
  return quota.Check();
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
    // Whoever gives a path is believed that there is a journal, but for one
    // that is known to be within.
    if (absl::StartsWith(option, "journal_path=") &&
        fc.request().log == LogPlace::kWithin) {
      device = 1;
    }
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

// ext4_load_super(): the super block that sb= names is one.
absl::Status Ext4LoadSuper(FsContext& fc, uint64_t kib) {
  if (Ext4HasSuperBlock(fc.request().block_size, fc.bdev().nr_sectors(), kib)) {
    return absl::OkStatus();
  }
  constexpr uint64_t kSectors = 2;  // of a KiB
  if (kib >= fc.bdev().nr_sectors() / kSectors) {
    constexpr absl::string_view kWords = "unable to read superblock";
    fc.Say(KernLevel::kErr, kWords);
    return ErrnoError(ENOMEM, kWords);
  }
  return fc.Refuse(KernLevel::kErr, "VFS: Can't find ext4 filesystem");
}

constexpr absl::string_view kSb = "sb=";
constexpr uint64_t kDefaultSb = 1;

// get_sb_block() before the mount API: only what comes first counts.
uint64_t Ext4OwnSbBlock(FsContext& fc) {
  for (absl::string_view option : fc.Options()) {
    const bool mount8 = fc.request().options_of == OptionsOf::kMount8;
    if (mount8 ? IsVfsOption(option) : IsReadOnlyFlag(fc, option)) continue;
    if (!absl::StartsWith(option, kSb)) break;
    if (const auto kib = FsNumber(Ext4Params(), option)) return *kib;
    fc.SayPlain(KernLevel::kErr,
                absl::StrCat("EXT4-fs: Invalid sb specification: ",
                             fc.request().options));
    break;
  }
  return kDefaultSb;
}

uint64_t Ext4SbBlock(const FsContext& fc) {
  uint64_t kib = kDefaultSb;
  for (absl::string_view option : fc.Options()) {
    if (!absl::StartsWith(option, kSb)) continue;
    kib = FsNumber(Ext4Params(), option).value_or(kib);
  }
  return kib;
}

// ext4_check_opt_consistency().
absl::Status Ext4Consistency(FsContext& fc, Ext4Quota& quota) {
  for (absl::string_view option : fc.Options()) {
    if (!IsExt2(fc) || !Ext4OnlyOption(option)) continue;
    return fc.RefuseParameter(
        "EXT4-fs: Mount option(s) incompatible with ext2");
  }
  return quota.Check();
}

absl::Status Ext4Options(FsContext& fc, Ext4Quota& quota) {
  return fc.ParseOptions(Ext4Params(), [&](absl::string_view option) {
    std::vector<std::string> wrong = Ext4BadOption(fc, option);
    const std::string words = quota.Take(option);
    if (!words.empty()) wrong = {absl::StrCat("EXT4-fs: ", words)};
    return wrong;
  });
}

// What the options and the super block say before anything is done with them.
// With the mount API the options are read first, and applied last.
absl::Status Ext4Read(FsContext& fc) {
  for (absl::string_view option : fc.Options()) {
    if (option == "data=journal") fc.sb().journals_data = true;
  }
  if (!fc.profile().ext4_has_mount_api) {
    if (absl::Status s = Ext4LoadSuper(fc, Ext4OwnSbBlock(fc)); !s.ok()) {
      return s;
    }
    if (absl::Status s = Ext4OwnOptions(fc); !s.ok()) return s;
    if (fc.asks_bdev_only()) fc.GetDaxByBdev();
    return absl::OkStatus();
  }
  Ext4Quota quota(fc);
  if (absl::Status s = Ext4Options(fc, quota); !s.ok()) return s;
  if (fc.asks_bdev_only()) fc.GetDaxByBdev();
  if (absl::Status s = Ext4LoadSuper(fc, Ext4SbBlock(fc)); !s.ok()) return s;
  if (absl::Status s = Ext4BlockSize(fc); !s.ok()) return s;
  return Ext4Consistency(fc, quota);
}

}  // namespace

absl::StatusOr<SuperBlock> Ext4FillSuper(FsContext& fc) {
  if (absl::Status s = Ext4Read(fc); !s.ok()) return s;
  const bool by_bdev = fc.asks_bdev_only();
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
