// SPDX-License-Identifier: Apache-2.0
//
// integrity: its superblock as bytes.
// Mirrors: struct superblock, sync_rw_sb of drivers/md/dm-integrity.c.
#include <algorithm>
#include <cerrno>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/since.h"
#include "dm/bio_map.h"
#include "dm/targets/integrity/dm_integrity.h"

namespace dmdax {
namespace {

// Little-endian numbers of `N` bytes.
template <size_t N>
void Store(uint64_t value, char* out) {
  for (size_t i = 0; i < N; ++i) out[i] = static_cast<char>(value >> (8 * i));
}
template <size_t N>
uint64_t Load(const char* in) {
  uint64_t value = 0;
  for (size_t i = 0; i < N; ++i) {
    value |= uint64_t{static_cast<unsigned char>(in[i])} << (8 * i);
  }
  return value;
}

constexpr char kMagic[8] = {'i', 'n', 't', 'e', 'g', 'r', 't', 0};
constexpr size_t kSbBytes = kSbSectors << kSectorShift;
enum SbOffset : size_t {
  kVersion = 8,
  kLog2Interleave = 9,
  kTagSize = 10,
  kJournalSections = 12,
  kProvided = 16,
  kFlags = 24,
  kLog2SectorsPerBlock = 28,
  kLog2BlocksPerBit = 29,
  kSalt = 48
};
enum SbFlag : uint32_t {
  kHaveJournalMac = 0x1,
  kRecalculating = 0x2,
  kFixedPadding = 0x8,
  kFixedHmac = 0x10
};

uint32_t FlagBits(const IntegritySuperblock& sb) {
  return (sb.have_journal_mac ? kHaveJournalMac : 0u) |
         (sb.recalculating ? kRecalculating : 0u) |
         (sb.fixed_padding ? kFixedPadding : 0u) |
         (sb.fixed_hmac ? kFixedHmac : 0u);
}

// sb_set_version().
char Version(const Integrity& ic) {
  if (ic.sb.fixed_hmac) return 5;
  if (ic.sb.fixed_padding) return 4;
  if (ic.mode == 'B') return 3;
  return ic.meta_dev != nullptr || ic.sb.recalculating ? 2 : 1;
}

void EncodeSuperblock(const Integrity& ic, std::vector<char>* out) {
  std::copy(std::begin(kMagic), std::end(kMagic), out->begin());
  (*out)[kVersion] = Version(ic);
  (*out)[kLog2Interleave] = static_cast<char>(ic.sb.log2_interleave_sectors);
  Store<2>(ic.sb.tag_size, &(*out)[kTagSize]);
  Store<4>(ic.sb.journal_sections, &(*out)[kJournalSections]);
  Store<8>(ic.provided_data_sectors, &(*out)[kProvided]);
  Store<4>(FlagBits(ic.sb), &(*out)[kFlags]);
  (*out)[kLog2SectorsPerBlock] =
      static_cast<char>(ic.sb.log2_sectors_per_block);
  (*out)[kLog2BlocksPerBit] = static_cast<char>(ic.log2_blocks_per_bit);
  std::copy(ic.sb.salt.begin(), ic.sb.salt.end(), out->begin() + kSalt);
}

IntegritySuperblock DecodeSuperblock(const std::vector<char>& bytes) {
  const uint64_t flags = Load<4>(&bytes[kFlags]);
  IntegritySuperblock sb = {
      .tag_size = static_cast<uint32_t>(Load<2>(&bytes[kTagSize])),
      .journal_sections =
          static_cast<uint32_t>(Load<4>(&bytes[kJournalSections])),
      .log2_interleave_sectors =
          static_cast<unsigned char>(bytes[kLog2Interleave]),
      .log2_sectors_per_block =
          static_cast<unsigned char>(bytes[kLog2SectorsPerBlock]),
      .have_journal_mac = (flags & kHaveJournalMac) != 0,
      .recalculating = (flags & kRecalculating) != 0,
      .fixed_padding = (flags & kFixedPadding) != 0,
      .fixed_hmac = (flags & kFixedHmac) != 0};
  std::copy_n(bytes.begin() + kSalt, sb.salt.size(), sb.salt.begin());
  return sb;
}

// What a superblock that is there already must agree with.
absl::Status CheckSuperblock(const Integrity& ic, unsigned version) {
  constexpr unsigned kNewestVersion = 5;
  if (version == 0 || version > kNewestVersion) {
    return DmError("Unknown version");
  }
  if (ic.sb.tag_size != ic.tag_size) {
    return DmError("Tag size doesn't match the information in superblock");
  }
  if (uint32_t{1} << ic.sb.log2_sectors_per_block != ic.sectors_per_block) {
    return DmError("Block size doesn't match the information in superblock");
  }
  if (ic.sb.journal_sections == 0) {
    return DmError("Corrupted superblock, journal_sections is 0");
  }
  const bool interleave_fits = ic.meta_dev != nullptr
                                   ? ic.sb.log2_interleave_sectors == 0
                                   : ic.sb.log2_interleave_sectors >= 3 &&
                                         ic.sb.log2_interleave_sectors <= 31;
  if (!interleave_fits) {
    return DmError("Invalid interleave_sectors in the superblock");
  }
  if (ic.sb.have_journal_mac != ic.journal_mac.given) {
    return DmError("Journal mac mismatch");
  }
  return absl::OkStatus();
}

// Whether resuming reads the superblock again.  6.12 has it from its stable
// updates; 6.16 and 6.18 are older than those.
constexpr Since<bool> kComparesSuperblock[] = {
    {k6_12, true}, {{6, 16}, false}, {k7_2, true}};
// Before that, resuming took for its superblock whatever it read.
constexpr Since<bool> kReadsSuperblockAgain[] = {{k6_1, true}};

// Zeros, of a device without bytes.
absl::Status ReadBytes(const Integrity& ic, std::vector<char>* bytes) {
  bytes->assign(kSbBytes, 0);
  absl::Status s = BioRead(IntegrityMetaDevice(ic), sector_t(ic.start),
                           absl::MakeSpan(*bytes));
  return ErrnoOf(s) == ENODATA ? absl::OkStatus() : s;
}

void CheckFailed(const DmTarget& ti, Integrity& ic) {
  DmLog(MachineOf(ti), KernLevel::kErr, "integrity",
        "The superblock was changed while the device was suspended");
  if (ic.failed) return;
  ic.failed = true;
  DmLog(MachineOf(ti), KernLevel::kErr, "integrity",
        absl::StrCat("Error on superblock check: -", EINVAL));
}

// integrity_recalc(), with areas of one sector: each has its tags before it, so
// that soon they lie behind the end.
void Recalculate(const DmTarget& ti, Integrity& ic) {
  if (ic.meta_dev != nullptr || ic.sb.log2_interleave_sectors != 0) return;
  const uint64_t first = IntegrityDataSector(ic, 0);
  const uint64_t apart = 1 + ic.metadata_run;
  const uint64_t size = ic.data_device_sectors;
  const uint64_t stop = first >= size ? 0 : (size - first + apart - 1) / apart;
  if (stop >= ic.provided_data_sectors) return;
  ic.recalculated = stop;
  BioBeyondEnd(MachineOf(ti), "kworker/0:1", *ic.dev->bdev,
               sector_t(IntegrityDataSector(ic, stop)), 1, kReqSync);
  if (ic.failed) return;
  ic.failed = true;
  DmLog(MachineOf(ti), KernLevel::kErr, "integrity",
        absl::StrCat("Error on reading data: -", EIO));
}

}  // namespace

BlockDevice& IntegrityMetaDevice(const Integrity& ic) {
  return *(ic.meta_dev != nullptr ? ic.meta_dev : ic.dev)->bdev;
}

absl::Status ReadIntegritySuperblock(const DmTarget& ti, Integrity* ic,
                                     bool* is_new) {
  std::vector<char> bytes;
  absl::Status read = ReadBytes(*ic, &bytes);
  if (!read.ok()) {
    BioBeyondEnd(MachineOf(ti), "dmsetup", IntegrityMetaDevice(*ic),
                 sector_t(ic->start), kSbSectors, kReqSync);
    return ErrnoError(ErrnoOf(read), "Error reading superblock");
  }
  *is_new = !std::equal(std::begin(kMagic), std::end(kMagic), bytes.begin());
  if (!*is_new) {
    ic->sb = DecodeSuperblock(bytes);
    return CheckSuperblock(*ic, static_cast<unsigned char>(bytes[kVersion]));
  }
  const bool blank =
      std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == 0; });
  if (ic->mode != 'R' && !blank) {
    return DmError("The device is not initialized");
  }
  if (!FormatIntegrity(ic)) return DmError("Could not initialize superblock");
  return absl::OkStatus();
}

absl::Status WriteIntegritySuperblock(const Integrity& ic) {
  std::vector<char> bytes(kSbBytes);
  EncodeSuperblock(ic, &bytes);
  absl::Status s = BioWrite(IntegrityMetaDevice(ic), sector_t(ic.start), bytes);
  if (s.ok()) return s;
  return ErrnoError(ErrnoOf(s), "Error initializing superblock");
}

void IntegrityResume(DmTarget& ti) {
  Integrity& ic = ti.Private<Integrity>();
  if (!ic.sb_not_written) return;
  const KernelRelease release = ProfileOf(ti).release;
  if (ValueAt<bool>(kComparesSuperblock, release)) return CheckFailed(ti, ic);
  if (!ValueAt<bool>(kReadsSuperblockAgain, release)) return;
  std::vector<char> bytes;
  if (!ReadBytes(ic, &bytes).ok()) return;
  const bool recalculating = ic.sb.recalculating;
  ic.sb = DecodeSuperblock(bytes);
  ic.sb_read_again = true;
  if (ic.meta_dev == nullptr) {
    ti.max_io_len = uint32_t{1} << (ic.sb.log2_interleave_sectors & 31);
  }
  if (!recalculating) return;
  ic.sb.recalculating = true;
  bytes[kVersion] = Version(ic);
  Store<4>(FlagBits(ic.sb), &bytes[kFlags]);
  (void)BioWrite(IntegrityMetaDevice(ic), sector_t(ic.start), bytes);
  Recalculate(ti, ic);
}

}  // namespace dmdax
