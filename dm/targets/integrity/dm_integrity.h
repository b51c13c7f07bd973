// SPDX-License-Identifier: Apache-2.0
//
// What the files of the integrity target share: one row, and the superblock
// that says how its device is divided.
// Mirrors: struct dm_integrity_c of drivers/md/dm-integrity.c (4.14 to 7.2).
// Threading: the constructor's words do not change; what I/O changes is guarded
// by `mu`.
#ifndef DMDAX_DM_TARGETS_INTEGRITY_DM_INTEGRITY_H_
#define DMDAX_DM_TARGETS_INTEGRITY_DM_INTEGRITY_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "dm/device_mapper.h"

namespace dmdax {

class HashFunction;

inline constexpr uint32_t kSbSectors = 8;  // SB_SECTORS

// "<algorithm>[:<key>]".
struct AlgSpec {
  bool given = false;
  std::string name;
  std::optional<std::string> key;  // hexadecimal digits

  uint64_t key_bytes() const { return key.has_value() ? key->size() / 2 : 0; }
};

// The fields of the superblock that decide something.
struct IntegritySuperblock {
  uint32_t tag_size = 0;
  uint32_t journal_sections = 0;
  uint32_t log2_interleave_sectors = 0;
  uint32_t log2_sectors_per_block = 0;
  bool have_journal_mac = false;
  bool recalculating = false;
  bool fixed_padding = false;
  bool fixed_hmac = false;
  // SALT_SIZE bytes.  Random in a kernel; one that is made here is zeros.
  std::array<char, 16> salt = {};
};

struct Integrity : DmTargetPrivate {
  const DmDev* dev = nullptr;
  const DmDev* meta_dev = nullptr;  // null: dev has the tags too
  uint64_t start = 0;               // sectors
  uint32_t tag_size = 0;            // bytes
  char mode = 'J';

  // --- options ---
  uint32_t journal_sectors = 0;
  uint32_t interleave_sectors = 32768;
  uint32_t buffer_sectors = 128;
  uint32_t journal_watermark = 50;
  uint32_t commit_time = 10000;  // ms
  uint32_t sectors_per_block = 1;
  int log2_sectors_per_bit = -1;
  uint32_t bitmap_flush_interval = 10000;  // ms
  bool recalculate = false;
  bool reset_recalculate = false;
  bool discard = false;
  bool discard_keyed = false;
  bool fix_padding = false;
  bool fix_hmac = false;
  bool legacy_recalculate = false;
  AlgSpec internal_hash, journal_crypt, journal_mac;

  // --- what follows from the device ---
  IntegritySuperblock sb;
  uint64_t data_device_sectors = 0;
  uint64_t meta_device_sectors = 0;
  uint64_t provided_data_sectors = 0;
  uint64_t initial_sectors = 0;  // the superblock and the journal
  uint64_t metadata_run = 0;     // sectors of tags before an area of data
  uint32_t log2_buffer_sectors = 0;
  uint32_t journal_section_entries = 0;
  uint32_t journal_section_sectors = 0;
  uint64_t journal_entries = 0;
  uint64_t free_sectors_threshold = 0;  // entries
  uint32_t log2_blocks_per_bit = 0;
  // The superblock was made for mode R, which does not write it.
  bool sb_not_written = false;
  // Resuming has then read what is there instead: no superblock.
  bool sb_read_again = false;
  // Where recalculating has stopped at an error.
  std::optional<uint64_t> recalculated;

  // --- what I/O has done ---
  mutable absl::Mutex mu;  // and the tags on the device
  uint64_t mismatches ABSL_GUARDED_BY(mu) = 0;
  bool failed = false;  // resuming has found an error
};

// The words behind the mode.
absl::Status ParseIntegrityOptions(DmTarget& ti,
                                   absl::Span<const std::string> argv,
                                   Integrity* ic);

// Reads the superblock, or makes one for a blank device; *is_new says which.
absl::Status ReadIntegritySuperblock(const DmTarget& ti, Integrity* ic,
                                     bool* is_new);
absl::Status WriteIntegritySuperblock(const Integrity& ic);

// The device that has the superblock and the tags.
BlockDevice& IntegrityMetaDevice(const Integrity& ic);

// ->resume: whether the superblock is still the one that was made.
void IntegrityResume(DmTarget& ti);

// initialize_superblock(): how a blank device is divided.  false: it is too
// small.
bool FormatIntegrity(Integrity* ic);

// get_provided_data_sectors() and calculate_device_limits().
void ProvideDataSectors(Integrity* ic);
bool LimitIntegrityDevice(Integrity* ic);

// Where sector `offset` of the row lies on the data device.
uint64_t IntegrityDataSector(const Integrity& ic, uint64_t offset);

// integrity_sector_checksum(): the tags of blocks, `tag_size` bytes each.  What
// is not computed here (dm/targets/crypto_engine.h) is crc32c instead, as good
// to see a change, but nothing that a kernel would take.
class IntegrityTagger {
 public:
  // Of a row with an internal hash, which must outlive it.
  explicit IntegrityTagger(const Integrity& ic);
  std::string Tag(uint64_t sector, absl::string_view block) const;

 private:
  const Integrity& ic_;
  const HashFunction* hash_;
  std::optional<std::string> key_;  // bytes, of hmac(...)
};

// dm_integrity_rw_tag(): the tags of blocks from sector `offset` of the row on,
// as they are on the device.  Errors: the device's.
absl::StatusOr<std::string> ReadIntegrityTags(const Integrity& ic,
                                              uint64_t offset,
                                              uint64_t nr_blocks);
absl::Status WriteIntegrityTags(const Integrity& ic, uint64_t offset,
                                absl::string_view tags);

// ->map.
BioMap IntegrityMap(const DmTarget& ti, sector_t sector, ReqOp op);
// ->end_io: writes the tags of what was written, and compares those of what was
// read.
int IntegrityEndIo(const DmTarget& ti, const DmBio& bio);
// What I/O has done, for a snapshot.
std::string IntegritySaveState(const DmTarget& ti);
bool IntegrityRestoreState(DmTarget& ti, absl::string_view state);

// ->status.
void IntegrityStatus(const DmTarget& ti, StatusType type, uint32_t status_flags,
                     std::string* out);
// ->hide_secrets: the keys behind the algorithms.
void IntegrityHideSecrets(std::string& params);

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_INTEGRITY_DM_INTEGRITY_H_
