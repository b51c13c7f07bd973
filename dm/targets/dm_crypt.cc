// SPDX-License-Identifier: Apache-2.0
//
// crypt: the data is enciphered on its way down.
//
//   crypt <cipher>[:keycount]-<mode>-<iv>[:<opts>] <key> <iv offset> <dev>
//         <start> [<#features> <feature> ...]
//
//   key        hexadecimal digits, or "-"
//   iv offset  sectors; start: first sector on dev
//   features   allow_discards same_cpu_crypt submit_from_crypt_cpus
//              no_read_workqueue no_write_workqueue iv_large_sectors
//              sector_size:<512..4096> integrity:<bytes>:<type>
//
// Data is not enciphered here, only sent where it goes.  Keys of the keyring
// and integrity are refused with a text that says so; so are most ciphers,
// see dm_crypt_cipher.h.
// Mirrors drivers/md/dm-crypt.c (4.14 to 7.2).
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/errno_status.h"
#include "base/kstrtox.h"
#include "dm/arg_set.h"
#include "dm/device_mapper.h"
#include "dm/dm_table.h"
#include "dm/mapped_device.h"
#include "dm/targets/dm_crypt_cipher.h"

namespace dmdax {
namespace {

struct CryptConfig : DmTargetPrivate {
  const DmDev* dev = nullptr;
  sector_t start;
  std::string cipher_string;
  std::string key;  // hexadecimal, lower case; "" for "-"; zeros once wiped
  bool key_valid = true;
  uint64_t iv_offset = 0;
  uint32_t sector_size = 512;  // bytes
  bool allow_discards = false;
  bool iv_large_sectors = false;
  // The other flags that were given, each once, in the order of the table.
  std::vector<std::string> flags;
  CipherSpec spec;
};

constexpr absl::string_view kFlags[] = {
    "same_cpu_crypt", "submit_from_crypt_cpus", "no_read_workqueue",
    "no_write_workqueue"};

absl::Status ParseSectorSize(const DmTarget& ti, const std::string& word,
                             CryptConfig* cc) {
  unsigned size = 0;
  char dummy;
  if (sscanf(word.c_str(), "sector_size:%u%c", &size, &dummy) != 1) {
    return DmError("Invalid feature arguments");
  }
  size &= 0xffff;
  if (size < 512 || size > 4096 || (size & (size - 1)) != 0) {
    return DmError("Invalid feature value for sector_size");
  }
  if (ti.len.value() % (size >> kSectorShift) != 0) {
    return DmError("Device size is not multiple of sector_size feature");
  }
  cc->sector_size = size;
  return absl::OkStatus();
}

absl::Status ParseFeature(const DmTarget& ti, const std::string& word,
                          CryptConfig* cc) {
  for (absl::string_view flag : kFlags) {
    if (!absl::EqualsIgnoreCase(word, flag)) continue;
    if (std::find(cc->flags.begin(), cc->flags.end(), flag) ==
        cc->flags.end()) {
      cc->flags.emplace_back(flag);
    }
    return absl::OkStatus();
  }
  if (absl::EqualsIgnoreCase(word, "allow_discards")) {
    cc->allow_discards = true;
  } else if (absl::EqualsIgnoreCase(word, "iv_large_sectors")) {
    cc->iv_large_sectors = true;
  } else if (absl::StartsWith(word, "integrity:")) {
    return DmNotModelled("crypt with integrity",
                         "the integrity profile of the device");
  } else {
    return ParseSectorSize(ti, word, cc);
  }
  return absl::OkStatus();
}

absl::Status ParseFeatures(const DmTarget& ti,
                           absl::Span<const std::string> argv,
                           CryptConfig* cc) {
  if (argv.empty()) return absl::OkStatus();
  DmArgSet as(argv, ProfileOf(ti).sscanf_overflow);
  absl::StatusOr<uint32_t> count =
      as.ReadArgGroup({0, 8, "Invalid number of feature args"});
  if (!count.ok()) return count.status();
  for (uint32_t i = 0; i < *count; ++i) {
    absl::Status s = ParseFeature(ti, *as.Shift(), cc);
    if (!s.ok()) return s;
  }
  return absl::OkStatus();
}

absl::Status SetKey(const CipherSpec& spec, const std::string& key,
                    CryptConfig* cc) {
  constexpr char kError[] = "Error decoding and setting key";
  const size_t bytes = key.size() / 2;
  if (bytes == 0 && key != "-") return DmError(kError);
  const std::string digits = absl::AsciiStrToLower(key.substr(0, bytes * 2));
  if (!std::all_of(digits.begin(), digits.end(), [](char c) {
        return absl::ascii_isxdigit(static_cast<unsigned char>(c));
      })) {
    return DmError(kError);
  }
  if (!KeyFits(spec, bytes)) return DmError(kError);
  cc->key = digits;
  return absl::OkStatus();
}

absl::Status CryptCtr(DmTarget& ti, absl::Span<const std::string> argv) {
  const SscanfOverflow overflow = ProfileOf(ti).sscanf_overflow;
  if (argv.size() < 5) return DmError("Not enough arguments");
  if (absl::StartsWith(argv[1], ":")) {
    const std::vector<std::string> key = absl::StrSplit(argv[1], ':');
    if (key.size() < 3 || !SscanfU32(key[1], overflow).ok()) {
      return DmError("Cannot parse key size");
    }
    return DmNotModelled("a key by its name", "the kernel's keyrings");
  }
  auto cc = std::make_unique<CryptConfig>();
  absl::Status s = ParseFeatures(ti, argv.subspan(5), cc.get());
  if (!s.ok()) return s;
  absl::StatusOr<CipherSpec> spec = ParseCipher(argv[0], overflow);
  if (!spec.ok()) return spec.status();
  if (s = CheckCipher(*spec); !s.ok()) return s;
  if (s = SetKey(*spec, argv[1], cc.get()); !s.ok()) return s;
  absl::StatusOr<uint64_t> iv_offset = SscanfU64(argv[2], overflow);
  if (!iv_offset.ok() || *iv_offset % (cc->sector_size >> kSectorShift) != 0) {
    return DmError("Invalid iv_offset sector");
  }
  absl::StatusOr<const DmDev*> dev =
      DmGetDevice(ti, argv[3], "Device lookup failed");
  if (!dev.ok()) return dev.status();
  absl::StatusOr<uint64_t> start = SscanfU64(argv[4], overflow);
  if (!start.ok()) return DmError("Invalid device sector");
  cc->spec = *std::move(spec);
  cc->cipher_string = argv[0];
  cc->iv_offset = *iv_offset;
  cc->dev = *dev;
  cc->start = sector_t(*start);
  ti.num_flush_bios = 1;
  ti.num_discard_bios = cc->allow_discards ? 1 : 0;
  ti.private_data = std::move(cc);
  return absl::OkStatus();
}

BioMap CryptMap(const DmTarget& ti, sector_t sector, ReqOp op) {
  const CryptConfig& cc = ti.Private<CryptConfig>();
  // A flush is passed on as it is, without an address.
  const sector_t to =
      op == ReqOp::kFlush ? sector : cc.start + ti.Offset(sector);
  return {BioMap::Kind::kRemapped, cc.dev, to, 0};
}

std::vector<std::string> FeatureWords(const CryptConfig& cc) {
  std::vector<std::string> words;
  if (cc.allow_discards) words.emplace_back("allow_discards");
  for (absl::string_view flag : kFlags) {
    if (std::find(cc.flags.begin(), cc.flags.end(), flag) != cc.flags.end()) {
      words.emplace_back(flag);
    }
  }
  if (cc.sector_size != 512) {
    words.push_back(absl::StrCat("sector_size:", cc.sector_size));
  }
  if (cc.iv_large_sectors) words.emplace_back("iv_large_sectors");
  return words;
}

void CryptIma(const DmTarget& ti, const CryptConfig& cc, std::string* out) {
  const TargetVersion& v = ti.type->version(ProfileOf(ti));
  auto flag = [&](absl::string_view name) {
    const bool on =
        std::find(cc.flags.begin(), cc.flags.end(), name) != cc.flags.end();
    absl::StrAppend(out, ",", name, "=", on ? "y" : "n");
  };
  absl::StrAppend(out, "target_name=crypt,target_version=", v[0], ".", v[1],
                  ".", v[2], ",allow_discards=", cc.allow_discards ? "y" : "n");
  for (absl::string_view name : kFlags) flag(name);
  absl::StrAppend(out, ",iv_large_sectors=", cc.iv_large_sectors ? "y" : "n");
  if (cc.sector_size != 512) {
    absl::StrAppend(out, ",sector_size=", cc.sector_size);
  }
  absl::StrAppend(
      out, ",cipher_string=", cc.cipher_string, ",key_size=", cc.key.size() / 2,
      ",key_parts=", cc.spec.key_parts, ",key_extra_size=0,key_mac_size=0;");
}

void CryptStatus(const DmTarget& ti, StatusType type, std::string* out) {
  const CryptConfig& cc = ti.Private<CryptConfig>();
  if (type == STATUSTYPE_IMA) return CryptIma(ti, cc, out);
  if (type != STATUSTYPE_TABLE) return;
  absl::StrAppend(out, cc.cipher_string, " ", cc.key.empty() ? "-" : cc.key,
                  " ", cc.iv_offset, " ", cc.dev->name);
  absl::StrAppend(out, " ", cc.start.value());
  const std::vector<std::string> words = FeatureWords(cc);
  if (!words.empty()) absl::StrAppend(out, " ", words.size());
  for (const std::string& word : words) absl::StrAppend(out, " ", word);
}

void CryptLog(const DmTarget& ti, KernLevel level, absl::string_view text) {
  const absl::string_view lead =
      ProfileOf(ti).crypt_logs_as_trusted_key ? "trusted_key: " : "";
  MachineOf(ti).log().Printk(
      level, absl::StrCat(lead, "device-mapper: crypt: ", text));
}

absl::Status KeyMessage(CryptConfig& cc, absl::Span<const std::string> argv,
                        bool* known) {
  *known = true;
  if (argv.size() == 3 && absl::EqualsIgnoreCase(argv[1], "set")) {
    const std::string& key = argv[2];
    const size_t digits = key == "-" ? 0 : key.size();
    if (digits != cc.key.size()) return ErrnoError(EINVAL, "key size");
    cc.key_valid = false;
    absl::Status s = SetKey(cc.spec, key, &cc);
    cc.key_valid = s.ok();
    return s;
  }
  if (argv.size() == 2 && absl::EqualsIgnoreCase(argv[1], "wipe")) {
    cc.key.assign(cc.key.size(), '0');
    cc.key_valid = false;
    return absl::OkStatus();
  }
  *known = false;
  return absl::OkStatus();
}

absl::StatusOr<std::string> CryptMessage(DmTarget& ti,
                                         absl::Span<const std::string> argv) {
  if (argv.size() >= 2 && absl::EqualsIgnoreCase(argv[0], "key")) {
    if (!ti.table->md().suspended()) {
      CryptLog(ti, KernLevel::kWarn, "not suspended during key manipulation.");
      return ErrnoError(EINVAL, "not suspended");
    }
    bool known;
    absl::Status s = KeyMessage(ti.Private<CryptConfig>(), argv, &known);
    if (!s.ok()) return s;
    if (known) return "";
  }
  CryptLog(ti, KernLevel::kWarn, "unrecognised message received.");
  return ErrnoError(EINVAL, "unrecognised message");
}

int CryptPreresume(DmTarget& ti) {
  if (ti.Private<CryptConfig>().key_valid) return 0;
  CryptLog(ti, KernLevel::kErr, "aborting resume - crypt key is not set.");
  return EAGAIN;
}

std::string CryptSaveState(const DmTarget& ti) {
  return ti.Private<CryptConfig>().key_valid ? "" : "wiped";
}

bool CryptRestoreState(DmTarget& ti, absl::string_view state) {
  ti.Private<CryptConfig>().key_valid = state.empty();
  return state.empty() || state == "wiped";
}

int CryptIterateDevices(const DmTarget& ti, IterateDevicesFn fn) {
  const CryptConfig& cc = ti.Private<CryptConfig>();
  return fn(*cc.dev, cc.start, ti.len);
}

void CryptIoHints(const DmTarget& ti, QueueLimits& limits) {
  const uint32_t size = ti.Private<CryptConfig>().sector_size;
  limits.logical_block_size = std::max(limits.logical_block_size, size);
  limits.physical_block_size = std::max(limits.physical_block_size, size);
  limits.io_min = std::max(limits.io_min, size);
  limits.dma_alignment = limits.logical_block_size - 1;
}

// The key, which is the second word, becomes zeros; the name of a key stays.
void CryptHideSecrets(std::string& params) {
  const size_t begin = std::min(params.find(' '), params.size());
  size_t i = std::min(begin + 1, params.size());
  if (i < params.size() && params[i] == ':') return;
  for (; i < params.size() && params[i] != ' '; ++i) params[i] = '0';
}

const TargetType kCryptTarget = {
    .name = "crypt",
    .versions = {{k4_14, 1, 18, 0},
                 {k5_10, 1, 22, 0},
                 {k6_1, 1, 24, 0},
                 {k6_12, 1, 28, 0},
                 {k7_2, 1, 29, 0}},
    .features = DM_TARGET_ZONED_HM,
    .registered = 12,
    .ctr = CryptCtr,
    .map = CryptMap,
    .status = CryptStatus,
    .message = CryptMessage,
    .preresume = CryptPreresume,
    .iterate_devices = CryptIterateDevices,
    .io_hints = CryptIoHints,
    .save_state = CryptSaveState,
    .restore_state = CryptRestoreState,
    .hide_secrets = CryptHideSecrets,
    .example = {.length = 2048,
                .params = "aes-xts-plain64 00000000000000000000000000000000"
                          "00000000000000000000000000000000 0 /dev/pmem0 8"},
};
DM_REGISTER_TARGET(kCryptTarget);

}  // namespace
}  // namespace dmdax
