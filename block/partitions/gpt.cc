// SPDX-License-Identifier: Apache-2.0
//
// The GUID partition table.
#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "block/partitions/partition_table.h"

namespace dmdax {
namespace {

constexpr size_t kHeaderSize = 92;
constexpr size_t kEntrySize = 128;

// The CRC of zlib, as UEFI has it.
uint32_t Crc32(absl::Span<const char> bytes) {
  static constexpr std::array<uint32_t, 256> kTable = [] {
    std::array<uint32_t, 256> table{};
    for (uint32_t i = 0; i < table.size(); ++i) {
      uint32_t crc = i;
      for (int bit = 0; bit < 8; ++bit) {
        crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
      }
      table[i] = crc;
    }
    return table;
  }();
  uint32_t crc = ~uint32_t{0};
  for (char c : bytes) {
    crc = crc >> 8 ^ kTable[(crc ^ static_cast<unsigned char>(c)) & 0xff];
  }
  return ~crc;
}

// is_pmbr_valid(): one entry of the MBR guards the GPT.
bool HasProtectiveMbr(const PartitionSource& disk) {
  std::vector<char> mbr(kSectorSize);
  if (!ReadSectors(disk, 0, absl::MakeSpan(mbr)) ||
      GetLe(mbr, 510, 2) != 0xaa55) {
    return false;
  }
  for (size_t entry = 446; entry < 510; entry += 16) {
    if (GetLe(mbr, entry + 4, 1) == 0xee && GetLe(mbr, entry + 8, 4) == 1) {
      return true;
    }
  }
  return false;
}

struct Gpt {
  uint64_t alternate = 0;     // block of the other header
  std::vector<char> entries;  // of kEntrySize bytes
};

// is_gpt_valid(), with the header in block `lba`.
std::optional<Gpt> ReadGpt(const PartitionSource& disk, uint64_t lba) {
  const uint64_t unit = disk.logical_block_size / kSectorSize;
  const uint64_t blocks = disk.nr_sectors / unit;
  if (lba >= blocks) return std::nullopt;
  std::vector<char> header(disk.logical_block_size);
  if (!ReadSectors(disk, lba * unit, absl::MakeSpan(header))) {
    return std::nullopt;
  }
  if (memcmp(header.data(), "EFI PART", 8) != 0) return std::nullopt;
  const uint64_t size = GetLe(header, 12, 4);
  if (size < kHeaderSize || size > disk.logical_block_size) {
    return std::nullopt;
  }
  const uint64_t crc = GetLe(header, 16, 4);
  memset(header.data() + 16, 0, 4);
  if (Crc32(absl::MakeSpan(header).subspan(0, size)) != crc) {
    return std::nullopt;
  }
  const uint64_t first = GetLe(header, 40, 8), last = GetLe(header, 48, 8);
  if (GetLe(header, 24, 8) != lba || first >= blocks || last >= blocks ||
      last < first || GetLe(header, 84, 4) != kEntrySize) {
    return std::nullopt;
  }
  Gpt gpt{.alternate = GetLe(header, 32, 8), .entries = {}};
  const uint64_t bytes = GetLe(header, 80, 4) * kEntrySize;
  constexpr uint64_t kMostBytes = 4 << 20;  // KMALLOC_MAX_SIZE
  if (bytes == 0 || bytes > kMostBytes) return std::nullopt;
  const uint64_t at = GetLe(header, 72, 8);
  if (at >= blocks) return std::nullopt;
  gpt.entries.resize((bytes + kSectorSize - 1) / kSectorSize * kSectorSize);
  if (!ReadSectors(disk, at * unit, absl::MakeSpan(gpt.entries))) {
    return std::nullopt;
  }
  gpt.entries.resize(bytes);
  if (Crc32(gpt.entries) != GetLe(header, 88, 4)) return std::nullopt;
  return gpt;
}

}  // namespace

bool ParseGpt(const PartitionSource& disk, std::vector<PartitionEntry>* found) {
  const uint64_t unit = disk.logical_block_size / kSectorSize;
  const uint64_t blocks = disk.nr_sectors / unit;
  if (blocks == 0 || !HasProtectiveMbr(disk)) return false;
  // The second header counts only for a comparison, without `gpt` on the
  // kernel's command line.
  const std::optional<Gpt> gpt = ReadGpt(disk, 1);
  if (!gpt) return false;
  const size_t entries =
      std::min<size_t>(gpt->entries.size() / kEntrySize, kMostPartitions - 1);
  for (size_t i = 0; i < entries; ++i) {
    const auto entry =
        absl::MakeConstSpan(gpt->entries).subspan(i * kEntrySize, kEntrySize);
    const bool used = std::any_of(entry.begin(), entry.begin() + 16,
                                  [](char c) { return c != 0; });
    const uint64_t first = GetLe(entry, 32, 8), last = GetLe(entry, 40, 8);
    if (!used || first >= blocks || last >= blocks) continue;
    // An entry that ends before it begins has a size that is no size.
    if (last < first) continue;
    found->push_back(
        {static_cast<int>(i) + 1, first * unit, (last - first + 1) * unit});
  }
  return true;
}

}  // namespace dmdax
