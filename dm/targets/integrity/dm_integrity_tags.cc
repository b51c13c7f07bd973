// SPDX-License-Identifier: Apache-2.0
//
// integrity: the tags of blocks, and where they lie.
// Mirrors: integrity_sector_checksum, get_metadata_sector_and_offset,
// dm_integrity_rw_tag of drivers/md/dm-integrity.c.
#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/strip.h"
#include "base/errno_status.h"
#include "dm/bio_map.h"
#include "dm/targets/crypto_engine.h"
#include "dm/targets/integrity/dm_integrity.h"

namespace dmdax {
namespace {

// Where tags lie on their device: bytes from its begin on.
struct TagRange {
  uint64_t begin, end;
  uint64_t first_sector() const { return begin >> kSectorShift; }
  uint64_t nr_sectors() const {
    return ((end + kSectorSize - 1) >> kSectorShift) - first_sector();
  }
};

// Those of blocks from sector `offset` on that lie in a row.
TagRange RangeOf(const Integrity& ic, uint64_t offset, uint64_t nr_blocks) {
  uint64_t area = 0, in_area = offset, area_sectors = 0;
  if (ic.meta_dev == nullptr) {
    const unsigned shift = ic.sb.log2_interleave_sectors;
    area = offset >> shift;
    in_area = offset - (area << shift);
    area_sectors = (area << shift) + area * ic.metadata_run;
  }
  // The tags of an area begin with a buffer.
  const unsigned buffer = ic.log2_buffer_sectors;
  const uint64_t first =
      ic.start + ic.initial_sectors + (area_sectors >> buffer << buffer);
  const uint64_t begin =
      (first << kSectorShift) +
      (in_area >> ic.sb.log2_sectors_per_block) * ic.tag_size;
  return {begin, begin + nr_blocks * ic.tag_size};
}

// How many blocks from `offset` on have their tags in a row.
uint64_t BlocksInARow(const Integrity& ic, uint64_t offset) {
  if (ic.meta_dev != nullptr) return ~uint64_t{0};
  const uint64_t area = uint64_t{1} << ic.sb.log2_interleave_sectors;
  return std::max<uint64_t>(
      1, (area - offset % area) >> ic.sb.log2_sectors_per_block);
}

absl::Status ReadRange(const Integrity& ic, const TagRange& range,
                       std::vector<char>* sectors) {
  sectors->resize(range.nr_sectors() << kSectorShift);
  return BioRead(IntegrityMetaDevice(ic), sector_t(range.first_sector()),
                 absl::MakeSpan(*sectors));
}

char* TagsIn(const TagRange& range, std::vector<char>& sectors) {
  return sectors.data() + range.begin % kSectorSize;
}

// Calls fn(range) for those that lie in a row, until it fails.
template <typename Fn>
absl::Status ForEachRange(const Integrity& ic, uint64_t offset,
                          uint64_t nr_blocks, Fn fn) {
  while (nr_blocks != 0) {
    const uint64_t n = std::min(nr_blocks, BlocksInARow(ic, offset));
    if (absl::Status s = fn(RangeOf(ic, offset, n)); !s.ok()) return s;
    offset += n << ic.sb.log2_sectors_per_block;
    nr_blocks -= n;
  }
  return absl::OkStatus();
}

}  // namespace

IntegrityTagger::IntegrityTagger(const Integrity& ic) : ic_(ic) {
  absl::string_view name = ic.internal_hash.name;
  const bool is_hmac =
      absl::ConsumePrefix(&name, "hmac(") && absl::ConsumeSuffix(&name, ")");
  hash_ = FindHashFunction(name);
  if (hash_ == nullptr) {
    hash_ = FindHashFunction("crc32c");
  } else if (is_hmac) {
    key_ = BytesOfHex(ic.internal_hash.key.value_or(""));
  }
}

std::string IntegrityTagger::Tag(uint64_t sector,
                                 absl::string_view block) const {
  char number[8];
  for (size_t i = 0; i < sizeof(number); ++i) {
    number[i] = static_cast<char>(sector >> (8 * i));
  }
  std::vector<absl::string_view> parts;
  if (ic_.sb.fixed_hmac) {
    parts.emplace_back(ic_.sb.salt.data(), ic_.sb.salt.size());
  }
  parts.emplace_back(number, sizeof(number));
  parts.push_back(block);
  std::string tag = key_ ? Hmac(*hash_, *key_, parts) : hash_->Digest(parts);
  tag.resize(ic_.tag_size, 0);
  return tag;
}

absl::StatusOr<std::string> ReadIntegrityTags(const Integrity& ic,
                                              uint64_t offset,
                                              uint64_t nr_blocks) {
  std::string tags;
  std::vector<char> sectors;
  absl::Status s =
      ForEachRange(ic, offset, nr_blocks, [&](const TagRange& range) {
        absl::Status read = ReadRange(ic, range, &sectors);
        if (read.ok()) {
          tags.append(TagsIn(range, sectors), range.end - range.begin);
        }
        return read;
      });
  if (!s.ok()) return s;
  return tags;
}

absl::Status WriteIntegrityTags(const Integrity& ic, uint64_t offset,
                                absl::string_view tags) {
  std::vector<char> sectors;
  return ForEachRange(
      ic, offset, tags.size() / ic.tag_size, [&](const TagRange& range) {
        absl::Status s = ReadRange(ic, range, &sectors);
        if (!s.ok()) return s;
        const size_t size = range.end - range.begin;
        memcpy(TagsIn(range, sectors), tags.data(), size);
        tags.remove_prefix(size);
        return BioWrite(IntegrityMetaDevice(ic), sector_t(range.first_sector()),
                        sectors);
      });
}

}  // namespace dmdax
