// SPDX-License-Identifier: Apache-2.0
//
// A mapped device and a table as values, and back.
#include "dm/mapped_device_state.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/errno_status.h"
#include "block/read_ahead.h"
#include "dm/device_mapper.h"

namespace dmdax {

MappedDeviceState MappedDevice::Save() const {
  const RequestQueue& queue = disk_.queue();
  MappedDeviceState state{
      .type = type_,
      .has_queue = has_queue_,
      .event_nr = event_nr(),
      .disk_added = disk_added_,
      .suspended = suspended(),
      .deferred_remove = deferred_remove(),
      .read_only = disk_.read_only(),
      .geometry = geometry_,
      .limits = queue.limits(),
      .ra_pages = queue.ra_pages(),
      .queue_flags = queue.flags(),
      .dax_synchronous = dax_dev_.synchronous(),
      .dax_write_cache = dax_dev_.write_cache(),
      .stats = {stats_.regions().begin(), stats_.regions().end()},
      .table_devices = {}};
  for (const TableDevice& td : table_devices_) {
    state.table_devices.push_back(
        {td.dm_dev.bdev->dev(), td.dm_dev.mode, td.dm_dev.dax_dev != nullptr});
  }
  return state;
}

absl::Status MappedDevice::Restore(const MappedDeviceState& state) {
  type_ = state.type;
  has_queue_ = state.has_queue;
  event_nr_ = state.event_nr;
  suspended_ = state.suspended;
  deferred_remove_ = state.deferred_remove;
  geometry_ = state.geometry;
  disk_.SetReadOnly(state.read_only);
  if (state.dax_synchronous) dax_dev_.SetSynchronous();
  dax_dev_.SetWriteCache(state.dax_write_cache);
  RequestQueue& queue = disk_.queue();
  if (state.limits) queue.SetLimits(*state.limits);
  if (state.ra_pages) {
    queue.set_ra_pages(*state.ra_pages);
  } else {
    UpdateReadAhead(machine_.profile(), queue);
  }
  queue.SetFlags(state.queue_flags);
  for (const auto& [id, region] : state.stats) {
    if (!stats_.Restore(id, region)) {
      return ErrnoError(EINVAL, "bad statistics region");
    }
  }
  if (state.disk_added) AddDisk();
  return absl::OkStatus();
}

absl::StatusOr<std::vector<DmDev*>> MappedDevice::RestoreTableDevices(
    const MappedDeviceState& state) {
  std::vector<DmDev*> held;
  const std::vector<TableDeviceState>& devices = state.table_devices;
  // Each open puts its device first, so opening from the end gives the same
  // list.
  for (auto it = devices.rbegin(); it != devices.rend(); ++it) {
    absl::StatusOr<DmDev*> opened = GetTableDevice(it->dev, it->mode);
    if (!opened.ok()) {
      return ErrnoError(ErrnoOf(opened.status()),
                        absl::StrCat("device ", it->dev.ToString(), ": ",
                                     opened.status().message()));
    }
    (*opened)->dax_dev = it->dax ? (*opened)->bdev->host_dax_dev() : nullptr;
    held.push_back(*opened);
  }
  return held;
}

void MappedDevice::RestoreLiveTable(std::unique_ptr<DmTable> table) {
  immutable_target_type_ = table->immutable_target_type();
  disk_.SetCapacity(table->size());
  map_.store(table.release());
}

namespace {

// A number as the status of a linear row has it, without another way to read
// it.
bool TakeNumber(absl::string_view* text, uint64_t* number) {
  const size_t digits =
      std::min(text->find_first_not_of("0123456789"), text->size());
  if (digits == 0 || (digits > 1 && text->front() == '0')) return false;
  if (!absl::SimpleAtoi(text->substr(0, digits), number)) return false;
  text->remove_prefix(digits);
  return true;
}

// "259:0 2048".
bool IsPlainLinear(absl::string_view params, absl::string_view* device,
                   uint64_t* start) {
  const size_t blank = params.find(' ');
  if (blank == absl::string_view::npos) return false;
  *device = params.substr(0, blank);
  params.remove_prefix(blank + 1);
  uint64_t number;
  absl::string_view dev = *device;
  return TakeNumber(&dev, &number) && absl::ConsumePrefix(&dev, ":") &&
         TakeNumber(&dev, &number) && dev.empty() &&
         TakeNumber(&params, start) && params.empty();
}

// The rows as columns, if they are such as a table of linear rows writes; else
// null.  A million of them would be looked up a million times.
std::shared_ptr<const LinearRows> LinearRowsOf(const DmTableState& state) {
  auto rows = std::make_shared<LinearRows>();
  absl::flat_hash_map<absl::string_view, uint32_t> ids;
  uint64_t end = 0;
  for (size_t i = 0; i < state.num_rows; ++i) {
    const DmRowState row = state.row(i);
    absl::string_view device;
    uint64_t start = 0;
    if (row.type != "linear" || row.target_state != nullptr ||
        row.start.value() != end ||
        !IsPlainLinear(row.params, &device, &start)) {
      return nullptr;
    }
    const auto [it, added] =
        ids.try_emplace(device, static_cast<uint32_t>(rows->devices.size()));
    if (added) rows->devices.push_back(std::string(device));
    rows->Add(row.len.value(), it->second, start);
    end += row.len.value();
  }
  return rows->size() == 0 ? nullptr : rows;
}

// A row whose constructor reads a disk, of which somebody has written over what
// it reads: a kernel has it in memory.  One such row must not take away all
// others, so it fails from now on.  A type that is not known is another matter:
// a version that knows it will make the row.
absl::Status AddLost(DmTable& table, const DmRowState& row,
                     const absl::Status& why, std::vector<std::string>* lost) {
  const MappedDevice& md = table.md();
  if (FindTargetType(row.type, md.machine().profile()) == nullptr) return why;
  lost->push_back(absl::StrCat(
      md.name(), ": the state's row of ", row.type, " from sector ",
      row.start.value(),
      " on cannot be made again, and fails from now on: ", why.message()));
  return table.AddTarget("error", row.start, row.len, "");
}

}  // namespace

absl::StatusOr<std::unique_ptr<DmTable>> DmTable::Restore(
    MappedDevice& md, const DmTableState& state,
    std::vector<std::string>* lost) {
  auto table = std::make_unique<DmTable>(md, state.mode);
  table->restoring_ = true;
  // The devices come first and in the saved order; the constructors of the rows
  // then only count them up.
  for (auto it = state.devices.rbegin(); it != state.devices.rend(); ++it) {
    absl::Status s = table->GetDevice(it->dev, it->mode).status();
    if (!s.ok()) return s;
  }
  const std::shared_ptr<const LinearRows> linear = LinearRowsOf(state);
  if (linear != nullptr) {
    absl::Status s = table->AddLinearRows(linear, nullptr);
    if (!s.ok()) return s;
  }
  std::vector<std::pair<size_t, const std::string*>> target_states;
  for (size_t i = 0; linear == nullptr && i < state.num_rows; ++i) {
    const DmRowState row = state.row(i);
    absl::Status s = table->AddTarget(row.type, row.start, row.len, row.params);
    if (s.ok() && row.target_state != nullptr) {
      target_states.push_back({i, row.target_state});
    }
    if (!s.ok()) s = AddLost(*table, row, s, lost);
    if (!s.ok()) return s;
  }
  for (const auto& [row, target_state] : target_states) {
    DmTarget& ti = table->targets_[row];
    if (ti.type->restore_state == nullptr ||
        !ti.type->restore_state(ti, *target_state)) {
      return ErrnoError(EINVAL, absl::StrCat("bad state of row ", row));
    }
  }
  table->type_ = state.type;
  table->integrity_supported_ =
      table->EveryTargetHasAny(DM_TARGET_PASSES_INTEGRITY) &&
      !table->AnyDevice([](const DmDev& dev) {
        return dev.bdev->queue().limits().integrity_metadata_size == 0;
      });
  table->restoring_ = false;
  return table;
}

}  // namespace dmdax
