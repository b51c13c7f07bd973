// SPDX-License-Identifier: Apache-2.0
#include "state/dm_snapshot.h"

#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "state/hardware.h"

namespace dmdax {

// Each limit has the same name here and there.
// clang-format off
#define DMDAX_FOR_EACH_LIMIT(X)                                    \
  X(max_sectors) X(max_hw_sectors) X(max_dev_sectors)              \
  X(max_user_sectors) X(chunk_sectors) X(logical_block_size)       \
  X(physical_block_size) X(io_min) X(io_opt) X(alignment_offset)   \
  X(max_segments) X(max_discard_sectors) X(max_hw_discard_sectors) \
  X(max_write_zeroes_sectors) X(max_secure_erase_sectors)          \
  X(discard_granularity) X(discard_alignment) X(dma_alignment)     \
  X(integrity_metadata_size) X(integrity_interval_exp)             \
  X(misaligned) X(discard_misaligned)
// clang-format on

proto::Limits LimitsToProto(const QueueLimits& limits) {
  proto::Limits out;
#define DMDAX_SET(name) out.set_##name(limits.name);
  DMDAX_FOR_EACH_LIMIT(DMDAX_SET)
#undef DMDAX_SET
  return out;
}

QueueLimits LimitsFromProto(const proto::Limits& in) {
  QueueLimits limits;
#define DMDAX_GET(name) limits.name = in.name();
  DMDAX_FOR_EACH_LIMIT(DMDAX_GET)
#undef DMDAX_GET
  return limits;
}

namespace {

// --- save ---

void SaveTable(const DmTable& table, proto::Table* out) {
  out->set_readonly(!(table.mode() & FMODE_WRITE));
  out->mutable_runtime()->set_type(table.type());
  for (const DmTable::TableDev& dd : table.devices()) {
    proto::TableDevice* device = out->mutable_runtime()->add_device();
    device->set_dev(dd.dm_dev->name);
    device->set_mode(dd.dm_dev->mode);
  }
  for (const DmTarget& ti : table.targets()) {
    proto::Target* target = out->add_target();
    target->set_start(ti.begin.value());
    target->set_length(ti.len.value());
    target->mutable_raw()->set_type(std::string(ti.type->name));
    // The kernel's own words recreate the row; a target that has none for
    // itself keeps those it was made from.
    if (ti.type->status != nullptr) {
      ti.type->status(ti, STATUSTYPE_TABLE, 0,
                      target->mutable_raw()->mutable_params());
    } else {
      target->mutable_raw()->set_params(ti.ctr_params);
    }
    if (ti.type->save_state == nullptr) continue;
    std::string state = ti.type->save_state(ti);
    // Most rows have nothing to say.
    if (state.empty()) continue;
    const auto row = static_cast<uint32_t>(&ti - table.targets().data());
    (*out->mutable_runtime()->mutable_target_state())[row] = std::move(state);
  }
}

void SaveRuntime(const MappedDeviceState& md, proto::MappedDeviceRuntime* run) {
  run->set_type(md.type);
  run->set_no_queue(md.type != DM_TYPE_NONE && !md.has_queue);
  run->set_event_nr(md.event_nr);
  run->set_disk_added(md.disk_added);
  run->set_read_only(md.read_only);
  run->set_deferred_remove(md.deferred_remove);
  run->set_dax_synchronous(md.dax_synchronous);
  run->set_dax_write_cache(md.dax_write_cache);
  run->set_queue_flags(md.queue_flags);
  if (md.ra_pages) run->set_ra_pages(*md.ra_pages);
  if (md.limits) *run->mutable_limits() = LimitsToProto(*md.limits);
  for (const auto& [id, r] : md.stats) {
    proto::StatsRegion* region = run->add_stats_region();
    region->set_id(id);
    region->set_start(r.start);
    region->set_end(r.end);
    region->set_step(r.step);
    region->set_precise_timestamps(r.precise_timestamps);
    region->mutable_histogram()->Add(r.histogram.begin(), r.histogram.end());
    region->set_program_id(r.program_id);
    region->set_aux_data(r.aux_data);
  }
  for (const TableDeviceState& td : md.table_devices) {
    proto::TableDevice* device = run->add_table_device();
    device->set_dev(td.dev.ToString());
    device->set_mode(td.mode);
    device->set_dax(td.dax);
  }
}

void SaveDevice(const HashCell& cell, proto::MappedDevice* out) {
  const MappedDevice& md = *cell.md;
  const MappedDeviceState state = md.Save();
  out->set_name(cell.name);
  out->set_uuid(cell.uuid);
  out->set_minor(md.dev().minor_nr);
  out->set_suspended(state.suspended);
  if (md.live_table() != nullptr) {
    SaveTable(*md.live_table(), out->mutable_table());
  }
  if (cell.new_map != nullptr) {
    SaveTable(*cell.new_map, out->mutable_inactive_table());
  }
  if (const UnmodelledDevice* device = md.disk().unmodelled()) {
    SaveUnmodelled(*device, out->mutable_unmodelled());
  }
  if (const HdGeometry& g = state.geometry; !(g == HdGeometry{})) {
    proto::Geometry* geometry = out->mutable_geometry();
    geometry->set_cylinders(g.cylinders);
    geometry->set_heads(g.heads);
    geometry->set_sectors(g.sectors);
    geometry->set_start(g.start);
  }
  SaveRuntime(state, out->mutable_runtime());
  out->mutable_runtime()->set_inserted(cell.inserted);
}

// --- restore ---

absl::Status Corrupt(absl::string_view who, absl::string_view why) {
  return absl::DataLossError(absl::StrCat(who, ": ", why));
}

template <typename Devices>
absl::Status DevicesFromProto(absl::string_view who, const Devices& in,
                              std::vector<TableDeviceState>* out) {
  for (const proto::TableDevice& device : in) {
    const std::optional<DevT> dev = ScanMajorMinor(device.dev());
    if (!dev || !dev->Fits()) {
      return Corrupt(who,
                     absl::StrCat("bad device number '", device.dev(), "'"));
    }
    out->push_back({*dev, device.mode(), device.dax()});
  }
  return absl::OkStatus();
}

// Rows are read from `in` while the table is being made.
absl::StatusOr<DmTableState> TableFromProto(absl::string_view who,
                                            const proto::Table& in) {
  if (in.has_packed()) return Corrupt(who, "a packed table");
  DmTableState table;
  table.mode = in.readonly() ? FMODE_READ : FMODE_READ | FMODE_WRITE;
  table.type = static_cast<DmQueueMode>(in.runtime().type());
  absl::Status s = DevicesFromProto(who, in.runtime().device(), &table.devices);
  if (!s.ok()) return s;
  table.num_rows = static_cast<size_t>(in.target_size());
  for (const auto& [row, state] : in.runtime().target_state()) {
    if (row >= table.num_rows) {
      return Corrupt(who, absl::StrCat("state for row ", row));
    }
  }
  table.row = [&in](size_t i) {
    const proto::Target& target = in.target(static_cast<int>(i));
    const auto& states = in.runtime().target_state();
    const auto state = states.find(static_cast<uint32_t>(i));
    return DmRowState{
        .type = target.raw().type(),
        .start = sector_t(target.start()),
        .len = sector_t(target.length()),
        .params = target.raw().params(),
        .target_state = state == states.end() ? nullptr : &state->second};
  };
  return table;
}

absl::Status RuntimeFromProto(const proto::MappedDevice& in,
                              MappedDeviceState* md) {
  const proto::MappedDeviceRuntime& run = in.runtime();
  md->type = static_cast<DmQueueMode>(run.type());
  md->has_queue = md->type != DM_TYPE_NONE && !run.no_queue();
  md->event_nr = run.event_nr();
  md->disk_added = run.disk_added();
  md->suspended = in.suspended();
  md->deferred_remove = run.deferred_remove();
  md->read_only = run.read_only();
  md->geometry = {in.geometry().cylinders(), in.geometry().heads(),
                  in.geometry().sectors(), in.geometry().start()};
  if (run.has_limits()) md->limits = LimitsFromProto(run.limits());
  if (run.has_ra_pages()) md->ra_pages = run.ra_pages();
  md->queue_flags = run.queue_flags();
  md->dax_synchronous = run.dax_synchronous();
  md->dax_write_cache = run.dax_write_cache();
  for (const proto::StatsRegion& r : run.stats_region()) {
    md->stats.push_back({r.id(),
                         {r.start(),
                          r.end(),
                          r.step(),
                          r.precise_timestamps(),
                          {r.histogram().begin(), r.histogram().end()},
                          r.program_id(),
                          r.aux_data()}});
  }
  return DevicesFromProto(in.name(), run.table_device(), &md->table_devices);
}

absl::StatusOr<DmDeviceState> DeviceFromProto(uint32_t major,
                                              const proto::MappedDevice& in) {
  DmDeviceState state{.name = in.name(),
                      .uuid = in.uuid(),
                      .minor = in.minor(),
                      .inserted = in.runtime().inserted(),
                      .md = {},
                      .table = std::nullopt,
                      .inactive_table = std::nullopt};
  if (absl::Status s = RuntimeFromProto(in, &state.md); !s.ok()) return s;
  const std::string number = DevT{major, in.minor()}.ToString();
  const auto table = [&](const proto::Table& message,
                         std::optional<DmTableState>* out) {
    absl::StatusOr<DmTableState> made = TableFromProto(number, message);
    if (made.ok()) *out = *std::move(made);
    return made.status();
  };
  if (in.has_table()) {
    absl::Status s = table(in.table(), &state.table);
    if (!s.ok()) return s;
  }
  if (in.has_inactive_table()) {
    absl::Status s = table(in.inactive_table(), &state.inactive_table);
    if (!s.ok()) return s;
  }
  return state;
}

}  // namespace

void DmSnapshotter::Save(proto::World* world) const {
  ctl_.ForEachDevice([&](const HashCell& cell) {
    SaveDevice(cell, world->add_mapped_device());
  });
}

void DmSnapshotter::Save(uint32_t minor, proto::World* world) const {
  ctl_.ForDevice(minor, [&](const HashCell& cell) {
    SaveDevice(cell, world->add_mapped_device());
  });
}

absl::Status DmSnapshotter::Restore(const proto::World& world) {
  std::vector<DmDeviceState> devices;
  for (const proto::MappedDevice& in : world.mapped_device()) {
    absl::StatusOr<DmDeviceState> state = DeviceFromProto(ctl_.major(), in);
    if (!state.ok()) return state.status();
    devices.push_back(*std::move(state));
  }
  const absl::StatusOr<std::vector<std::string>> lost = ctl_.Restore(devices);
  if (!lost.ok()) return absl::DataLossError(lost.status().message());
  for (const std::string& line : *lost) std::cerr << "dmdax: " << line << "\n";
  for (const proto::MappedDevice& in : world.mapped_device()) {
    if (!in.has_unmodelled()) continue;
    SetUnmodelled(in.unmodelled(), ctl_.FindMinor(in.minor())->disk());
  }
  return absl::OkStatus();
}

}  // namespace dmdax
