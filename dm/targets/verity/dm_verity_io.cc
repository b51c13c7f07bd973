// SPDX-License-Identifier: Apache-2.0
//
// verity: what a read of a block finds.
//
// Each block is hashed, and so is each block of the tree above it until one is
// met that was found good before; the digest in the table judges the top.
// Error correction is accepted and repairs nothing: it finds what it finds
// where parity is blank, blocks that agree with it.
// A hash that is not computed here (see dm/targets/crypto_engine.h) makes the
// read fail with EOPNOTSUPP, and a line of our own in the log.
// Mirrors: verity_verify_io, verity_hash_for_block, verity_verify_level,
// verity_handle_err of drivers/md/dm-verity-target.c, verity_fec_decode and
// what it calls of drivers/md/dm-verity-fec.c (6.1, 7.2).
#include <algorithm>
#include <bit>
#include <cerrno>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/since.h"
#include "dm/bio_map.h"
#include "dm/dm_table.h"
#include "dm/targets/crypto_engine.h"
#include "dm/targets/verity/dm_verity.h"

namespace dmdax {
namespace {

// FEC names the block itself, and tells of what it has corrected even if that
// is nothing; before, it named the byte in the first of its regions.
constexpr Since<bool> kFecNamesBlock[] = {{k7_2, true}};

class Check {
 public:
  Check(const DmTarget& ti, Verity& v, const HashFunction& hash)
      : ti_(ti), v_(v), hash_(hash), salt_(BytesOfHex(v.salt)) {}

  // verity_verify_io(), of one block, which `data` has: 0 or the errno.
  int Data(uint64_t block, absl::Span<char> data) {
    if (v_.check_at_most_once) {
      absl::MutexLock lock(&v_.mu);
      if (v_.validated.contains(block)) return 0;
    }
    std::string want;
    if (HashOf(block, &want) != 0) return EIO;
    if (v_.ignore_zero_blocks && want == ZeroDigest()) {
      std::fill(data.begin(), data.end(), '\0');
      return 0;
    }
    if (Digest(data) == want) {
      if (v_.check_at_most_once) {
        absl::MutexLock lock(&v_.mu);
        v_.validated.insert(block);
      }
      return 0;
    }
    Correct(block);
    return Corrupted("data", block);
  }

 private:
  std::string Digest(absl::Span<const char> data) const {
    const absl::string_view bytes(data.data(), data.size());
    return v_.version >= 1 ? hash_.Digest({salt_, bytes})
                           : hash_.Digest({bytes, salt_});
  }

  std::string ZeroDigest() const {
    return Digest(std::vector<char>(v_.data_block));
  }

  // verity_hash_for_block(): down from the top of the tree.
  int HashOf(uint64_t block, std::string* want) {
    *want = BytesOfHex(v_.digest);
    for (unsigned level = v_.levels; level-- > 0;) {
      const unsigned bits = v_.hash_per_block_bits;
      const unsigned shift = level * bits;
      const uint64_t position = shift >= 64 ? 0 : block >> shift;
      const int err = Level(v_.level_start[level] + (position >> bits),
                            position & ((uint64_t{1} << bits) - 1), want);
      if (err != 0) return err;
    }
    return 0;
  }

  // verity_verify_level(): checks hash block `at` against *want, which becomes
  // its digest number `index`.
  int Level(uint64_t at, uint64_t index, std::string* want) {
    std::vector<char> block;
    {
      absl::MutexLock lock(&v_.mu);
      if (auto it = v_.verified.find(at); it != v_.verified.end()) {
        block = it->second;
      }
    }
    if (block.empty()) {
      const uint64_t sectors = v_.hash_block >> kSectorShift;
      block.resize(v_.hash_block);
      if (!BioRead(*v_.hash_dev->bdev, sector_t(at * sectors),
                   absl::MakeSpan(block))
               .ok()) {
        return EIO;
      }
      if (Digest(block) == *want) {
        constexpr size_t kMostKept = 1024;
        absl::MutexLock lock(&v_.mu);
        if (v_.verified.size() >= kMostKept) v_.verified.clear();
        v_.verified[at] = block;
      } else {
        Correct(at - v_.hash_start + v_.data_blocks);
        if (const int err = Corrupted("metadata", at); err != 0) return err;
      }
    }
    const size_t size = want->size();
    const size_t room =
        v_.version == 0 ? size : v_.hash_block >> v_.hash_per_block_bits;
    want->assign(block.data() + index * room, size);
    return 0;
  }

  // verity_handle_err(): 0, if told to ignore it.
  int Corrupted(absl::string_view what, uint64_t block) {
    constexpr int kMaxErrs = 100;  // DM_VERITY_MAX_CORRUPTED_ERRS
    v_.failed = true;
    if (v_.corrupted_errs < kMaxErrs) {
      const int errs = ++v_.corrupted_errs;
      Log("verity", KernLevel::kErr,
          absl::StrCat(what, " block ", block, " is corrupted"));
      if (errs == kMaxErrs) {
        Log("verity", KernLevel::kErr, "reached maximum errors");
      }
    }
    return v_.mode == "ignore_corruption" ? 0 : EIO;
  }

  // verity_fec_decode(): twice in vain, the second time with the blocks whose
  // hash does not fit left out.
  void Correct(uint64_t block) {
    if (v_.fec_dev == nullptr || correcting_) return;
    correcting_ = true;
    for (const bool use_erasures : {false, true})
      CorrectOnce(block, use_erasures);
    correcting_ = false;
  }

  void CorrectOnce(uint64_t block, bool use_erasures) {
    constexpr uint32_t kRsN = 255;  // bytes of a Reed-Solomon codeword
    const uint32_t rs_k = kRsN - v_.fec_roots;
    const uint64_t rounds = (v_.fec_blocks + rs_k - 1) / rs_k;
    uint32_t erasures = 0;
    for (uint32_t i = 0; i < rs_k; ++i) {
      const uint64_t other = block % rounds + i * rounds;
      if (other >= v_.data_blocks) break;  // no hash of it is looked for
      std::string want;
      if (HashOf(other, &want) == 0 && use_erasures &&
          erasures < v_.fec_roots && !Fits(other, want)) {
        ++erasures;
      }
    }
    const bool names_block =
        ValueAt<bool>(kFecNamesBlock, ProfileOf(ti_).release);
    const unsigned bits =
        static_cast<unsigned>(std::bit_width(v_.data_block)) - 1;
    const std::string fec = absl::StrCat(
        "FEC ", names_block ? block : block % rounds << bits, ": ");
    if (names_block) {
      Log("verity-fec", KernLevel::kWarn,
          absl::StrCat(fec, "corrected 0 errors"));
    }
    Log("verity-fec", KernLevel::kErr,
        absl::StrCat(fec, "failed to correct (", erasures, " erasures)"));
  }

  bool Fits(uint64_t block, const std::string& want) const {
    std::vector<char> data(v_.data_block);
    const sector_t at(block * (v_.data_block >> kSectorShift));
    return BioRead(*v_.data_dev->bdev, at, absl::MakeSpan(data)).ok() &&
           Digest(data) == want;
  }

  void Log(absl::string_view prefix, KernLevel level, const std::string& text) {
    DmLog(MachineOf(ti_), level, prefix,
          absl::StrCat(v_.data_dev->name, ": ", text));
  }

  const DmTarget& ti_;
  Verity& v_;
  const HashFunction& hash_;
  const std::string salt_;
  bool correcting_ = false;
};

}  // namespace

int VerityEndIo(const DmTarget& ti, const DmBio& bio) {
  Verity& v = ti.Private<Verity>();
  if (bio.data.empty()) return 0;
  if (v.hash_needs_key) {
    LogVerityHashError(ti);
    return EIO;
  }
  const HashFunction* hash = FindHashFunction(v.alg);
  if (hash == nullptr) {
    MachineOf(ti).log().Printk(
        KernLevel::kErr,
        absl::StrCat("dmdax: verity: data is not modelled with hash ", v.alg));
    return EOPNOTSUPP;
  }
  const uint64_t per_block = v.data_block >> kSectorShift;
  const uint64_t first = ti.Offset(bio.sector);
  // dm-verity refuses parts of blocks, which its limits forbid.
  if (first % per_block != 0 || bio.sectors % per_block != 0) {
    DmLog(MachineOf(ti), KernLevel::kErr, "verity", "unaligned io");
    return EIO;
  }
  Check check(ti, v, *hash);
  for (uint64_t i = 0; i < bio.sectors; i += per_block) {
    const auto data = bio.data.subspan(i << kSectorShift, v.data_block);
    const int err = check.Data((first + i) / per_block, data);
    if (err != 0) return err;
  }
  return 0;
}

}  // namespace dmdax
