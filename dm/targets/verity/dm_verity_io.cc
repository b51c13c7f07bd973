// SPDX-License-Identifier: Apache-2.0
//
// verity: what a read of a block finds.
//
// No tree is made here, and no parity, so that no hash ever fits: the digest in
// the table is not that of the top of the tree, and what lies there is no hash
// of what is below.  Error correction finds blocks that agree with their
// parity, all zeros, and so nothing to correct. Mirrors: verity_verify_io,
// verity_hash_for_block, verity_handle_err of drivers/md/dm-verity-target.c,
// verity_fec_decode and what it calls of drivers/md/dm-verity-fec.c (6.1, 7.2).
#include <bit>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/since.h"
#include "dm/dm_table.h"
#include "dm/targets/verity/dm_verity.h"

namespace dmdax {
namespace {

// FEC names the block itself, and tells of what it has corrected even if that
// is nothing; before, it named the byte in the first of its regions.
constexpr Since<bool> kFecNamesBlock[] = {{k7_2, true}};

class Check {
 public:
  Check(const DmTarget& ti, Verity& v) : ti_(ti), v_(v) {}

  // verity_verify_io(), of one block: EIO or 0.
  int Data(uint64_t block) {
    if (HashOf(block) != 0) return EIO;
    Correct(block);
    return Corrupted("data", block);
  }

 private:
  // verity_hash_for_block(): down from the top of the tree.
  int HashOf(uint64_t block) {
    for (unsigned level = v_.levels; level-- > 0;) {
      const unsigned shift = (level + 1) * v_.hash_per_block_bits;
      const uint64_t at =
          v_.level_start[level] + (shift >= 64 ? 0 : block >> shift);
      Correct(at - v_.hash_start + v_.data_blocks);
      if (const int err = Corrupted("metadata", at); err != 0) return err;
    }
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
      if (HashOf(other) == 0 && use_erasures && erasures < v_.fec_roots) {
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

  void Log(absl::string_view prefix, KernLevel level, const std::string& text) {
    DmLog(MachineOf(ti_), level, prefix,
          absl::StrCat(v_.data_dev->name, ": ", text));
  }

  const DmTarget& ti_;
  Verity& v_;
  bool correcting_ = false;
};

}  // namespace

int VerityEndIo(const DmTarget& ti, sector_t sector, ReqOp op) {
  Verity& v = ti.Private<Verity>();
  const uint64_t per_block = v.data_block >> kSectorShift;
  if (op != ReqOp::kRead || ti.Offset(sector) % per_block != 0) return 0;
  if (v.hash_needs_key) {
    LogVerityHashError(ti);
    return EIO;
  }
  return Check(ti, v).Data(ti.Offset(sector) / per_block);
}

}  // namespace dmdax
