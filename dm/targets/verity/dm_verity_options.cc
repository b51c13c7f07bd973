// SPDX-License-Identifier: Apache-2.0
//
// verity: its optional words.
//
//   ignore_corruption | restart_on_corruption | panic_on_corruption
//   restart_on_error | panic_on_error
//   ignore_zero_blocks, check_at_most_once, try_verify_in_tasklet
//   use_fec_from_device <dev>, fec_blocks <n>, fec_start <n>, fec_roots <2-24>
//   root_hash_sig_key_desc <key>
//
// A signature needs a key of the kernel's keyrings; no machine here has one.
#include <algorithm>
#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/kstrtox.h"
#include "base/since.h"
#include "dm/arg_set.h"
#include "dm/dm_table.h"
#include "dm/targets/verity/dm_verity.h"

namespace dmdax {
namespace {

constexpr KernelRelease k5_4{5, 4}, k5_9{5, 9}, k6_0{6, 0};

// Debian's 5.10 is built without error correction, and does not know its words.
constexpr WordSince kFecWords[] = {{"use_fec_from_device", k4_14},
                                   {"fec_blocks", k4_14},
                                   {"fec_start", k4_14},
                                   {"fec_roots", k4_14}};
constexpr WordSince kModes[] = {{"ignore_corruption", k4_14},
                                {"restart_on_corruption", k4_14},
                                {"panic_on_corruption", k5_9}};
constexpr WordSince kErrorModes[] = {{"restart_on_error", k6_12},
                                     {"panic_on_error", k6_12}};
constexpr WordSince kIgnoreZeroBlocks{"ignore_zero_blocks", k4_14};
constexpr WordSince kCheckAtMostOnce{"check_at_most_once", {4, 17}};
constexpr WordSince kTryVerifyInTasklet{"try_verify_in_tasklet", k6_0};
constexpr WordSince kSignature{"root_hash_sig_key_desc", k5_4};

// How many words there may be, those of error correction not counted.
constexpr Since<uint32_t> kMaxWords[] = {
    {k4_14, 2}, {{4, 17}, 3}, {k5_4, 5}, {k6_0, 6}, {k6_12, 7}};

// Before, the last device counts.
constexpr Since<bool> kOneFecDevice[] = {{k6_12, true}};

// Reads the words twice, refuses a second mode, and logs an unknown word.
bool ReadsTwice(const DmTarget& ti) {
  return kTryVerifyInTasklet.In(ProfileOf(ti).release);
}

bool Is(const DmTarget& ti, absl::string_view word, const WordSince& option) {
  return option.In(ProfileOf(ti).release) &&
         absl::EqualsIgnoreCase(word, option.word);
}

// The one of `options` that `word` is, or null.
const WordSince* FindOption(const DmTarget& ti, absl::string_view word,
                            absl::Span<const WordSince> options) {
  for (const WordSince& option : options) {
    if (Is(ti, word, option)) return &option;
  }
  return nullptr;
}

bool HasFec(const DmTarget& ti) { return ProfileOf(ti).verity_has_fec; }

absl::StatusOr<uint32_t> ReadCount(const DmTarget& ti, DmArgSet& as) {
  const uint32_t most = ValueAt<uint32_t>(kMaxWords, ProfileOf(ti).release) +
                        (HasFec(ti) ? 8 : 0);
  return as.ReadArgGroup({0, most, "Invalid number of feature args"});
}

absl::Status SetMode(const DmTarget& ti, const WordSince& option,
                     absl::string_view* mode) {
  if (ReadsTwice(ti) && !mode->empty()) {
    return DmError("Conflicting error handling parameters");
  }
  *mode = option.word;
  return absl::OkStatus();
}

// A number of data blocks that is a number of sectors in 64 bits.
absl::StatusOr<uint64_t> ParseBlocks(const DmTarget& ti, const Verity& v,
                                     const std::string& value,
                                     absl::string_view word) {
  absl::StatusOr<uint64_t> number =
      SscanfU64(value, ProfileOf(ti).sscanf_overflow);
  if (!number.ok() || *number > ~uint64_t{0} / (v.data_block >> kSectorShift)) {
    return DmError(absl::StrCat("Invalid ", word));
  }
  return number;
}

absl::Status ParseFecDevice(DmTarget& ti, const std::string& path, Verity* v) {
  if (v->fec_dev != nullptr &&
      ValueAt<bool>(kOneFecDevice, ProfileOf(ti).release)) {
    return DmError("FEC device already specified");
  }
  absl::StatusOr<const DmDev*> dev =
      DmGetDevice(ti, path, FMODE_READ, "FEC device lookup failed");
  if (!dev.ok()) return dev.status();
  // The kernel forgets to put the one that was given before.
  if (v->fec_dev != nullptr) ti.table->LeakDevice(v->fec_dev);
  v->fec_dev = *dev;
  return absl::OkStatus();
}

absl::Status ParseFec(DmTarget& ti, const WordSince& option, DmArgSet& as,
                      uint32_t* left, Verity* v) {
  if (*left == 0) return DmError("FEC feature arguments require a value");
  --*left;
  const std::string& value = *as.Shift();
  if (option.word == "use_fec_from_device") {
    return ParseFecDevice(ti, value, v);
  }
  if (option.word == "fec_roots") {
    // %hhu: the number is cut to a byte.
    absl::StatusOr<uint32_t> roots =
        SscanfU32(value, ProfileOf(ti).sscanf_overflow);
    const uint32_t byte = roots.ok() ? *roots & 0xff : 0;
    if (byte < 2 || byte > 24) return DmError("Invalid fec_roots");
    v->fec_roots = byte;
    return absl::OkStatus();
  }
  absl::StatusOr<uint64_t> number = ParseBlocks(ti, *v, value, option.word);
  if (!number.ok()) return number.status();
  (option.word == "fec_blocks" ? v->fec_blocks : v->fec_start) = *number;
  return absl::OkStatus();
}

absl::Status ParseSignature(uint32_t left) {
  constexpr char kWho[] = "DM Verity Sig Verification ";
  if (left == 0) {
    return DmError(absl::StrCat(kWho, "Signature key not specified"));
  }
  return ErrnoError(ENOKEY, absl::StrCat(kWho, "Invalid key specified"));
}

absl::Status SetAtMostOnce(Verity* v) {
  constexpr uint64_t kIntMax = 0x7fffffff;
  if (v->data_blocks > kIntMax) {
    return ErrnoError(E2BIG, "device too large to use check_at_most_once");
  }
  v->check_at_most_once = true;
  return absl::OkStatus();
}

absl::Status ParseWord(DmTarget& ti, const std::string& word, DmArgSet& as,
                       uint32_t* left, Verity* v) {
  if (const WordSince* mode = FindOption(ti, word, kModes)) {
    return SetMode(ti, *mode, &v->mode);
  }
  if (const WordSince* mode = FindOption(ti, word, kErrorModes)) {
    return SetMode(ti, *mode, &v->error_mode);
  }
  if (Is(ti, word, kIgnoreZeroBlocks)) {
    v->ignore_zero_blocks = true;
    if (!v->hash_needs_key) return absl::OkStatus();
    LogVerityHashError(ti);
    return ErrnoError(ENOKEY, "Cannot allocate zero digest");
  }
  if (Is(ti, word, kCheckAtMostOnce)) return SetAtMostOnce(v);
  if (Is(ti, word, kTryVerifyInTasklet)) {
    v->verify_in_tasklet = true;
    return absl::OkStatus();
  }
  if (HasFec(ti)) {
    if (const WordSince* fec = FindOption(ti, word, kFecWords)) {
      return ParseFec(ti, *fec, as, left, v);
    }
  }
  if (Is(ti, word, kSignature)) {
    if (*left > 0) as.Shift();
    return ParseSignature(*left);
  }
  constexpr char kUnknown[] = "Unrecognized verity feature request";
  if (ReadsTwice(ti)) {
    DmLog(MachineOf(ti), KernLevel::kErr, "verity",
          absl::StrCat(kUnknown, ": ", word));
  }
  return DmError(kUnknown);
}

}  // namespace

absl::Status PreparseVerityOptions(const DmTarget& ti,
                                   absl::Span<const std::string> argv) {
  if (argv.empty() || !ReadsTwice(ti)) return absl::OkStatus();
  DmArgSet as(argv, ProfileOf(ti).sscanf_overflow);
  return ReadCount(ti, as).status();
}

absl::Status ParseVerityOptions(DmTarget& ti,
                                absl::Span<const std::string> argv, Verity* v) {
  if (argv.empty()) return absl::OkStatus();
  DmArgSet as(argv, ProfileOf(ti).sscanf_overflow);
  absl::StatusOr<uint32_t> count = ReadCount(ti, as);
  if (!count.ok()) return count.status();
  uint32_t left = *count;
  while (left > 0) {
    const std::string& word = *as.Shift();
    --left;
    absl::Status s = ParseWord(ti, word, as, &left, v);
    if (!s.ok()) return s;
  }
  return absl::OkStatus();
}

void LogVerityHashError(const DmTarget& ti) {
  DmLog(MachineOf(ti), KernLevel::kErr, "verity",
        absl::StrCat("crypto_ahash_init failed: -", ENOKEY));
}

absl::Status CheckVerityFec(const Verity& v) {
  if (v.fec_dev == nullptr) return absl::OkStatus();
  constexpr uint32_t kRsN = 255;  // bytes of a Reed-Solomon codeword
  const uint64_t tree = v.hash_end - v.hash_start;
  if (v.data_block != v.hash_block) {
    return DmError("Block sizes must match to use FEC");
  }
  if (v.fec_roots == 0) return DmError("Missing fec_roots");
  if (v.fec_blocks == 0) return DmError("Missing fec_blocks");
  const uint32_t rs_k = kRsN - v.fec_roots;
  const uint64_t regions =
      v.fec_blocks / rs_k + (v.fec_blocks % rs_k != 0 ? 1 : 0);
  if (v.fec_blocks < v.data_blocks + tree) return DmError("Invalid fec_blocks");
  const uint64_t per_block = v.data_block >> kSectorShift;
  auto blocks_of = [per_block](const DmDev& dev, uint64_t start) {
    const uint64_t sectors = dev.bdev->nr_sectors();
    return (sectors > start * per_block ? sectors - start * per_block : 0) /
           per_block;
  };
  if (blocks_of(*v.hash_dev, 0) <
      v.hash_start + (v.fec_blocks - v.data_blocks)) {
    return ErrnoError(E2BIG, "Hash device is too small for fec_blocks");
  }
  if (blocks_of(*v.fec_dev, v.fec_start) < regions * v.fec_roots) {
    return ErrnoError(E2BIG, "FEC device is too small");
  }
  if (blocks_of(*v.data_dev, 0) < v.data_blocks) {
    return ErrnoError(E2BIG, "Data device is too small");
  }
  return absl::OkStatus();
}

}  // namespace dmdax
