// SPDX-License-Identifier: Apache-2.0
#include "dm/targets/raid/dm_raid_super.h"

#include <algorithm>
#include <type_traits>

#include "base/units.h"

namespace dmdax {
namespace {

constexpr uint32_t kMagic = 0x64526D44;        // "DmRd"
constexpr uint32_t kBitmapMagic = 0x6d746962;  // "bitm"
constexpr uint32_t kBitmapVersion = 4;
constexpr size_t kBitmapHeader = 256;

// Little-endian numbers, one after the other.
class Reader {
 public:
  explicit Reader(absl::string_view bytes) : rest_(bytes) {}
  template <typename T>
  Reader& operator>>(T& number) {
    std::make_unsigned_t<T> value = 0;
    for (size_t i = 0; i < sizeof(T); ++i) {
      value |= static_cast<std::make_unsigned_t<T>>(
          std::make_unsigned_t<T>{static_cast<unsigned char>(rest_[i])}
          << (8 * i));
    }
    rest_.remove_prefix(sizeof(T));
    number = static_cast<T>(value);
    return *this;
  }
  void Skip(size_t bytes) { rest_.remove_prefix(bytes); }

 private:
  absl::string_view rest_;
};

class Writer {
 public:
  template <typename T>
  Writer& operator<<(T number) {
    const auto value = static_cast<std::make_unsigned_t<T>>(number);
    for (size_t i = 0; i < sizeof(T); ++i) {
      bytes_.push_back(static_cast<char>(value >> (8 * i) & 0xff));
    }
    return *this;
  }
  void Skip(size_t bytes) { bytes_.append(bytes, '\0'); }
  std::string Padded(size_t size, char with) {
    bytes_.resize(size, with);
    return std::move(bytes_);
  }

 private:
  std::string bytes_;
};

}  // namespace

std::optional<RaidSuper> ParseRaidSuper(absl::string_view block) {
  Reader in(block);
  uint32_t magic;
  in >> magic;
  if (magic != kMagic) return std::nullopt;
  RaidSuper sb;
  in >> sb.compat_features >> sb.num_devices >> sb.array_position >>
      sb.events >> sb.failed_devices[0] >> sb.disk_recovery_offset >>
      sb.array_resync_offset >> sb.level >> sb.layout >> sb.stripe_sectors;
  if (!sb.extended()) return sb;
  in >> sb.flags >> sb.reshape_position >> sb.new_level >> sb.new_layout >>
      sb.new_stripe_sectors >> sb.delta_disks >> sb.array_sectors >>
      sb.data_offset >> sb.new_data_offset >> sb.sectors;
  for (size_t i = 1; i < sb.failed_devices.size(); ++i) {
    in >> sb.failed_devices[i];
  }
  in >> sb.incompat_features;
  return sb;
}

std::string FormatRaidSuper(const RaidSuper& sb) {
  Writer out;
  out << kMagic << sb.compat_features << sb.num_devices << sb.array_position
      << sb.events << sb.failed_devices[0] << sb.disk_recovery_offset
      << sb.array_resync_offset << sb.level << sb.layout << sb.stripe_sectors
      << sb.flags << sb.reshape_position << sb.new_level << sb.new_layout
      << sb.new_stripe_sectors << sb.delta_disks << sb.array_sectors
      << sb.data_offset << sb.new_data_offset << sb.sectors;
  for (size_t i = 1; i < sb.failed_devices.size(); ++i) {
    out << sb.failed_devices[i];
  }
  out << sb.incompat_features;
  return out.Padded(kRaidSuperBytes, '\0');
}

size_t RaidBitmapBytes(uint64_t regions) {
  const size_t bytes = kBitmapHeader + static_cast<size_t>((regions + 7) / 8);
  return (bytes + kSectorSize - 1) / kSectorSize * kSectorSize;
}

std::optional<RaidBitmap> ParseRaidBitmap(absl::string_view bytes) {
  Reader in(bytes);
  uint32_t magic, version, state;
  in >> magic >> version;
  if (magic != kBitmapMagic || version != kBitmapVersion) return std::nullopt;
  RaidBitmap bitmap;
  in.Skip(16);  // the UUID, all zero
  in >> bitmap.events >> bitmap.events_cleared >> bitmap.sync_size >> state >>
      bitmap.chunk_bytes >> bitmap.daemon_sleep >> bitmap.write_behind;
  const uint64_t region = bitmap.chunk_bytes >> kSectorShift;
  if (region == 0) return std::nullopt;
  const uint64_t regions =
      std::min<uint64_t>((bitmap.sync_size + region - 1) / region,
                         (bytes.size() - kBitmapHeader) * 8);
  for (uint64_t i = 0; i < regions; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[kBitmapHeader + i / 8]);
    if ((byte >> (i % 8) & 1) != 0) bitmap.dirty.insert(i);
  }
  return bitmap;
}

std::string FormatRaidBitmap(const RaidBitmap& bitmap, uint64_t regions) {
  Writer out;
  out << kBitmapMagic << kBitmapVersion;
  out.Skip(16);
  out << bitmap.events << bitmap.events_cleared << bitmap.sync_size
      << uint32_t{0} << bitmap.chunk_bytes << bitmap.daemon_sleep
      << bitmap.write_behind;
  std::string bytes = out.Padded(kBitmapHeader, '\0');
  bytes.resize(RaidBitmapBytes(regions), '\xff');
  for (uint64_t i = 0; i < regions; ++i) {
    if (bitmap.dirty.contains(i)) continue;
    char& byte = bytes[kBitmapHeader + i / 8];
    byte = static_cast<char>(byte & ~(1 << (i % 8)));
  }
  return bytes;
}

}  // namespace dmdax
