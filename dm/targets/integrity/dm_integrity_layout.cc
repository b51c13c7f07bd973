// SPDX-License-Identifier: Apache-2.0
//
// integrity: how a device is divided into superblock, journal, tags and data.
//
//   superblock | journal | tags of area 0 | area 0 | tags of area 1 | area 1
//   ...
//
// With a device of its own for the tags, that one has all but the data.
// Mirrors: initialize_superblock, calculate_device_limits and what they call of
// drivers/md/dm-integrity.c.
#include <algorithm>
#include <bit>

#include "base/round_up.h"
#include "dm/targets/integrity/dm_integrity.h"

namespace dmdax {
namespace {

constexpr uint64_t kPaddingSectors = 8;  // METADATA_PADDING_SECTORS
constexpr uint32_t kJournalBlockSectors = 8;
constexpr uint32_t kUintMax = ~uint32_t{0};

// The highest bit that is set, from 0.
unsigned Fls(uint64_t value) {
  return static_cast<unsigned>(std::bit_width(value)) - 1;
}

// calculate_journal_section_size().
void SizeJournalSection(Integrity* ic) {
  constexpr uint32_t kSectorData = 512 - 8, kMacPerSector = 8;
  // An entry: a sector number, the last bytes of each sector, the tag.
  const uint64_t entry =
      RoundUp(8 + 8 * uint64_t{ic->sectors_per_block} + ic->tag_size, 8);
  const uint64_t space =
      kSectorData - (ic->sb.have_journal_mac ? kMacPerSector : 0);
  ic->journal_section_entries =
      static_cast<uint32_t>(space / entry) * kJournalBlockSectors;
  ic->journal_section_sectors =
      (ic->journal_section_entries << ic->sb.log2_sectors_per_block) +
      kJournalBlockSectors;
  ic->journal_entries = static_cast<uint32_t>(ic->journal_section_entries *
                                              ic->sb.journal_sections);
}

bool LimitInterleaved(Integrity* ic) {
  const uint64_t padding = ic->sb.fixed_padding
                               ? kPaddingSectors << kSectorShift
                               : uint64_t{1} << kSectorShift << kPaddingSectors;
  const uint64_t tags =
      uint64_t{ic->tag_size}
      << (ic->sb.log2_interleave_sectors - ic->sb.log2_sectors_per_block);
  ic->metadata_run = RoundUp(tags, padding) >> kSectorShift;
  const uint64_t last = IntegrityDataSector(*ic, ic->provided_data_sectors - 1);
  return last >= ic->start && last < ic->meta_device_sectors;
}

bool LimitSeparate(Integrity* ic) {
  uint64_t size = (ic->provided_data_sectors >> ic->sb.log2_sectors_per_block) *
                  ic->tag_size;
  const unsigned shift = ic->log2_buffer_sectors + kSectorShift;
  size =
      (size + ((uint64_t{1} << shift) - 1)) >> shift << ic->log2_buffer_sectors;
  if (ic->initial_sectors + size < ic->initial_sectors ||
      ic->initial_sectors + size > ic->meta_device_sectors) {
    return false;
  }
  ic->metadata_run = 1;
  return true;
}

// As many journal sections as fit, bit by bit, on a device for the tags.
bool FormatSeparate(uint32_t journal_sections, Integrity* ic) {
  ic->sb.log2_interleave_sectors = 0;
  ProvideDataSectors(ic);
  if (ic->provided_data_sectors == 0) return false;
  for (;;) {
    ic->sb.journal_sections = 0;
    for (int bit = static_cast<int>(Fls(journal_sections)); bit >= 0; --bit) {
      const uint32_t before = ic->sb.journal_sections;
      const uint32_t more = before | (uint32_t{1} << bit);
      if (more > journal_sections) continue;
      ic->sb.journal_sections = more;
      if (!LimitIntegrityDevice(ic)) ic->sb.journal_sections = before;
    }
    if (ic->sb.journal_sections != 0) return true;
    if (ic->log2_buffer_sectors <= 3) return false;
    --ic->log2_buffer_sectors;
  }
}

}  // namespace

uint64_t IntegrityDataSector(const Integrity& ic, uint64_t offset) {
  if (ic.meta_dev != nullptr) return offset;
  const unsigned shift = ic.sb.log2_interleave_sectors;
  const uint64_t area = offset >> shift;
  return offset + (area + 1) * ic.metadata_run + ic.initial_sectors + ic.start;
}

bool LimitIntegrityDevice(Integrity* ic) {
  SizeJournalSection(ic);
  const uint64_t initial = kSbSectors + uint64_t{ic->journal_section_sectors} *
                                            ic->sb.journal_sections;
  if (initial + kPaddingSectors >= ic->meta_device_sectors ||
      initial > kUintMax) {
    return false;
  }
  ic->initial_sectors = initial;
  return ic->meta_dev == nullptr ? LimitInterleaved(ic) : LimitSeparate(ic);
}

void ProvideDataSectors(Integrity* ic) {
  if (ic->meta_dev != nullptr) {
    ic->provided_data_sectors =
        ic->data_device_sectors & ~uint64_t{ic->sectors_per_block - 1};
    return;
  }
  ic->provided_data_sectors = 0;
  if (ic->meta_device_sectors == 0) return;
  for (int bit = static_cast<int>(Fls(ic->meta_device_sectors)); bit >= 3;
       --bit) {
    const uint64_t before = ic->provided_data_sectors;
    ic->provided_data_sectors |= uint64_t{1} << bit;
    if (!LimitIntegrityDevice(ic)) ic->provided_data_sectors = before;
  }
}

bool FormatIntegrity(Integrity* ic) {
  constexpr uint32_t kMinLog2Interleave = 3, kMaxLog2Interleave = 31;
  constexpr uint32_t kDefaultInterleave = 32768;
  ic->sb = {};
  ic->sb.tag_size = ic->tag_size;
  ic->sb.log2_sectors_per_block = Fls(ic->sectors_per_block);
  ic->sb.have_journal_mac = ic->journal_mac.given;
  SizeJournalSection(ic);
  const uint32_t sections =
      std::max(1u, ic->journal_sectors / ic->journal_section_sectors);
  ic->sb.fixed_hmac =
      ic->fix_hmac && (ic->internal_hash.given || ic->journal_mac.given);
  if (ic->meta_dev != nullptr) return FormatSeparate(sections, ic);
  ic->sb.fixed_padding = ic->fix_padding;
  ic->sb.journal_sections = sections;
  const uint32_t interleave =
      ic->interleave_sectors == 0 ? kDefaultInterleave : ic->interleave_sectors;
  ic->sb.log2_interleave_sectors = std::clamp<uint32_t>(
      Fls(interleave), kMinLog2Interleave, kMaxLog2Interleave);
  ProvideDataSectors(ic);
  return ic->provided_data_sectors != 0;
}

}  // namespace dmdax
