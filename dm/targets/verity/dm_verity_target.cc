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
// The table must be read-only.  dm_verity_options.cc has the optional words,
// dm_verity_io.cc what a read finds.
// Which hash algorithms there are is in dm/targets/crypto_hash.h.
// Mirrors drivers/md/dm-verity-target.c (4.14 to 7.2).
#include <algorithm>
#include <bit>
#include <cerrno>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/kstrtox.h"
#include "base/since.h"
#include "dm/device_mapper.h"
#include "dm/dm_table.h"
#include "dm/targets/crypto_hash.h"
#include "dm/targets/verity/dm_verity.h"

namespace dmdax {
namespace {

bool IsHex(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isxdigit(static_cast<unsigned char>(c));
  });
}

absl::StatusOr<uint32_t> ParseBlockSize(const std::string& word,
                                        const DmDev& dev,
                                        SscanfOverflow overflow, uint32_t most,
                                        const char* error) {
  absl::StatusOr<uint32_t> size = SscanfU32(word, overflow);
  if (!size.ok() || *size == 0 || (*size & (*size - 1)) != 0 ||
      *size < dev.bdev->queue().limits().logical_block_size || *size > most) {
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
  absl::StatusOr<uint32_t> size =
      ParseBlockSize(argv[3], *v->data_dev, overflow, kPageSize,
                     "Invalid data device block size");
  if (!size.ok()) return size.status();
  v->data_block = *size;
  // The kernel's INT_MAX.
  size = ParseBlockSize(argv[4], *v->hash_dev, overflow, 0x7fffffff,
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

// How the kernel says in its log which driver hashes.
enum class HashLog { kNothing, kImplementation, kShash, kDriver };

constexpr Since<HashLog> kHashLog[] = {{{5, 0}, HashLog::kImplementation},
                                       {k6_12, HashLog::kShash},
                                       {{6, 17}, HashLog::kDriver},
                                       {k7_2, HashLog::kNothing}};

void LogHash(const DmTarget& ti, const Verity& v, const CryptoHash& hash) {
  absl::string_view how;
  switch (ValueAt<HashLog>(kHashLog, ProfileOf(ti).release)) {
    case HashLog::kNothing:
      return;
    case HashLog::kImplementation:
      how = " using implementation";
      break;
    case HashLog::kShash:
      // A salt behind the data is left to the other interface.
      how = v.version >= 1 ? " using shash" : " using ahash";
      break;
    case HashLog::kDriver:
      how = " using";
      break;
  }
  DmLog(MachineOf(ti), KernLevel::kInfo, "verity",
        absl::StrCat(v.alg, how, " \"", hash.driver, "\""));
}

// Whether the salt is hashed once for all blocks.
enum class SaltHash { kEachBlock, kOfVersion1, kAlways };

constexpr Since<SaltHash> kSaltHash[] = {{k6_12, SaltHash::kOfVersion1},
                                         {{6, 17}, SaltHash::kAlways},
                                         {k7_2, SaltHash::kOfVersion1}};

bool HashesSalt(KernelRelease release, const Verity& v) {
  const SaltHash hash = ValueAt<SaltHash>(kSaltHash, release);
  return hash == SaltHash::kAlways ||
         (hash == SaltHash::kOfVersion1 && v.version >= 1);
}

absl::Status ParseHash(const DmTarget& ti, absl::Span<const std::string> argv,
                       Verity* v, size_t* digest_size) {
  v->alg = argv[7];
  const std::optional<CryptoHash> hash = FindCryptoHash(v->alg, ProfileOf(ti));
  if (!hash.has_value()) {
    return ErrnoError(ENOENT, "Cannot initialize hash function");
  }
  LogHash(ti, *v, *hash);
  *digest_size = hash->digest_size;
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
  v->hash_needs_key = hash->needs_key;
  if (hash->needs_key && HashesSalt(ProfileOf(ti).release, *v)) {
    return ErrnoError(ENOKEY, "Cannot set up initial hash state");
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
  if (levels > kMaxLevels) return ErrnoError(E2BIG, "Too many tree levels");
  v->levels = levels;
  v->hash_per_block_bits = bits;
  v->level_start.resize(levels);
  uint64_t position = v->hash_start;
  for (unsigned i = levels; i-- > 0;) {
    const unsigned shift = (i + 1) * bits;
    const uint64_t blocks =
        shift >= 64 ? 1
                    : (v->data_blocks + (uint64_t{1} << shift) - 1) >> shift;
    if (position + blocks < position) {
      return ErrnoError(E2BIG, "Hash device offset overflow");
    }
    v->level_start[i] = position;
    position += blocks;
  }
  v->hash_end = position;
  const uint64_t device =
      v->hash_dev->bdev->nr_sectors() / (v->hash_block >> kSectorShift);
  if (device < v->hash_end) {
    return ErrnoError(E2BIG, "Hash device is too small");
  }
  return absl::OkStatus();
}

absl::Status VerityCtr(DmTarget& ti, absl::Span<const std::string> argv) {
  // The mode is checked before the words are counted, as in the kernel.
  if (ti.table->mode() & FMODE_WRITE) return DmError("Device must be readonly");
  if (argv.size() < 10) return DmError("Not enough arguments");
  auto v = std::make_unique<Verity>();
  size_t digest_size = 0;
  absl::Status s = PreparseVerityOptions(ti, argv.subspan(10));
  if (s.ok()) s = ParseDevices(ti, argv, v.get());
  if (s.ok()) s = ParseHash(ti, argv, v.get(), &digest_size);
  if (s.ok()) s = ParseVerityOptions(ti, argv.subspan(10), v.get());
  if (s.ok()) s = PlaceTree(digest_size, v.get());
  if (s.ok()) s = CheckVerityFec(*v);
  if (!s.ok()) return s;
  ti.private_data = std::move(v);
  return absl::OkStatus();
}

BioMap VerityMap(const DmTarget& ti, sector_t sector, ReqOp op) {
  if (!IsRead(op)) {
    return {.kind = BioMap::Kind::kError, .err = EIO};
  }
  return {BioMap::Kind::kRemapped, ti.Private<Verity>().data_dev,
          sector_t(ti.Offset(sector)), 0};
}

std::string VeritySaveState(const DmTarget& ti) {
  return ti.Private<Verity>().failed ? "C" : "V";
}

bool VerityRestoreState(DmTarget& ti, absl::string_view state) {
  ti.Private<Verity>().failed = state == "C";
  return state == "C" || state == "V";
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

// From 6.12 on a table with verity has no other row.
TargetType VerityType(const TargetVersions& versions, uint64_t features) {
  return {.name = "verity",
          .versions = versions,
          .features = DM_TARGET_IMMUTABLE | features,
          .ctr = VerityCtr,
          .map = VerityMap,
          .end_io = VerityEndIo,
          .status = VerityStatus,
          .iterate_devices = VerityIterateDevices,
          .io_hints = VerityIoHints,
          .save_state = VeritySaveState,
          .restore_state = VerityRestoreState,
          .example = {.length = 2048,
                      .params = "1 /dev/sda /dev/sdb 4096 4096 256 1 sha256 "
                                "00000000000000000000000000000000"
                                "00000000000000000000000000000000 -",
                      .mode = FMODE_READ}};
}

const TargetType kVerityTarget = VerityType(
    {{k4_14, 1, 3, 0}, {k5_10, 1, 7, 0}, {k6_1, 1, 9, 0}, GoneSince(k6_12)}, 0);
DM_REGISTER_TARGET(kVerityTarget);

const TargetType kVerityTargetSingleton = VerityType({{k6_12, 1, 10, 0},
                                                      {k6_16, 1, 11, 0},
                                                      {{6, 17}, 1, 12, 0},
                                                      {k6_18, 1, 13, 0}},
                                                     DM_TARGET_SINGLETON);
DM_REGISTER_TARGET(kVerityTargetSingleton);

}  // namespace
}  // namespace dmdax
