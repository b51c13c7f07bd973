// SPDX-License-Identifier: Apache-2.0
#include "dm/dm_table.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "dm/dm_split_args.h"
#include "dm/mapped_device.h"

namespace dmdax {
DmTable::~DmTable() {
  // Targets go first: their destructors may use their devices.
  targets_.clear();
  columns_.reset();
  for (TableDev& dd : devices_) {
    if (std::find(leaked_.begin(), leaked_.end(), dd.dm_dev) != leaked_.end()) {
      Log(KernLevel::kWarn,
          absl::StrCat("dm_table_destroy: dm_put_device call missing for ",
                       dd.dm_dev->name));
    }
    md_.PutTableDevice(dd.dm_dev);
  }
}

void DmTable::Log(KernLevel level, absl::string_view text) const {
  DmLog(md_.machine(), level, "table", absl::StrCat(md_.name(), ": ", text));
}

absl::Status DmTable::Refuse(absl::string_view text) const {
  Log(KernLevel::kErr, text);
  return ErrnoError(EINVAL, text);
}

absl::Status DmTable::CheckType(const TargetType& type) const {
  if ((type.features & DM_TARGET_SINGLETON) && !targets_.empty()) {
    return DmError("singleton target type must appear alone in table");
  }
  if ((type.features & DM_TARGET_ALWAYS_WRITEABLE) && !(mode_ & FMODE_WRITE)) {
    return DmError("target type may not be included in a read-only table");
  }
  const bool mixes_immutable =
      immutable_target_type_ != nullptr
          ? immutable_target_type_ != &type
          : (type.features & DM_TARGET_IMMUTABLE) && !targets_.empty();
  if (mixes_immutable) {
    return DmError(
        "immutable target type cannot be mixed with other target types");
  }
  return absl::OkStatus();
}

absl::Status DmTable::ConstructTarget(DmTarget& ti, absl::string_view params) {
  if (absl::Status s = CheckType(*ti.type); !s.ok()) return s;
  if (ti.type->features & DM_TARGET_SINGLETON) singleton_ = true;
  if (ti.type->features & DM_TARGET_IMMUTABLE) {
    immutable_target_type_ = ti.type;
  }
  if (ti.begin.value() != size()) return DmError("Gap in table");
  absl::StatusOr<std::vector<std::string>> argv = DmSplitArgs(params);
  if (!argv.ok()) {
    // Since 5.18 the errno is appended to every text; older kernels say it in
    // words.
    const bool named = !ProfileOf(ti).ErrnoSuffix(ENOMEM).empty();
    return ErrnoError(ENOMEM,
                      absl::StrCat("couldn't split parameters",
                                   named ? "" : " (insufficient memory)"));
  }
  return ti.type->ctr(ti, *argv);
}

absl::Status DmTable::AddTarget(absl::string_view type, sector_t start,
                                sector_t len, absl::string_view params) {
  const KernelProfile& profile = md_.machine().profile();
  if (columns_ != nullptr) SpreadColumns();
  // The checks come in the order of dm_table_add_target(): the first that fails
  // gives the text.
  if (singleton_) {
    return Refuse(absl::StrCat("target type ", targets_[0].type->name,
                               " must appear alone in table"));
  }
  if (len.value() == 0) return Refuse("zero-length target");
  const std::optional<uint64_t> end = CheckedAdd(start.value(), len.value());
  if (profile.dm_checks_too_large_device && (!end || *end > kMaxEnd)) {
    return Refuse("too large device");
  }
  DmTarget ti;
  ti.table = this;
  ti.type = FindTargetType(type, profile);
  if (ti.type == nullptr) {
    return Refuse(absl::StrCat(type, ": unknown target type"));
  }
  ti.begin = start;
  ti.len = len;
  if (ti.type->knows_others && !restoring_) md_.machine().NeedAll();
  absl::Status s = ConstructTarget(ti, params);
  if (IsNotModelled(s)) return s;
  if (!s.ok()) {
    Log(KernLevel::kErr,
        absl::StrCat(type, ": ", s.message(), profile.ErrnoSuffix(ErrnoOf(s))));
    return s;
  }
  if (ti.num_discard_bios == 0 && ti.discards_supported) {
    Log(KernLevel::kWarn, absl::StrCat(type,
                                       ": ignoring discards_supported because "
                                       "num_discard_bios is zero."));
  }
  // The words are kept for snapshots.  The limit is for a target that ignores
  // its words and gets millions of them.
  constexpr size_t kMostParams = 4096;
  if (ti.type->status == nullptr && ti.ctr_params.empty() &&
      params.size() <= kMostParams) {
    ti.ctr_params = std::string(params);
  }
  highs_.push_back(start.value() + len.value() - 1);
  size_ = start.value() + len.value();
  targets_.push_back(std::move(ti));
  return absl::OkStatus();
}

absl::Status DmTable::Complete() {
  absl::Status s = DetermineType();
  if (!s.ok()) {
    DmLog(md_.machine(), KernLevel::kErr, "table",
          "unable to determine table type");
    return s;
  }
  integrity_conflict_ = !RegisterIntegrity();
  if (integrity_conflict_) {
    DmLog(md_.machine(), KernLevel::kErr, "table",
          "could not register integrity profile.");
  }
  return absl::OkStatus();
}

const DmTarget* DmTable::FindTarget(sector_t sector) const {
  if (columns_ != nullptr) return columns_->Find(sector.value());
  // Rows adjoin, so the first row that ends at or after the sector holds it.
  // The kernel's B-tree of `highs` gives the same row.
  if (highs_.empty() || sector.value() > highs_.back()) return nullptr;
  return &targets_[FindHigh(highs_.data(), highs_.size(), sector.value())];
}

absl::StatusOr<const DmDev*> DmTable::GetDevice(DevT dev, unsigned mode) {
  if (auto known = device_by_number_.find(dev);
      known != device_by_number_.end()) {
    TableDev& dd = *known->second;
    if ((dd.dm_dev->mode | mode) != dd.dm_dev->mode) {
      // upgrade_mode(): the new open comes first, so a failure leaves the old
      // one.
      absl::StatusOr<DmDev*> upgraded =
          md_.GetTableDevice(dev, dd.dm_dev->mode | mode);
      if (!upgraded.ok()) return upgraded.status();
      md_.PutTableDevice(dd.dm_dev);
      dd.dm_dev = *upgraded;
    }
    ++dd.count;
    return dd.dm_dev;
  }
  absl::StatusOr<DmDev*> dm_dev = md_.GetTableDevice(dev, mode);
  if (!dm_dev.ok()) return dm_dev.status();
  devices_.push_front(TableDev{*dm_dev, 1});
  device_by_number_[dev] = devices_.begin();
  return *dm_dev;
}

void DmTable::PutDevice(const DmDev* dev) {
  auto known = device_by_number_.find(dev->bdev->dev());
  if (known == device_by_number_.end()) return;
  const std::list<TableDev>::iterator dd = known->second;
  if (dd->dm_dev != dev || --dd->count > 0) return;
  md_.PutTableDevice(dd->dm_dev);
  device_by_number_.erase(known);
  devices_.erase(dd);
}

void DmTable::Event() const {
  if (md_.live_table() == this) md_.LiveTableEvent();
}

absl::Status DmTable::ResumeTargets() {
  // A table that came as columns has linear rows alone, which have neither
  // hook.
  for (DmTarget& ti : targets_) {
    if (ti.type->preresume == nullptr) continue;
    const int err = ti.type->preresume(ti);
    if (err == 0) continue;
    const std::string text =
        absl::StrCat(ti.type->name, ": preresume failed, error = ", -err);
    Log(KernLevel::kErr, text);
    return ErrnoError(err, text);
  }
  for (DmTarget& ti : targets_) {
    if (ti.type->resume != nullptr) ti.type->resume(ti);
  }
  return absl::OkStatus();
}

void DmTable::PostsuspendTargets() {
  for (DmTarget& ti : targets_) {
    if (ti.type->postsuspend != nullptr) ti.type->postsuspend(ti);
  }
}

void DmTable::DestroyTargets() {
  for (DmTarget& ti : targets_) {
    if (ti.type->dtor != nullptr) ti.type->dtor(ti);
  }
}

bool DmTable::HasBackground() const {
  return std::any_of(targets_.begin(), targets_.end(), [](const DmTarget& ti) {
    return ti.type->elapse != nullptr;
  });
}

void DmTable::Elapse(int64_t now) {
  for (DmTarget& ti : targets_) {
    if (ti.type->elapse != nullptr) ti.type->elapse(ti, now);
  }
}

bool DmTable::HasNoDataDevices() const {
  for (const DmTarget& ti : targets_) {
    if (ti.type->iterate_devices == nullptr) return false;
    if (ti.type->iterate_devices(
            ti, [](const DmDev&, sector_t, sector_t) { return 1; })) {
      return false;
    }
  }
  return true;
}

bool DmTable::HasWildcardTarget() const {
  return std::any_of(targets_.begin(), targets_.end(), [](const DmTarget& ti) {
    return (ti.type->features & DM_TARGET_WILDCARD) != 0;
  });
}

}  // namespace dmdax
