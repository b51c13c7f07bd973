// SPDX-License-Identifier: Apache-2.0
//
// crypt: the data is enciphered on its way down.
//
//   crypt <cipher>[:keycount]-<mode>-<iv>[:<opts>] <key> <iv offset> <dev>
//         <start> [<#features> <feature> ...]
//
//   key        hexadecimal digits, "-", or a key of the kernel's keyrings
//   iv offset  sectors; start: first sector on dev
//
// dm_crypt_cipher.cc has the first word, dm_crypt_key.cc the key,
// dm_crypt_options.cc the features, dm_crypt_data.cc what enciphers; which
// ciphers there are is in dm/targets/crypto_cipher.h.
// Mirrors drivers/md/dm-crypt.c (4.14 to 7.2).
#include "dm/targets/crypt/dm_crypt.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/kstrtox.h"
#include "base/since.h"
#include "dm/dm_table.h"
#include "dm/mapped_device.h"
#include "dm/targets/crypto_engine.h"

namespace dmdax {
namespace {

// Since then the device below may have more room for tags than they need.
constexpr Since<bool> kTagsMayBeSmaller[] = {{{6, 11}, true}};

// crypt_integrity_ctr(): the integrity profile of the device below has the tags
// of the cipher, and IVs that are random.
absl::Status CheckIntegrity(const DmTarget& ti, const CryptConfig& cc) {
  if (!cc.aead && !cc.random_iv) return absl::OkStatus();
  const QueueLimits below = cc.dev->bdev->queue().limits();
  const uint32_t room = below.integrity_metadata_size;
  if (room == 0) return DmError("Integrity profile not supported.");
  const bool smaller = ValueAt<bool>(kTagsMayBeSmaller, ProfileOf(ti).release);
  if (smaller ? room < cc.used_tag_size : room != cc.used_tag_size) {
    return DmError("Integrity profile tag size mismatch.");
  }
  if (uint32_t{1} << below.integrity_interval_exp != cc.sector_size) {
    return DmError("Integrity profile sector size mismatch.");
  }
  const uint32_t iv = cc.random_iv ? cc.iv_size : 0;
  // As unsigned numbers: less than an IV is more than any cipher takes.
  const uint32_t tag = cc.aead ? cc.used_tag_size - iv : 0;
  if (cc.aead && !cc.cipher.AuthSizeFits(tag)) {
    return DmError("Integrity AEAD auth tag size is not supported.");
  }
  if (smaller ? tag + iv > room : tag + iv != room) {
    return DmError("Not enough space for integrity tag in the profile.");
  }
  return absl::OkStatus();
}

absl::Status CryptCtr(DmTarget& ti, absl::Span<const std::string> argv) {
  const SscanfOverflow overflow = ProfileOf(ti).sscanf_overflow;
  if (argv.size() < 5) return DmError("Not enough arguments");
  auto cc = std::make_unique<CryptConfig>();
  absl::string_view key = argv[1];
  absl::StatusOr<uint64_t> key_size = CryptKeySize(&key, overflow);
  if (!key_size.ok()) return key_size.status();
  cc->key_size = *key_size;
  // Options come first in the kernel too: the sector size decides about the IV
  // offset.
  absl::Status s = ParseCryptOptions(ti, argv.subspan(5), cc.get());
  if (s.ok()) s = CryptCtrCipher(ti, argv[0], key, cc.get());
  if (!s.ok()) return s;
  absl::StatusOr<uint64_t> iv_offset = SscanfU64(argv[2], overflow);
  if (!iv_offset.ok() || *iv_offset % (cc->sector_size >> kSectorShift) != 0) {
    return DmError("Invalid iv_offset sector");
  }
  absl::StatusOr<const DmDev*> dev =
      DmGetDevice(ti, argv[3], "Device lookup failed");
  if (!dev.ok()) return dev.status();
  absl::StatusOr<uint64_t> start = SscanfU64(argv[4], overflow);
  if (!start.ok()) return DmError("Invalid device sector");
  cc->iv_offset = *iv_offset;
  cc->dev = *dev;
  if (s = CheckIntegrity(ti, *cc); !s.ok()) return s;
  cc->start = sector_t(*start);
  ti.num_flush_bios = 1;
  ti.num_discard_bios = cc->allow_discards ? 1 : 0;
  ti.private_data = std::move(cc);
  return absl::OkStatus();
}

BioMap CryptMap(const DmTarget& ti, sector_t sector, ReqOp op) {
  const CryptConfig& cc = ti.Private<CryptConfig>();
  // A flush has no address to map.
  const sector_t to =
      op == ReqOp::kFlush ? sector : cc.start + ti.Offset(sector);
  return {BioMap::Kind::kRemapped, cc.dev, to, 0};
}

int CryptPreresume(DmTarget& ti) {
  if (ti.Private<CryptConfig>().key_valid) return 0;
  CryptLog(ti, KernLevel::kErr, "aborting resume - crypt key is not set.");
  return EAGAIN;
}

// "", "wiped", or the bytes of a key that was in a keyring: "key 0aff".
std::string CryptSaveState(const DmTarget& ti) {
  const CryptConfig& cc = ti.Private<CryptConfig>();
  if (!cc.key_valid) return "wiped";
  if (cc.payload.empty()) return "";
  return absl::StrCat("key ", absl::BytesToHexString(cc.payload));
}

bool CryptRestoreState(DmTarget& ti, absl::string_view state) {
  CryptConfig& cc = ti.Private<CryptConfig>();
  if (absl::ConsumePrefix(&state, "key ")) {
    cc.payload = BytesOfHex(state);
    return cc.payload.size() == cc.key_size;
  }
  cc.key_valid = state.empty();
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
    .encode = CryptEncode,
    .end_io = CryptEndIo,
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

void CryptLog(const DmTarget& ti, KernLevel level, absl::string_view text) {
  const absl::string_view lead =
      ProfileOf(ti).crypt_logs_as_trusted_key ? "trusted_key: " : "";
  MachineOf(ti).log().Printk(
      level, absl::StrCat(lead, "device-mapper: crypt: ", text));
}

}  // namespace dmdax
