// SPDX-License-Identifier: Apache-2.0
//
// inlinecrypt: the disk enciphers, or the block layer for it.
//
//   inlinecrypt aes-xts-plain64 <key> <iv offset> <dev> <start>
//               [<#words> [allow_discards] [sector_size:<512..4096>]
//                [iv_large_sectors] [keytype:<raw|hw-wrapped>]]
//
//   key  hexadecimal digits, or :<bytes>:logon:<description>
//
// Nothing is enciphered here; only the sectors are mapped.  No disk here
// enciphers by itself, so that keys wrapped by hardware are refused.
// From source alone: Debian builds no such target.
// Mirrors drivers/md/dm-inlinecrypt.c (7.2).
#include <algorithm>
#include <bit>
#include <cerrno>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/errno_status.h"
#include "base/keyring.h"
#include "base/kstrtox.h"
#include "dm/arg_set.h"
#include "dm/device_mapper.h"

namespace dmdax {
namespace {

constexpr size_t kMaxKey = 128;  // bytes, of any type
constexpr size_t kRawKey = 64;   // AES-256 twice
constexpr size_t kMinWrappedKey = 32;

struct InlineCrypt : DmTargetPrivate {
  const DmDev* dev;
  sector_t start;
  std::string key;  // hexadecimal, lower case
  uint64_t iv_offset;
  uint32_t sector_size = 512;  // bytes
  bool hw_wrapped = false;
};

void LogKeySize(const DmTarget& ti) {
  DmLog(MachineOf(ti), KernLevel::kErr, "inlinecrypt", "Invalid keysize");
}

// ":<bytes>:logon:<description>": as many zeros, for the bytes are not kept.
absl::StatusOr<std::string> KeyringKey(const DmTarget& ti,
                                       absl::string_view text) {
  constexpr char kMalformed[] = "Malformed key string";
  const size_t colon = text.find(':', 1);
  absl::StatusOr<uint32_t> size = ErrnoError(EINVAL, "");
  if (colon != text.npos) {
    size = SscanfU32(text.substr(1, colon - 1), ProfileOf(ti).sscanf_overflow);
  }
  if (!size.ok()) return DmError("Cannot parse key size");
  if (*size > kMaxKey) {
    LogKeySize(ti);
    return DmError(kMalformed);
  }
  absl::string_view name = text.substr(colon + 1);
  if (!absl::ConsumePrefix(&name, "logon:") || name.empty()) {
    return DmError(kMalformed);
  }
  const std::optional<Key> key = MachineOf(ti).keys().Find("logon", name);
  if (!key.has_value()) return ErrnoError(ENOKEY, kMalformed);
  if (key->bytes != *size) return DmError(kMalformed);
  return std::string(*size * 2, '0');
}

absl::StatusOr<std::string> ParseKey(const DmTarget& ti,
                                     const std::string& text) {
  if (absl::StartsWith(text, ":")) return KeyringKey(ti, text);
  if (text.empty() || text.size() > 2 * kMaxKey || text.size() % 2 != 0) {
    LogKeySize(ti);
    return DmError("Cannot parse key size");
  }
  if (!std::all_of(text.begin(), text.end(), [](char c) {
        return absl::ascii_isxdigit(static_cast<unsigned char>(c));
      })) {
    return DmError("Malformed key string");
  }
  return absl::AsciiStrToLower(text);
}

absl::Status ParseOption(DmTarget& ti, absl::string_view word, bool* large,
                         InlineCrypt* ic) {
  if (absl::ConsumePrefix(&word, "keytype:")) {
    ic->hw_wrapped = word == "hw-wrapped";
    if (ic->hw_wrapped || word == "raw") return absl::OkStatus();
    return DmError("Invalid block key type");
  }
  if (word == "allow_discards") {
    ti.num_discard_bios = 1;
    return absl::OkStatus();
  }
  if (word == "iv_large_sectors") {
    *large = true;
    return absl::OkStatus();
  }
  absl::StatusOr<uint32_t> size = ErrnoError(EINVAL, "");
  if (absl::ConsumePrefix(&word, "sector_size:")) {
    size = SscanfU32(word, ProfileOf(ti).sscanf_overflow);
  }
  if (!size.ok()) return DmError("Invalid feature arguments");
  if (*size < 512 || *size > 4096 || !std::has_single_bit(*size)) {
    return DmError("Invalid sector_size");
  }
  ic->sector_size = *size;
  return absl::OkStatus();
}

absl::Status ParseOptions(DmTarget& ti, absl::Span<const std::string> argv,
                          InlineCrypt* ic) {
  if (argv.empty()) return absl::OkStatus();
  DmArgSet as(argv, ProfileOf(ti).sscanf_overflow);
  absl::StatusOr<uint32_t> count =
      as.ReadArgGroup({0, 4, "Invalid number of feature args"});
  if (!count.ok()) return count.status();
  bool large = false;
  for (uint32_t i = 0; i < *count; ++i) {
    absl::Status s = ParseOption(ti, *as.Shift(), &large, ic);
    if (!s.ok()) return s;
  }
  if (ic->sector_size != 512 && !large) {
    return DmError("iv_large_sectors must be specified");
  }
  return absl::OkStatus();
}

absl::Status CheckKey(const DmTarget& ti, const InlineCrypt& ic) {
  const uint32_t sectors = ic.sector_size >> kSectorShift;
  if (ti.len.value() % sectors != 0) {
    return DmError("Device size is not a multiple of sector_size");
  }
  if (ic.iv_offset % sectors != 0) {
    return DmError("Wrong alignment of iv_offset sector");
  }
  const size_t bytes = ic.key.size() / 2;
  const bool last_is_zero = (ic.iv_offset + ti.len.value() - 1) / sectors == 0;
  if ((ic.hw_wrapped ? bytes < kMinWrappedKey : bytes != kRawKey) ||
      last_is_zero) {
    return DmError("Error initializing blk-crypto key");
  }
  if (!ic.hw_wrapped) return absl::OkStatus();
  MachineOf(ti).log().Printk(KernLevel::kWarn,
                             absl::StrCat("blk-crypto: ", ic.dev->bdev->name(),
                                          ": no support for wrapped keys"));
  return ErrnoError(EOPNOTSUPP, "Error starting to use blk-crypto");
}

absl::Status InlineCryptCtr(DmTarget& ti, absl::Span<const std::string> argv) {
  const SscanfOverflow overflow = ProfileOf(ti).sscanf_overflow;
  if (argv.size() < 5) return DmError("Not enough arguments");
  if (argv[0] != "aes-xts-plain64") return DmError("Unsupported cipher");
  auto ic = std::make_unique<InlineCrypt>();
  absl::StatusOr<std::string> key = ParseKey(ti, argv[1]);
  if (!key.ok()) return key.status();
  ic->key = *std::move(key);
  absl::StatusOr<uint64_t> iv_offset = SscanfU64(argv[2], overflow);
  if (!iv_offset.ok()) return DmError("Invalid iv_offset sector");
  ic->iv_offset = *iv_offset;
  absl::StatusOr<const DmDev*> dev =
      DmGetDevice(ti, argv[3], "Device lookup failed");
  if (!dev.ok()) return dev.status();
  ic->dev = *dev;
  absl::StatusOr<uint64_t> start = SscanfU64(argv[4], overflow);
  if (!start.ok()) return DmError("Invalid start sector");
  ic->start = sector_t(*start);
  absl::Status s = ParseOptions(ti, argv.subspan(5), ic.get());
  if (s.ok()) s = CheckKey(ti, *ic);
  if (!s.ok()) return s;
  ti.num_flush_bios = 1;
  ti.private_data = std::move(ic);
  return absl::OkStatus();
}

BioMap InlineCryptMap(const DmTarget& ti, sector_t sector, ReqOp op) {
  const InlineCrypt& ic = ti.Private<InlineCrypt>();
  const sector_t to =
      op == ReqOp::kFlush ? sector : ic.start + ti.Offset(sector);
  return {BioMap::Kind::kRemapped, ic.dev, to, 0};
}

// The kernel shows a number for the type of the key, which it does not take.
void InlineCryptStatus(const DmTarget& ti, StatusType type,
                       uint32_t /*status_flags*/, std::string* out) {
  if (type != STATUSTYPE_TABLE) return;
  const InlineCrypt& ic = ti.Private<InlineCrypt>();
  absl::StrAppend(out, "aes-xts-plain64 ", ic.key, " ", ic.hw_wrapped ? 2 : 1,
                  " ", ic.iv_offset, " ");
  absl::StrAppend(out, ic.dev->name, " ", ic.start.value());
  const bool discards = ti.num_discard_bios > 0;
  const bool large = ic.sector_size != 512;
  if (!discards && !large) return;
  absl::StrAppend(out, " ", (discards ? 1 : 0) + (large ? 2 : 0));
  if (discards) absl::StrAppend(out, " allow_discards");
  if (large) {
    absl::StrAppend(out, " sector_size:", ic.sector_size, " iv_large_sectors");
  }
}

int InlineCryptIterateDevices(const DmTarget& ti, IterateDevicesFn fn) {
  const InlineCrypt& ic = ti.Private<InlineCrypt>();
  return fn(*ic.dev, ic.start, ti.len);
}

void InlineCryptIoHints(const DmTarget& ti, QueueLimits& limits) {
  const uint32_t size = ti.Private<InlineCrypt>().sector_size;
  limits.logical_block_size = std::max(limits.logical_block_size, size);
  limits.physical_block_size = std::max(limits.physical_block_size, size);
  limits.io_min = std::max(limits.io_min, size);
  limits.dma_alignment = limits.logical_block_size - 1;
}

const TargetType kInlineCryptTarget = {
    .name = "inlinecrypt",
    .versions = {{k7_2, 1, 0, 0}},
    .features = DM_TARGET_ZONED_HM,
    .ctr = InlineCryptCtr,
    .map = InlineCryptMap,
    .status = InlineCryptStatus,
    .iterate_devices = InlineCryptIterateDevices,
    .io_hints = InlineCryptIoHints,
    .example = {.length = 2048,
                .params = "aes-xts-plain64 "
                          "0000000000000000000000000000000000000000000000000000"
                          "0000000000000000000000000000000000000000000000000000"
                          "000000000000000000000000 0 /dev/sda 0",
                .table_line = TargetExample::kIsRefused},
};
DM_REGISTER_TARGET(kInlineCryptTarget);

}  // namespace
}  // namespace dmdax
