// SPDX-License-Identifier: Apache-2.0
#include "dm/targets/persistent/metadata_image.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "dm/bio_map.h"

namespace dmdax {
namespace {

constexpr size_t kBlocknrAt = 8, kMagicAt = 32, kOursAt = 512, kLengthAt = 520;
// Eight bytes with the end.
constexpr char kOurs[] = "dmdax 1", kOursAppended[] = "dmdax 2";

uint64_t GetLe64(const char* bytes) {
  uint64_t value = 0;
  for (size_t i = 8; i-- > 0;) {
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  }
  return value;
}

void PutLe64(char* bytes, uint64_t value) {
  for (size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>(value >> (8 * i));
}

// `bytes` up to a whole sector.
size_t WholeSectors(size_t bytes) {
  return (bytes + kSectorSize - 1) / kSectorSize * kSectorSize;
}

absl::Status Refuse(const DmTarget& ti, const SuperblockFormat& format,
                    absl::string_view what, uint64_t value, uint64_t wanted,
                    int err) {
  Machine& machine = MachineOf(ti);
  DmLog(machine, KernLevel::kErr, format.log_prefix,
        absl::StrCat(format.check, ": ", what, " ", value, format.wanted,
                     wanted));
  DmLog(machine, KernLevel::kErr, "block manager",
        "superblock validator check failed for block 0");
  return ErrnoError(err, what);
}

// All of the state but the first `written` bytes, then the superblock.
absl::Status WriteImage(const DmDev& dev, const SuperblockFormat& format,
                        absl::string_view state, size_t written,
                        const char* ours) {
  std::vector<char> block(kPageSize);
  PutLe64(&block[kMagicAt], format.magic);
  memcpy(&block[kOursAt], ours, sizeof(kOurs));
  PutLe64(&block[kLengthAt], state.size());
  // Our form may need more room than the kernel's.
  if (HasRoomForImage(dev, state.size())) {
    const size_t first = written / kSectorSize;
    state.remove_prefix(first * kSectorSize);
    std::vector<char> behind(state.begin(), state.end());
    behind.resize(WholeSectors(behind.size()));
    absl::Status s =
        BioWrite(*dev.bdev, sector_t{kPageSectors} + first, behind);
    if (!s.ok()) return s;
  }
  return BioWrite(*dev.bdev, sector_t{0}, block);
}

}  // namespace

absl::StatusOr<std::optional<std::string>> ReadMetadataImage(
    const DmTarget& ti, const DmDev& dev, const SuperblockFormat& format) {
  std::vector<char> block(kPageSize);
  absl::Status s = BioRead(*dev.bdev, sector_t{0}, absl::MakeSpan(block));
  if (!s.ok()) return s;
  if (std::all_of(block.begin(), block.end(), [](char c) { return c == 0; })) {
    return std::optional<std::string>();
  }
  if (const uint64_t blocknr = GetLe64(&block[kBlocknrAt]); blocknr != 0) {
    return Refuse(ti, format, "blocknr", blocknr, 0, ENOTBLK);
  }
  if (const uint64_t magic = GetLe64(&block[kMagicAt]); magic != format.magic) {
    return Refuse(ti, format, "magic", magic, format.magic, EILSEQ);
  }
  const uint64_t length = GetLe64(&block[kLengthAt]);
  const auto is = [&](const char* ours) {
    return memcmp(&block[kOursAt], ours, sizeof(kOurs)) == 0;
  };
  if (!(is(kOurs) || is(kOursAppended)) || length > dev.bdev->nr_sectors()
                                                        << kSectorShift) {
    return DmNotModelled(
        absl::StrCat("metadata that ", dev.bdev->name(), " has already"),
        "a reader of them");
  }
  std::vector<char> state(WholeSectors(length));
  s = BioRead(*dev.bdev, sector_t{kPageSectors}, absl::MakeSpan(state));
  if (!s.ok()) return s;
  return std::string(state.data(), length);
}

absl::Status WriteMetadataImage(const DmDev& dev,
                                const SuperblockFormat& format,
                                absl::string_view state) {
  return WriteImage(dev, format, state, 0, kOurs);
}

absl::Status AppendToMetadataImage(const DmDev& dev,
                                   const SuperblockFormat& format,
                                   absl::string_view state, size_t written) {
  return WriteImage(dev, format, state, written, kOursAppended);
}

bool HasRoomForImage(const DmDev& dev, size_t bytes) {
  return kPageSize + WholeSectors(bytes) <= dev.bdev->nr_sectors()
                                                << kSectorShift;
}

std::optional<std::string> ReadLastCommit(const DmTarget& ti, const DmDev& dev,
                                          const SuperblockFormat& format,
                                          const std::string& committed) {
  absl::StatusOr<std::optional<std::string>> state =
      ReadMetadataImage(ti, dev, format);
  if (state.ok()) return *std::move(state);
  if (IsNotModelled(state.status())) return committed;
  return std::nullopt;
}

void LogNoMetadataSpace(Machine& machine, const TransactionManager& tm) {
  using NoRoom = TransactionManager::NoRoom;
  const auto unable = [&] {
    DmLog(machine, KernLevel::kErr, "space map metadata",
          "unable to allocate new metadata block");
  };
  unable();
  if (tm.no_room() == NoRoom::kBlock) return;
  DmLog(machine, KernLevel::kErr, "space map common",
        "dm_tm_shadow_block() failed");
  if (tm.no_room() == NoRoom::kBlocksCount) unable();
}

}  // namespace dmdax
