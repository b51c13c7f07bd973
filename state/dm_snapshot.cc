// SPDX-License-Identifier: Apache-2.0
#include "state/dm_snapshot.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "block/read_ahead.h"
#include "dm/compile_order.h"

namespace dmdax {
namespace {

absl::Status Corrupt(absl::string_view who, absl::string_view why) {
  return absl::DataLossError(absl::StrCat("snapshot: ", who, ": ", why));
}

absl::StatusOr<DevT> ParseDev(absl::string_view who, absl::string_view text) {
  const std::optional<DevT> dev = ScanMajorMinor(text);
  if (!dev || !dev->Fits()) {
    return Corrupt(who, absl::StrCat("bad device number '", text, "'"));
  }
  return *dev;
}

}  // namespace

proto::Limits LimitsToProto(const QueueLimits& l) {
  proto::Limits out;
  out.set_max_sectors(l.max_sectors);
  out.set_max_hw_sectors(l.max_hw_sectors);
  out.set_max_dev_sectors(l.max_dev_sectors);
  out.set_max_user_sectors(l.max_user_sectors);
  out.set_chunk_sectors(l.chunk_sectors);
  out.set_logical_block_size(l.logical_block_size);
  out.set_physical_block_size(l.physical_block_size);
  out.set_io_min(l.io_min);
  out.set_io_opt(l.io_opt);
  out.set_alignment_offset(l.alignment_offset);
  out.set_max_segments(l.max_segments);
  out.set_max_discard_sectors(l.max_discard_sectors);
  out.set_max_hw_discard_sectors(l.max_hw_discard_sectors);
  out.set_max_write_zeroes_sectors(l.max_write_zeroes_sectors);
  out.set_max_secure_erase_sectors(l.max_secure_erase_sectors);
  out.set_discard_granularity(l.discard_granularity);
  out.set_discard_alignment(l.discard_alignment);
  out.set_dma_alignment(l.dma_alignment);
  out.set_misaligned(l.misaligned);
  out.set_discard_misaligned(l.discard_misaligned);
  return out;
}

QueueLimits LimitsFromProto(const proto::Limits& in) {
  QueueLimits l;
  l.max_sectors = in.max_sectors();
  l.max_hw_sectors = in.max_hw_sectors();
  l.max_dev_sectors = in.max_dev_sectors();
  l.max_user_sectors = in.max_user_sectors();
  l.chunk_sectors = in.chunk_sectors();
  l.logical_block_size = in.logical_block_size();
  l.physical_block_size = in.physical_block_size();
  l.io_min = in.io_min();
  l.io_opt = in.io_opt();
  l.alignment_offset = in.alignment_offset();
  l.max_segments = in.max_segments();
  l.max_discard_sectors = in.max_discard_sectors();
  l.max_hw_discard_sectors = in.max_hw_discard_sectors();
  l.max_write_zeroes_sectors = in.max_write_zeroes_sectors();
  l.max_secure_erase_sectors = in.max_secure_erase_sectors();
  l.discard_granularity = in.discard_granularity();
  l.discard_alignment = in.discard_alignment();
  l.dma_alignment = in.dma_alignment();
  l.misaligned = in.misaligned();
  l.discard_misaligned = in.discard_misaligned();
  return l;
}

namespace {

void SaveStats(const DmStats& stats, proto::MappedDeviceRuntime* run) {
  for (const auto& [id, r] : stats.regions()) {
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
}

bool RestoreStats(const proto::MappedDeviceRuntime& run, DmStats& stats) {
  for (const proto::StatsRegion& in : run.stats_region()) {
    const DmStats::Region region{in.start(),
                                 in.end(),
                                 in.step(),
                                 in.precise_timestamps(),
                                 {in.histogram().begin(), in.histogram().end()},
                                 in.program_id(),
                                 in.aux_data()};
    if (!stats.Restore(in.id(), region)) return false;
  }
  return true;
}

}  // namespace

// --- save ---

void DmSnapshotter::SaveTable(const DmTable& table, proto::Table* out) {
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
      ti.type->status(ti, STATUSTYPE_TABLE,
                      target->mutable_raw()->mutable_params());
    } else {
      target->mutable_raw()->set_params(ti.ctr_params);
    }
    if (ti.type->save_state != nullptr) {
      const auto row = static_cast<uint32_t>(&ti - table.targets().data());
      (*out->mutable_runtime()->mutable_target_state())[row] =
          ti.type->save_state(ti);
    }
  }
}

void DmSnapshotter::SaveDevice(const HashCell& cell, proto::MappedDevice* out) {
  MappedDevice& md = *cell.md;
  out->set_name(cell.name);
  out->set_uuid(cell.uuid);
  out->set_minor(md.dev().minor_nr);
  out->set_suspended(md.suspended());
  if (md.live_table() != nullptr) {
    SaveTable(*md.live_table(), out->mutable_table());
  }
  if (cell.new_map != nullptr) {
    SaveTable(*cell.new_map, out->mutable_inactive_table());
  }
  const HdGeometry& g = md.geometry();
  if (!(g == HdGeometry{})) {
    proto::Geometry* geometry = out->mutable_geometry();
    geometry->set_cylinders(g.cylinders);
    geometry->set_heads(g.heads);
    geometry->set_sectors(g.sectors);
    geometry->set_start(g.start);
  }
  proto::MappedDeviceRuntime* run = out->mutable_runtime();
  run->set_type(md.type_);
  run->set_no_queue(md.type_ != DM_TYPE_NONE && !md.has_queue_);
  run->set_event_nr(md.event_nr());
  run->set_disk_added(md.disk_added_);
  run->set_read_only(md.disk().read_only());
  run->set_deferred_remove(md.deferred_remove());
  run->set_dax_synchronous(md.dax_dev().synchronous());
  run->set_dax_write_cache(md.dax_dev().write_cache());
  run->set_queue_flags(md.disk().queue().flags());
  run->set_ra_pages(md.disk().queue().ra_pages());
  *run->mutable_limits() = LimitsToProto(md.disk().queue().limits());
  run->set_inserted(cell.inserted);
  SaveStats(md.stats(), run);
  for (const MappedDevice::TableDevice& td : md.table_devices_) {
    proto::TableDevice* device = run->add_table_device();
    device->set_dev(td.dm_dev.name);
    device->set_mode(td.dm_dev.mode);
    device->set_dax(td.dm_dev.dax_dev != nullptr);
  }
}

void DmSnapshotter::Save(proto::World* world) const {
  absl::MutexLock lock(&ctl_.mu_);
  std::vector<HashCell*> cells = ctl_.hash_.List();
  // In the order they came, so that a restored list keeps its order.
  std::sort(cells.begin(), cells.end(),
            [](HashCell* a, HashCell* b) { return a->inserted < b->inserted; });
  for (const HashCell* cell : cells) {
    SaveDevice(*cell, world->add_mapped_device());
  }
}

// --- restore: first all devices, then what they hold open, then tables ---

absl::Status DmSnapshotter::CreateDevice(const proto::MappedDevice& in) {
  if (in.name().empty() || in.name().size() > DmCtl::kNameLen ||
      in.uuid().size() > DmCtl::kUuidLen || in.minor() >= DmHash::kMaxMinors ||
      in.runtime().type() > DM_TYPE_DAX_BIO_BASED ||
      ctl_.hash_.FindMinor(in.minor()) != nullptr) {
    return Corrupt(in.name(), "bad name, uuid, minor or type");
  }
  auto md = std::make_shared<MappedDevice>(ctl_.machine_,
                                           DevT{ctl_.major_, in.minor()});
  const proto::MappedDeviceRuntime& run = in.runtime();
  md->type_ = static_cast<DmQueueMode>(run.type());
  md->has_queue_ = md->type_ != DM_TYPE_NONE && !run.no_queue();
  md->event_nr_ = run.event_nr();
  md->suspended_ = in.suspended();
  md->deferred_remove_ = run.deferred_remove();
  ctl_.NoteDeferred(*md);
  md->geometry_ = {in.geometry().cylinders(), in.geometry().heads(),
                   in.geometry().sectors(), in.geometry().start()};
  md->disk().SetReadOnly(run.read_only());
  if (run.dax_synchronous()) md->dax_dev().SetSynchronous();
  md->dax_dev().SetWriteCache(run.dax_write_cache());
  RequestQueue& queue = md->disk().queue();
  if (run.has_limits()) queue.SetLimits(LimitsFromProto(run.limits()));
  if (run.has_ra_pages()) {
    queue.set_ra_pages(run.ra_pages());
  } else {
    UpdateReadAhead(ctl_.machine_.profile(), queue);
  }
  for (unsigned bit = 1; bit <= QUEUE_FLAG_POLL; bit <<= 1) {
    queue.Set(static_cast<QueueFlag>(bit), (run.queue_flags() & bit) != 0);
  }
  if (!RestoreStats(run, md->stats())) {
    return Corrupt(in.name(), "bad statistics region");
  }
  if (run.disk_added()) md->AddDisk();
  return ctl_.hash_.Insert(in.name(), in.uuid(), md).status();
}

absl::Status DmSnapshotter::OpenTableDevices(const proto::MappedDevice& in) {
  MappedDevice& md = *ctl_.hash_.FindName(in.name())->md;
  const auto& devices = in.runtime().table_device();
  // Newest first in the message: opened from its end, the list comes out
  // the same.
  for (auto it = devices.rbegin(); it != devices.rend(); ++it) {
    absl::StatusOr<DevT> dev = ParseDev(in.name(), it->dev());
    if (!dev.ok()) return dev.status();
    absl::StatusOr<DmDev*> opened = md.GetTableDevice(*dev, it->mode());
    if (!opened.ok()) {
      return Corrupt(in.name(), absl::StrCat("device ", it->dev(), ": ",
                                             opened.status().message()));
    }
    (*opened)->dax_dev = it->dax() ? (*opened)->bdev->host_dax_dev() : nullptr;
    held_[&md].push_back(*opened);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<DmTable>> DmSnapshotter::RestoreTable(
    MappedDevice& md, const proto::Table& in) {
  auto table = std::make_unique<DmTable>(
      md, in.readonly() ? FMODE_READ : FMODE_READ | FMODE_WRITE);
  if (in.has_packed()) return Corrupt(md.name(), "a packed table");
  table->BeginRestore();
  // The order of the table's devices is not always that of its rows.
  const auto& devices = in.runtime().device();
  for (auto it = devices.rbegin(); it != devices.rend(); ++it) {
    absl::StatusOr<DevT> dev = ParseDev(md.name(), it->dev());
    if (!dev.ok()) return dev.status();
    if (absl::Status s = table->GetDevice(*dev, it->mode()).status(); !s.ok())
      return s;
  }
  for (const proto::Target& target : in.target()) {
    absl::Status s =
        table->AddTarget(target.raw().type(), sector_t(target.start()),
                         sector_t(target.length()), target.raw().params());
    if (!s.ok()) return Corrupt(md.name(), s.message());
  }
  for (const auto& [row, state] : in.runtime().target_state()) {
    if (row >= table->num_targets()) {
      return Corrupt(md.name(), absl::StrCat("state for row ", row));
    }
    DmTarget& ti = table->mutable_targets()[row];
    if (ti.type->restore_state == nullptr ||
        !ti.type->restore_state(ti, state)) {
      return Corrupt(md.name(), absl::StrCat("bad state of row ", row));
    }
  }
  table->RestoreType(static_cast<DmQueueMode>(in.runtime().type()));
  return table;
}

absl::Status DmSnapshotter::RestoreTables(const proto::MappedDevice& in) {
  HashCell& cell = *ctl_.hash_.FindName(in.name());
  MappedDevice& md = *cell.md;
  if (in.has_table()) {
    absl::StatusOr<std::unique_ptr<DmTable>> live =
        RestoreTable(md, in.table());
    if (!live.ok()) return live.status();
    md.immutable_target_type_ = (*live)->immutable_target_type();
    md.disk().SetCapacity((*live)->size());
    md.map_.store((*live).release());
  }
  if (in.has_inactive_table()) {
    absl::StatusOr<std::unique_ptr<DmTable>> inactive =
        RestoreTable(md, in.inactive_table());
    if (!inactive.ok()) return inactive.status();
    cell.new_map = *std::move(inactive);
  }
  // The tables hold their devices now; the extra hold of the first pass goes.
  for (DmDev* dev : held_[&md]) md.PutTableDevice(dev);
  return absl::OkStatus();
}

absl::Status DmSnapshotter::Restore(const proto::World& world) {
  absl::MutexLock lock(&ctl_.mu_);
  for (const proto::MappedDevice& in : world.mapped_device()) {
    if (absl::Status s = CreateDevice(in); !s.ok()) return s;
  }
  for (const proto::MappedDevice& in : world.mapped_device()) {
    if (absl::Status s = OpenTableDevices(in); !s.ok()) return s;
  }
  for (const proto::MappedDevice& in : world.mapped_device()) {
    if (absl::Status s = RestoreTables(in); !s.ok()) return s;
  }
  std::vector<MappedDevice*> devices;
  for (const proto::MappedDevice& in : world.mapped_device()) {
    devices.push_back(ctl_.hash_.FindName(in.name())->md.get());
  }
  CompileAll(devices);
  // What an open made of the log while restoring is no news.
  ctl_.machine_.log().TakeNew();
  return absl::OkStatus();
}

}  // namespace dmdax
