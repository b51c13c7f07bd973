// SPDX-License-Identifier: Apache-2.0
#include "tools/check/world_rows.h"

#include <algorithm>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "state/find_device.h"
#include "state/packed_table.h"
#include "state/target_spec.h"
#include "tools/dmsetup/split_name.h"

namespace dmdax {

proto::MappedDevice* FindMapped(proto::World& world, const std::string& name) {
  for (proto::MappedDevice& device : *world.mutable_mapped_device()) {
    if (device.name() == name) return &device;
  }
  return nullptr;
}

const proto::MappedDevice* FindMapped(const proto::World& world,
                                      const std::string& name) {
  return FindMapped(const_cast<proto::World&>(world), name);
}

namespace {

google::protobuf::RepeatedPtrField<proto::Target>* UnpackedRows(
    proto::MappedDevice* device) {
  proto::Table* table = device->mutable_table();
  // A table whose columns contradict each other does not load; nobody cures it.
  UnpackTable(table).IgnoreError();
  return table->mutable_target();
}

void GiveForm(proto::Target* row) {
  if (row->has_raw()) *row = TargetFromSpec(SpecFromTarget(*row));
}

}  // namespace

google::protobuf::RepeatedPtrField<proto::Target>* EditRows(
    proto::MappedDevice* device) {
  auto* rows = UnpackedRows(device);
  for (proto::Target& row : *rows) GiveForm(&row);
  return rows;
}

bool HasTypedRows(proto::MappedDevice* device) {
  const auto& rows = *EditRows(device);
  return rows.size() <= kMostTypedRows &&
         std::all_of(rows.begin(), rows.end(), [](const proto::Target& row) {
           return row.has_linear() || row.has_striped();
         });
}

const proto::Target* EditRowAt(proto::MappedDevice* device, uint64_t sector) {
  auto* rows = UnpackedRows(device);
  auto row = std::upper_bound(
      rows->begin(), rows->end(), sector,
      [](uint64_t at, const proto::Target& r) { return at < r.start(); });
  if (row == rows->begin()) return nullptr;
  --row;
  if (sector - row->start() >= row->length()) return nullptr;
  GiveForm(&*row);
  return &*row;
}

void SettleRows(proto::MappedDevice* device) {
  auto* rows = device->mutable_table()->mutable_target();
  uint64_t start = 0;
  int kept = 0;
  for (int i = 0; i < rows->size(); ++i) {
    if (rows->Get(i).length() == 0) continue;
    if (kept != i) rows->SwapElements(kept, i);
    rows->Mutable(kept)->set_start(start);
    start += rows->Get(kept).length();
    ++kept;
  }
  rows->DeleteSubrange(kept, rows->size() - kept);
}

void JoinRows(proto::MappedDevice* device,
              absl::FunctionRef<bool(const proto::Target& before,
                                     const proto::Target& row)>
                  are_one) {
  auto* rows = EditRows(device);
  int last = 0;
  for (int i = 1; i < rows->size(); ++i) {
    proto::Target& before = *rows->Mutable(last);
    if (are_one(before, rows->Get(i))) {
      before.set_length(before.length() + rows->Get(i).length());
    } else if (++last != i) {
      rows->SwapElements(last, i);
    }
  }
  if (!rows->empty()) rows->DeleteSubrange(last + 1, rows->size() - last - 1);
}

std::string TableText(const proto::MappedDevice& device) {
  std::string text;
  for (const proto::Target& row : device.table().target()) {
    const DmTargetSpec spec = SpecFromTarget(row);
    absl::StrAppend(&text, text.empty() ? "" : "\n", row.start(), " ",
                    row.length(), " ", spec.target_type,
                    spec.params.empty() ? "" : " ", spec.params);
  }
  return text;
}

void ForEachLeg(proto::Target& row,
                absl::FunctionRef<void(proto::Linear& leg, int nr_legs)> fn) {
  if (row.has_linear()) fn(*row.mutable_linear(), 1);
  if (!row.has_striped()) return;
  auto* legs = row.mutable_striped()->mutable_stripe();
  for (proto::Linear& leg : *legs) fn(leg, legs->size());
}

std::optional<DevT> DevOfWord(const Session& session, const std::string& word) {
  absl::StatusOr<BlockDevice*> bdev = FindDevice(session, word);
  if (!bdev.ok()) return std::nullopt;
  return (*bdev)->dev();
}

std::optional<LvmName> LvmNameOf(const proto::MappedDevice& device) {
  const bool has_uuid = !device.uuid().empty();
  if (has_uuid ? !absl::StartsWith(device.uuid(), "LVM-")
               : device.maker() == proto::MappedDevice::UUID_SAYS) {
    return std::nullopt;
  }
  SplitName split("LVM", device.name());
  if (split.vg_name.empty() || split.lv_name.empty()) return std::nullopt;
  return LvmName{
      split.vg_name, split.lv_name,
      !has_uuid && device.maker() == proto::MappedDevice::PERHAPS_LVM};
}

}  // namespace dmdax
