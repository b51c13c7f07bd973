// SPDX-License-Identifier: Apache-2.0
#include "dm/targets/integrity/integrity_profile.h"

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "dm/dm_table.h"
#include "dm/mapped_device.h"
#include "dm/targets/integrity/dm_integrity.h"

namespace dmdax {
namespace {

// The row that has the sector; null: it is none that takes a payload.
const DmTarget* RowOf(const BlockDevice& bdev, sector_t sector) {
  const MappedDevice* md = MappedDevice::Of(bdev);
  const DmTable* table = md == nullptr ? nullptr : md->live_table();
  const DmTarget* ti = table == nullptr ? nullptr : table->FindTarget(sector);
  if (ti == nullptr || ti->type->name != "integrity") return nullptr;
  return ti->Private<Integrity>().internal_hash.given ? nullptr : ti;
}

absl::Status NoProfile(const BlockDevice& bdev) {
  return ErrnoError(EOPNOTSUPP,
                    absl::StrCat(bdev.name(), " takes no integrity payload"));
}

}  // namespace

absl::StatusOr<std::string> ReadIntegrityPayload(const BlockDevice& bdev,
                                                 sector_t sector,
                                                 uint64_t blocks) {
  const DmTarget* ti = RowOf(bdev, sector);
  if (ti == nullptr) return NoProfile(bdev);
  const Integrity& ic = ti->Private<Integrity>();
  absl::MutexLock lock(&ic.mu);
  return ReadIntegrityTags(ic, ti->Offset(sector), blocks);
}

absl::Status WriteIntegrityPayload(const BlockDevice& bdev, sector_t sector,
                                   absl::string_view payload) {
  const DmTarget* ti = RowOf(bdev, sector);
  if (ti == nullptr) return NoProfile(bdev);
  const Integrity& ic = ti->Private<Integrity>();
  absl::MutexLock lock(&ic.mu);
  return WriteIntegrityTags(ic, ti->Offset(sector), payload);
}

}  // namespace dmdax
