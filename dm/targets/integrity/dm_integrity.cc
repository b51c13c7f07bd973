// SPDX-License-Identifier: Apache-2.0
//
// integrity: a tag for every sector.
//
//   integrity <dev> <start> <tag size|-> <J|B|D|R|I> <#optional args> ...
//
//   start     where the superblock is, in sectors
//   tag size  bytes; "-": as long as the internal hash
//
// A blank device is formatted; dm_integrity_layout.cc says how it is divided.
// dm_integrity_io.cc has what becomes of I/O.
// Mirrors drivers/md/dm-integrity.c (4.14 to 7.2).
#include "dm/targets/integrity/dm_integrity.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/kstrtox.h"
#include "base/since.h"
#include "dm/device_mapper.h"
#include "dm/dm_table.h"
#include "dm/mapped_device.h"
#include "dm/targets/crypto_cipher.h"
#include "dm/targets/crypto_hash.h"

namespace dmdax {
namespace {

constexpr Since<const char*> kModes[] = {
    {k4_14, "JDR"}, {{5, 2}, "JBDR"}, {{6, 11}, "JBDRI"}};

absl::Status ParseMode(const DmTarget& ti, const std::string& word,
                       Integrity* ic) {
  const absl::string_view modes =
      ValueAt<const char*>(kModes, ProfileOf(ti).release);
  if (word.size() == 1 && modes.find(word[0]) != modes.npos) {
    ic->mode = word[0];
    return absl::OkStatus();
  }
  std::string list;
  for (char mode : modes) {
    absl::StrAppend(&list, list.empty() ? "" : ", ", std::string(1, mode));
  }
  return DmError(absl::StrCat("Invalid mode (expecting ", list, ")"));
}

absl::Status ParseArguments(DmTarget& ti, absl::Span<const std::string> argv,
                            Integrity* ic) {
  const SscanfOverflow overflow = ProfileOf(ti).sscanf_overflow;
  absl::StatusOr<const DmDev*> dev =
      DmGetDevice(ti, argv[0], "Device lookup failed");
  if (!dev.ok()) return dev.status();
  ic->dev = *dev;
  absl::StatusOr<uint64_t> start = SscanfU64(argv[1], overflow);
  if (!start.ok()) return DmError("Invalid starting offset");
  ic->start = *start;
  if (argv[2] != "-") {
    absl::StatusOr<uint32_t> tag = SscanfU32(argv[2], overflow);
    if (!tag.ok() || *tag == 0) return DmError("Invalid tag size");
    ic->tag_size = *tag;
  }
  absl::Status s = ParseMode(ti, argv[3], ic);
  if (s.ok()) s = ParseIntegrityOptions(ti, argv.subspan(4), ic);
  return s;
}

// get_mac(): the hash that `alg` names; without a name, none.
absl::Status GetMac(const DmTarget& ti, const AlgSpec& alg,
                    absl::string_view what, std::optional<CryptoHash>* hash) {
  if (!alg.given) return absl::OkStatus();
  *hash = FindCryptoHash(alg.name, ProfileOf(ti));
  if (!hash->has_value()) {
    return ErrnoError(ENOENT, absl::StrCat("Invalid ", what));
  }
  int err = 0;
  if (alg.key.has_value()) {
    err = (*hash)->SetKeyError(alg.key_bytes());
  } else if ((*hash)->needs_key) {
    err = ENOKEY;
  }
  return ErrnoError(err, absl::StrCat("Error setting ", what, " key"));
}

// Mode I keeps its tags in those of the device below; none here has any.
absl::Status CheckInline(const Integrity& ic) {
  if (ic.mode != 'I') return absl::OkStatus();
  if (ic.meta_dev != nullptr) {
    return DmError("Metadata device not supported in inline mode");
  }
  if (!ic.internal_hash.given) {
    return DmError("Internal hash not set in inline mode");
  }
  if (ic.journal_crypt.given || ic.journal_mac.given) {
    return DmError("Journal crypt not supported in inline mode");
  }
  if (ic.discard) return DmError("Discards not supported in inline mode");
  return DmError("Integrity profile not supported");
}

absl::Status CheckOptions(const DmTarget& ti, Integrity* ic) {
  constexpr uint32_t kMaxTagSize = 255, kMaxLog2Buffer = 31 - kSectorShift;
  ic->log2_buffer_sectors = std::min<uint32_t>(
      static_cast<uint32_t>(std::bit_width(std::max(1u, ic->buffer_sectors))) -
          1,
      kMaxLog2Buffer);
  std::optional<CryptoHash> hash, mac;
  absl::Status s = GetMac(ti, ic->internal_hash, "internal hash", &hash);
  if (s.ok()) s = GetMac(ti, ic->journal_mac, "journal mac", &mac);
  if (!s.ok()) return s;
  if (ic->tag_size == 0) {
    if (!hash.has_value()) return DmError("Unknown tag size");
    ic->tag_size = hash->digest_size;
  }
  if (ic->tag_size > kMaxTagSize) return DmError("Too big tag size");
  if (s = CheckInline(*ic); !s.ok()) return s;
  if (ic->mode == 'B' && !hash.has_value()) {
    return DmError("Bitmap mode can be only used with internal hash");
  }
  if (ic->discard && !hash.has_value()) {
    return DmError("Discard can be only used with internal hash");
  }
  if (ic->discard_keyed && !ic->internal_hash.key.has_value()) {
    return DmError("Keyed discard can only be used with keyed internal hash");
  }
  return absl::OkStatus();
}

absl::Status LimitDevice(Integrity* ic) {
  ProvideDataSectors(ic);
  constexpr char kTooSmall[] = "The device is too small";
  if (ic->provided_data_sectors == 0) return DmError(kTooSmall);
  while (!LimitIntegrityDevice(ic)) {
    if (ic->meta_dev == nullptr || ic->log2_buffer_sectors <= 3) {
      return DmError(kTooSmall);
    }
    --ic->log2_buffer_sectors;
  }
  return absl::OkStatus();
}

void SizeBitmap(Integrity* ic) {
  constexpr int kDefaultLog2SectorsPerBit = 15;
  int log2 = ic->log2_sectors_per_bit < 0 ? kDefaultLog2SectorsPerBit
                                          : ic->log2_sectors_per_bit;
  log2 = std::max(log2, static_cast<int>(ic->sb.log2_sectors_per_block));
  const uint64_t journal =
      uint64_t{ic->journal_section_sectors} * ic->sb.journal_sections;
  const uint64_t bits =
      std::min<uint64_t>(journal << (kSectorShift + 3), ~uint32_t{0});
  while (log2 < 63 &&
         bits < (ic->provided_data_sectors + (uint64_t{1} << log2) - 1) >>
             log2) {
    ++log2;
  }
  ic->log2_blocks_per_bit =
      static_cast<uint32_t>(log2) - ic->sb.log2_sectors_per_block;
}

// dm_integrity_disable_recalculate().
bool RecalculateIsUnsafe(const Integrity& ic) {
  if (ic.legacy_recalculate) return false;
  const bool hash_key = ic.internal_hash.key.has_value();
  const bool mac_key = ic.journal_mac.key.has_value();
  return ic.sb.fixed_hmac ? hash_key && !mac_key : hash_key || mac_key;
}

absl::Status CheckRecalculate(Integrity* ic) {
  if (ic->recalculate) ic->sb.recalculating = true;
  if (!ic->sb.recalculating) return absl::OkStatus();
  if (!ic->internal_hash.given) {
    return DmError("Recalculate can only be specified with internal_hash");
  }
  if (!RecalculateIsUnsafe(*ic)) return absl::OkStatus();
  return ErrnoError(EOPNOTSUPP,
                    "Recalculating with HMAC is disabled for security reasons "
                    "- if you really need it, use the argument "
                    "\"legacy_recalculate\"");
}

// create_journal(): what of it can fail.
absl::Status CreateJournal(const DmTarget& ti, const Integrity& ic) {
  const AlgSpec& alg = ic.journal_crypt;
  if (!alg.given) return absl::OkStatus();
  absl::StatusOr<CryptoCipher> cipher = FindSkcipher(alg.name, ProfileOf(ti));
  if (!cipher.ok()) {
    if (IsNotModelled(cipher.status())) return cipher.status();
    return ErrnoError(ErrnoOf(cipher.status()), "Invalid journal cipher");
  }
  if (!alg.key.has_value()) {
    DmLog(MachineOf(ti), KernLevel::kErr, "integrity",
          absl::StrCat("Error on encrypt: -", ENOKEY));
    return ErrnoError(ENOKEY, cipher->block_size == 1
                                  ? "Unable to encrypt journal"
                                  : "Unable to generate iv");
  }
  if (cipher->KeyFits(alg.key_bytes())) return absl::OkStatus();
  return DmError("Error setting encryption key");
}

absl::Status SetMaxIoLen(DmTarget& ti, const Integrity& ic) {
  if (ic.meta_dev == nullptr) {
    absl::Status s =
        DmSetTargetMaxIoLen(ti, uint64_t{1} << ic.sb.log2_interleave_sectors);
    if (!s.ok()) return s;
  }
  if (ic.mode != 'B') return absl::OkStatus();
  // A bio must not touch more than one block of the bitmap; in 32 bits.
  constexpr uint32_t kBitsPerBlock = 4096 * 8;
  uint32_t most = static_cast<uint32_t>(
      (uint64_t{ic.sectors_per_block} << ic.log2_blocks_per_bit) *
      kBitsPerBlock);
  if (most == 0) most = uint32_t{1} << 31;
  if (ti.max_io_len != 0 && ti.max_io_len <= most) return absl::OkStatus();
  return DmSetTargetMaxIoLen(ti, most);
}

absl::Status UseDevice(DmTarget& ti, Integrity* ic) {
  constexpr uint64_t kMaxJournal = 131072;
  ic->data_device_sectors = ic->dev->bdev->nr_sectors();
  ic->meta_device_sectors = ic->meta_dev != nullptr
                                ? ic->meta_dev->bdev->nr_sectors()
                                : ic->data_device_sectors;
  if (ic->journal_sectors == 0) {
    ic->journal_sectors = static_cast<uint32_t>(
        std::min(kMaxJournal, ic->data_device_sectors >> 7));
  }
  bool is_new;
  absl::Status s = ReadIntegritySuperblock(ti, ic, &is_new);
  if (s.ok()) s = LimitDevice(ic);
  if (!s.ok()) return s;
  SizeBitmap(ic);
  if (ic->meta_dev == nullptr) {
    ic->log2_buffer_sectors =
        std::min(ic->log2_buffer_sectors,
                 static_cast<uint32_t>(std::countr_zero(ic->metadata_run)));
  }
  if (ti.len.value() > ic->provided_data_sectors) {
    return DmError("Not enough provided sectors for requested mapping size");
  }
  ic->free_sectors_threshold =
      (ic->journal_entries * (100 - ic->journal_watermark) + 50) / 100;
  s = CheckRecalculate(ic);
  if (s.ok() && ic->mode != 'R') s = CreateJournal(ti, *ic);
  ic->sb_not_written = is_new && ic->mode == 'R';
  if (s.ok() && is_new && ic->mode != 'R') s = WriteIntegritySuperblock(*ic);
  return s;
}

// A sector that changes while it is written would not fit its tag.  6.1
// and 6.12 have it from their stable updates.
constexpr Since<bool> kKeepsWritesStable[] = {
    {k6_1, true}, {{6, 16}, false}, {k7_2, true}};

uint32_t IntervalExp(const Integrity& ic) {
  return ic.sb.log2_sectors_per_block + kSectorShift;
}

absl::Status IntegrityCtr(DmTarget& ti, absl::Span<const std::string> argv) {
  if (argv.size() <= 4) return DmError("Invalid argument count");
  auto ic = std::make_unique<Integrity>();
  absl::Status s = ParseArguments(ti, argv, ic.get());
  if (s.ok()) s = CheckOptions(ti, ic.get());
  if (s.ok()) s = UseDevice(ti, ic.get());
  if (s.ok()) s = SetMaxIoLen(ti, *ic);
  if (!s.ok()) return s;
  ti.num_flush_bios = 1;
  ti.flush_supported = true;
  ti.num_discard_bios = ic->discard ? 1 : 0;
  ti.needs_stable_writes =
      ic->internal_hash.given && (ic->mode == 'D' || ic->mode == 'B') &&
      ValueAt<bool>(kKeepsWritesStable, ProfileOf(ti).release);
  // What is above gives the tags: dm_integrity_set(), until 6.10.
  if (!ic->internal_hash.given && !ti.table->restoring() &&
      ProfileOf(ti).max_sectors_rule == MaxSectorsRule::kStacked) {
    ti.table->md().disk().queue().RegisterIntegrity(ic->tag_size,
                                                    IntervalExp(*ic));
  }
  ti.private_data = std::move(ic);
  return absl::OkStatus();
}

int IntegrityIterateDevices(const DmTarget& ti, IterateDevicesFn fn) {
  const Integrity& ic = ti.Private<Integrity>();
  const uint64_t start = ic.meta_dev != nullptr
                             ? 0
                             : ic.start + ic.initial_sectors + ic.metadata_run;
  return fn(*ic.dev, sector_t(start), ti.len);
}

// From 6.16 on the larger of the two block sizes counts.
constexpr Since<bool> kStacksBlockSize[] = {{{6, 16}, true}};
constexpr Since<bool> kLimitsDiscards[] = {{k6_12, true}};

void IntegrityIoHints(const DmTarget& ti, QueueLimits& limits) {
  const Integrity& ic = ti.Private<Integrity>();
  const uint32_t size = ic.sectors_per_block << kSectorShift;
  const KernelRelease release = ProfileOf(ti).release;
  const bool stacks = ValueAt<bool>(kStacksBlockSize, release);
  if (!ic.internal_hash.given &&
      ProfileOf(ti).max_sectors_rule == MaxSectorsRule::kValidated) {
    limits.integrity_metadata_size = ic.tag_size;
    limits.integrity_interval_exp = IntervalExp(ic);
  }
  if (!stacks && ic.sectors_per_block == 1) return;
  auto larger = [stacks, size](uint32_t old) {
    return stacks ? std::max(old, size) : size;
  };
  limits.logical_block_size = larger(limits.logical_block_size);
  limits.physical_block_size = larger(limits.physical_block_size);
  limits.io_min = larger(limits.io_min);
  limits.dma_alignment = limits.logical_block_size - 1;
  if (ValueAt<bool>(kLimitsDiscards, release)) {
    limits.discard_granularity = size;
  }
}

const TargetType kIntegrityTarget = {
    .name = "integrity",
    .versions = {{k4_14, 1, 1, 0},
                 {k5_10, 1, 6, 0},
                 {k6_1, 1, 10, 0},
                 {k6_12, 1, 13, 0},
                 {k6_18, 1, 14, 0},
                 {k7_2, 1, 15, 0}},
    .features = DM_TARGET_SINGLETON | DM_TARGET_INTEGRITY,
    .ctr = IntegrityCtr,
    .map = IntegrityMap,
    .end_io = IntegrityEndIo,
    .status = IntegrityStatus,
    .resume = IntegrityResume,
    .iterate_devices = IntegrityIterateDevices,
    .io_hints = IntegrityIoHints,
    .save_state = IntegritySaveState,
    .restore_state = IntegrityRestoreState,
    .hide_secrets = IntegrityHideSecrets,
    .example = {.length = 2048,
                .params = "/dev/sda 0 - J 1 internal_hash:crc32c"},
};
DM_REGISTER_TARGET(kIntegrityTarget);

}  // namespace
}  // namespace dmdax
