// SPDX-License-Identifier: Apache-2.0
//
// verity: a read-only device whose blocks are checked against a tree of
// hashes.
//
//   verity <0|1> <data dev> <hash dev> <data block size> <hash block size>
//          <#data blocks> <hash start> <algorithm> <root digest> <salt|->
//          [<#optional args> ...]
//
//   block sizes  bytes; powers of two, from the logical block to a page
//   hash start   blocks on the hash device
//
// The table must be read-only.  Nothing is hashed here.  Of the optional
// arguments those without a value are judged; error correction and signatures,
// and algorithms other than sha1, sha256 and sha512, are refused with a text
// that says so.
// Mirrors drivers/md/dm-verity-target.c (4.14 to 7.2).
#include <algorithm>
#include <bit>
#include <cerrno>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/kstrtox.h"
#include "dm/arg_set.h"
#include "dm/device_mapper.h"
#include "dm/dm_table.h"

namespace dmdax {
namespace {

struct Verity : DmTargetPrivate {
  uint32_t version;
  const DmDev* data_dev;
  const DmDev* hash_dev;
  uint32_t data_block;  // bytes
  uint32_t hash_block;  // bytes
  uint64_t data_blocks;
  uint64_t hash_start;   // blocks
  uint64_t hash_blocks;  // where the tree ends
  std::string alg, digest, salt;
  std::vector<std::string> options;
};

struct HashAlgorithm {
  absl::string_view name;
  size_t digest_size;
};

constexpr HashAlgorithm kAlgorithms[] = {
    {"sha1", 20}, {"sha256", 32}, {"sha512", 64}};

bool IsHex(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isxdigit(static_cast<unsigned char>(c));
  });
}

absl::StatusOr<uint32_t> ParseBlockSize(const std::string& word,
                                        const DmDev& dev,
                                        SscanfOverflow overflow,
                                        const char* error) {
  absl::StatusOr<uint32_t> size = SscanfU32(word, overflow);
  if (!size.ok() || *size == 0 || (*size & (*size - 1)) != 0 ||
      *size < dev.bdev->queue().limits().logical_block_size ||
      *size > kPageSize) {
    return DmError(error);
  }
  return size;
}

absl::Status ParseDevices(DmTarget& ti, absl::Span<const std::string> argv,
                          Verity* v) {
  const SscanfOverflow overflow = ProfileOf(ti).sscanf_overflow;
  absl::StatusOr<uint32_t> version = SscanfU32(argv[0], overflow);
  if (!version.ok() || *version > 1) return DmError("Invalid version");
  v->version = *version;
  absl::StatusOr<const DmDev*> dev =
      DmGetDevice(ti, argv[1], FMODE_READ, "Data device lookup failed");
  if (!dev.ok()) return dev.status();
  v->data_dev = *dev;
  dev = DmGetDevice(ti, argv[2], FMODE_READ, "Hash device lookup failed");
  if (!dev.ok()) return dev.status();
  v->hash_dev = *dev;
  absl::StatusOr<uint32_t> size = ParseBlockSize(
      argv[3], *v->data_dev, overflow, "Invalid data device block size");
  if (!size.ok()) return size.status();
  v->data_block = *size;
  size = ParseBlockSize(argv[4], *v->hash_dev, overflow,
                        "Invalid hash device block size");
  if (!size.ok()) return size.status();
  v->hash_block = *size;
  absl::StatusOr<uint64_t> blocks = SscanfU64(argv[5], overflow);
  const uint64_t per_block = v->data_block >> kSectorShift;
  if (!blocks.ok() || *blocks > ~uint64_t{0} / per_block) {
    return DmError("Invalid data blocks");
  }
  v->data_blocks = *blocks;
  if (ti.len.value() > v->data_blocks * per_block) {
    return DmError("Data device is too small");
  }
  absl::StatusOr<uint64_t> start = SscanfU64(argv[6], overflow);
  if (!start.ok() || *start > ~uint64_t{0} / (v->hash_block >> kSectorShift)) {
    return DmError("Invalid hash start");
  }
  v->hash_start = *start;
  return absl::OkStatus();
}

absl::Status ParseHash(absl::Span<const std::string> argv, Verity* v,
                       size_t* digest_size) {
  v->alg = argv[7];
  for (const HashAlgorithm& known : kAlgorithms) {
    if (v->alg == known.name) *digest_size = known.digest_size;
  }
  if (*digest_size == 0) {
    return DmNotModelled(absl::StrCat("hash ", v->alg),
                         "the kernel's crypto modules");
  }
  if (v->hash_block < *digest_size * 2) return DmError("Digest size too big");
  if (argv[8].size() != *digest_size * 2 || !IsHex(argv[8])) {
    return DmError("Invalid root digest");
  }
  v->digest = absl::AsciiStrToLower(argv[8]);
  if (argv[9] != "-") {
    if (argv[9].size() % 2 != 0 || !IsHex(argv[9])) {
      return DmError("Invalid salt");
    }
    v->salt = absl::AsciiStrToLower(argv[9]);
  }
  return absl::OkStatus();
}

absl::Status ParseOptions(const DmTarget& ti,
                          absl::Span<const std::string> argv, Verity* v) {
  if (argv.empty()) return absl::OkStatus();
  DmArgSet as(argv, ProfileOf(ti).sscanf_overflow);
  absl::StatusOr<uint32_t> count =
      as.ReadArgGroup({0, 11, "Invalid number of feature args"});
  if (!count.ok()) return count.status();
  for (uint32_t i = 0; i < *count; ++i) {
    const std::string word = absl::AsciiStrToLower(*as.Shift());
    if (word == "ignore_corruption" || word == "restart_on_corruption" ||
        word == "panic_on_corruption" || word == "ignore_zero_blocks" ||
        word == "check_at_most_once") {
      v->options.push_back(word);
    } else if (absl::StartsWith(word, "use_fec") ||
               absl::StartsWith(word, "fec_") ||
               absl::StartsWith(word, "root_hash_sig") ||
               word == "try_verify_in_tasklet") {
      return DmNotModelled(absl::StrCat("verity's ", word),
                           "error correction, keyrings and tasklets");
    } else {
      return DmError("Unrecognized verity feature request");
    }
  }
  return absl::OkStatus();
}

// The levels of the tree, topmost first, one after the other on the device.
absl::Status PlaceTree(size_t digest_size, Verity* v) {
  const unsigned bits = static_cast<unsigned>(
      std::bit_width(uint64_t{v->hash_block} / digest_size) - 1);
  unsigned levels = 0;
  if (v->data_blocks > 0) {
    while (bits * levels < 64 && (v->data_blocks - 1) >> (bits * levels)) {
      ++levels;
    }
  }
  constexpr unsigned kMaxLevels = 63;
  if (levels > kMaxLevels) return DmError("Too many tree levels");
  uint64_t position = v->hash_start;
  for (unsigned i = levels; i-- > 0;) {
    const unsigned shift = (i + 1) * bits;
    const uint64_t blocks =
        shift >= 64 ? 1
                    : (v->data_blocks + (uint64_t{1} << shift) - 1) >> shift;
    if (position + blocks < position) {
      return DmError("Hash device offset overflow");
    }
    position += blocks;
  }
  v->hash_blocks = position;
  const uint64_t device =
      v->hash_dev->bdev->nr_sectors() / (v->hash_block >> kSectorShift);
  if (device < v->hash_blocks) return DmError("Hash device is too small");
  return absl::OkStatus();
}

absl::Status VerityCtr(DmTarget& ti, absl::Span<const std::string> argv) {
  if (ti.table->mode() & FMODE_WRITE) return DmError("Device must be readonly");
  if (argv.size() < 10) return DmError("Not enough arguments");
  auto v = std::make_unique<Verity>();
  size_t digest_size = 0;
  absl::Status s = ParseDevices(ti, argv, v.get());
  if (s.ok()) s = ParseHash(argv, v.get(), &digest_size);
  if (s.ok()) s = ParseOptions(ti, argv.subspan(10), v.get());
  if (s.ok()) s = PlaceTree(digest_size, v.get());
  if (!s.ok()) return s;
  ti.private_data = std::move(v);
  return absl::OkStatus();
}

BioMap VerityMap(const DmTarget& ti, sector_t sector, ReqOp op) {
  if (op != ReqOp::kRead && op != ReqOp::kReadAhead) {
    return {.kind = BioMap::Kind::kError, .err = EIO};
  }
  return {BioMap::Kind::kRemapped, ti.Private<Verity>().data_dev,
          sector_t(ti.Offset(sector)), 0};
}

void VerityStatus(const DmTarget& ti, StatusType type, std::string* out) {
  const Verity& v = ti.Private<Verity>();
  if (type == STATUSTYPE_INFO) absl::StrAppend(out, "V");
  if (type != STATUSTYPE_TABLE) return;
  absl::StrAppend(out, v.version, " ", v.data_dev->name, " ", v.hash_dev->name,
                  " ", v.data_block);
  absl::StrAppend(out, " ", v.hash_block, " ", v.data_blocks, " ", v.hash_start,
                  " ");
  absl::StrAppend(out, v.alg, " ", v.digest, " ",
                  v.salt.empty() ? "-" : v.salt);
  if (!v.options.empty()) {
    absl::StrAppend(out, " ", v.options.size(), " ",
                    absl::StrJoin(v.options, " "));
  }
}

int VerityIterateDevices(const DmTarget& ti, IterateDevicesFn fn) {
  return fn(*ti.Private<Verity>().data_dev, sector_t{0}, ti.len);
}

void VerityIoHints(const DmTarget& ti, QueueLimits& limits) {
  const uint32_t size = ti.Private<Verity>().data_block;
  limits.logical_block_size = std::max(limits.logical_block_size, size);
  limits.physical_block_size = std::max(limits.physical_block_size, size);
  limits.io_min = std::max(limits.io_min, limits.logical_block_size);
}

const TargetType kVerityTarget = {
    .name = "verity",
    .versions = {{k4_14, 1, 3, 0},
                 {k5_10, 1, 7, 0},
                 {k6_1, 1, 9, 0},
                 GoneSince(k6_12)},
    .features = DM_TARGET_IMMUTABLE,
    .ctr = VerityCtr,
    .map = VerityMap,
    .status = VerityStatus,
    .iterate_devices = VerityIterateDevices,
    .io_hints = VerityIoHints,
    .example = {.length = 2048,
                .params = "1 /dev/sda /dev/sdb 4096 4096 256 1 sha256 "
                          "00000000000000000000000000000000"
                          "00000000000000000000000000000000 -",
                .mode = FMODE_READ},
};
DM_REGISTER_TARGET(kVerityTarget);

const TargetType kVerityTargetSingleton = {
    .name = "verity",
    .versions = {{k6_12, 1, 10, 0}, {k7_2, 1, 13, 0}},
    .features = DM_TARGET_IMMUTABLE | DM_TARGET_SINGLETON,
    .ctr = VerityCtr,
    .map = VerityMap,
    .status = VerityStatus,
    .iterate_devices = VerityIterateDevices,
    .io_hints = VerityIoHints,
    .example = {.length = 2048,
                .params = "1 /dev/sda /dev/sdb 4096 4096 256 1 sha256 "
                          "00000000000000000000000000000000"
                          "00000000000000000000000000000000 -",
                .mode = FMODE_READ},
};
DM_REGISTER_TARGET(kVerityTargetSingleton);

}  // namespace
}  // namespace dmdax
