// SPDX-License-Identifier: Apache-2.0
#include "dm/dm_hash.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"

namespace dmdax {
namespace {

// hash_str() of kernels until 5.13: the bucket decides the listing order.
uint32_t NameBucket(absl::string_view name) {
  constexpr uint32_t kBuckets = 64;
  constexpr uint32_t kMultiplier = 2654435387u;
  uint32_t h = 0;
  for (char c : name) {
    // Plain char is signed on x86.
    h = (h + static_cast<uint32_t>(static_cast<signed char>(c))) * kMultiplier;
  }
  return h % kBuckets;
}

}  // namespace

DmHash::~DmHash() {
  std::vector<MappedDevice*> devices;
  devices.reserve(by_name_.size());
  for (auto& [name, cell] : by_name_) devices.push_back(cell->md.get());
  MappedDevice::LeaveStacks(devices);
  // Tables go first, devices later: the table of one device holds others open,
  // even in a circle.
  for (auto& [name, cell] : by_name_) cell->new_map.reset();
  MappedDevice::DestroyAll(devices);
}

absl::StatusOr<HashCell*> DmHash::Insert(absl::string_view name,
                                         absl::string_view uuid,
                                         std::shared_ptr<MappedDevice> md) {
  if (FindName(name) != nullptr) {
    return ErrnoError(EBUSY, absl::StrCat("name '", name, "' is taken"));
  }
  if (!uuid.empty() && FindUuid(uuid) != nullptr) {
    return ErrnoError(EBUSY, absl::StrCat("uuid '", uuid, "' is taken"));
  }
  auto cell = std::make_unique<HashCell>();
  HashCell* raw = cell.get();
  raw->name = std::string(name);
  raw->uuid = std::string(uuid);
  raw->inserted = ++inserts_;
  md->SetDmName(raw->name);
  by_minor_[md->dev().minor_nr] = raw;
  raw->md = std::move(md);
  if (!uuid.empty()) by_uuid_[raw->uuid] = raw;
  by_name_[raw->name] = std::move(cell);
  return raw;
}

std::unique_ptr<HashCell> DmHash::Remove(HashCell* cell) {
  auto it = by_name_.find(cell->name);
  std::unique_ptr<HashCell> removed = std::move(it->second);
  by_name_.erase(it);
  by_minor_.erase(removed->md->dev().minor_nr);
  next_minor_ = std::min(next_minor_, removed->md->dev().minor_nr);
  if (!removed->uuid.empty()) by_uuid_.erase(removed->uuid);
  return removed;
}

HashCell* DmHash::FindName(absl::string_view name) const {
  auto it = by_name_.find(name);
  if (it != by_name_.end()) return it->second.get();
  if (absent() != nullptr) absent()->Need(AbsentObjects::By::kDmName, name);
  return nullptr;
}

HashCell* DmHash::FindUuid(absl::string_view uuid) const {
  auto it = by_uuid_.find(uuid);
  if (it != by_uuid_.end()) return it->second;
  if (absent() != nullptr) absent()->Need(AbsentObjects::By::kDmUuid, uuid);
  return nullptr;
}

HashCell* DmHash::FindMinor(uint32_t minor) const {
  auto it = by_minor_.find(minor);
  if (it != by_minor_.end()) return it->second;
  if (absent() != nullptr) {
    absent()->Need(AbsentObjects::By::kDmMinor, absl::StrCat(minor));
  }
  return nullptr;
}

void DmHash::ChangeName(HashCell* cell, absl::string_view name) {
  auto it = by_name_.find(cell->name);
  std::unique_ptr<HashCell> renamed = std::move(it->second);
  by_name_.erase(it);
  cell->name = std::string(name);
  cell->inserted = ++inserts_;
  cell->md->SetDmName(cell->name);
  by_name_[cell->name] = std::move(renamed);
}

void DmHash::SetUuid(HashCell* cell, absl::string_view uuid) {
  cell->uuid = std::string(uuid);
  by_uuid_[cell->uuid] = cell;
}

absl::StatusOr<uint32_t> DmHash::NextFreeMinor() {
  const auto used_elsewhere = [&] {
    return absent() != nullptr && next_minor_ < kMaxMinors &&
           absent()->Has(AbsentObjects::By::kDmMinor,
                         absl::StrCat(next_minor_));
  };
  while (by_minor_.contains(next_minor_) || used_elsewhere()) ++next_minor_;
  if (next_minor_ >= kMaxMinors) return ErrnoError(ENXIO, "no free minor");
  return next_minor_;
}

std::vector<HashCell*> DmHash::List() const {
  if (absent() != nullptr) absent()->NeedAll();
  return Loaded();
}

std::vector<HashCell*> DmHash::Loaded() const {
  std::vector<HashCell*> cells;
  cells.reserve(by_name_.size());
  for (const auto& [name, cell] : by_name_) cells.push_back(cell.get());
  if (order_ == DmListOrder::kByName) {
    std::sort(cells.begin(), cells.end(),
              [](HashCell* a, HashCell* b) { return a->name < b->name; });
    return cells;
  }
  std::sort(cells.begin(), cells.end(), [](HashCell* a, HashCell* b) {
    const uint32_t bucket_a = NameBucket(a->name);
    const uint32_t bucket_b = NameBucket(b->name);
    if (bucket_a != bucket_b) return bucket_a < bucket_b;
    return a->inserted > b->inserted;
  });
  return cells;
}

}  // namespace dmdax
