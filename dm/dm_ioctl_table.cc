// SPDX-License-Identifier: Apache-2.0
//
// The commands on tables.  Mirrors table_load, populate_table, table_clear,
// table_deps and table_status of drivers/md/dm-ioctl.c (6.1).
#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "dm/dm_ioctl.h"

namespace dmdax {

std::vector<DmTargetSpec> SpecsOf(const LinearRows& rows) {
  std::vector<DmTargetSpec> specs;
  specs.reserve(rows.size());
  sector_t begin{};
  for (size_t i = 0; i < rows.size(); ++i) {
    specs.push_back({begin, rows.length[i], "linear", rows.Params(i)});
    begin += rows.length[i];
  }
  return specs;
}

absl::Status DmCtl::PopulateTable(DmTable& table, size_t target_count,
                                  AddRowsFn add) {
  if (target_count == 0) {
    return Fail(EINVAL, "populate_table: no targets specified");
  }
  if (absl::Status s = add(table); !s.ok()) return s;
  return table.Complete();
}

absl::Status DmCtl::CheckLoad(MappedDevice& md, DmTable& table) {
  const TargetType* immutable = md.immutable_target_type();
  if (immutable != nullptr && immutable != table.immutable_target_type() &&
      !table.HasWildcardTarget()) {
    return Fail(EINVAL, absl::StrCat("can't replace immutable target type ",
                                     immutable->name));
  }
  if (md.type() == DM_TYPE_NONE) {
    absl::Status s = md.SetupQueue(table);
    if (!s.ok()) {
      DmLog(machine_, KernLevel::kErr, "ioctl",
            "unable to set up device queue for new table.");
    }
    return s;
  }
  // The type stays what the first load made it; only bio-based may take a
  // DAX table, and remains bio-based.
  const bool upgrade =
      md.type() == DM_TYPE_BIO_BASED && table.type() == DM_TYPE_DAX_BIO_BASED;
  if (md.type() != table.type() && !upgrade) {
    return Fail(EINVAL,
                absl::StrCat("can't change device type (old=",
                             static_cast<unsigned>(md.type()),
                             " vs new=", static_cast<unsigned>(table.type()),
                             ") after initial table load."));
  }
  return absl::OkStatus();
}

absl::Status DmCtl::TableLoad(DmIoctl& param,
                              absl::Span<const DmTargetSpec> specs,
                              std::optional<size_t>* bad_row) {
  // Too many rows are refused before any row is looked at.
  const size_t count =
      std::min<uint64_t>(specs.size(), DmTable::kMaxTargets + 1);
  return TableLoad(
      param, static_cast<uint32_t>(count),
      [&](size_t i) -> absl::StatusOr<DmTargetSpec> { return specs[i]; },
      bad_row);
}

absl::Status DmCtl::TableLoad(DmIoctl& param, uint32_t target_count,
                              NextSpecFn next, std::optional<size_t>* bad_row) {
  return LoadRows(param, target_count, [&](DmTable& table) {
    for (size_t i = 0; i < target_count; ++i) {
      if (bad_row != nullptr) *bad_row = i;
      absl::StatusOr<DmTargetSpec> spec = next(i);
      if (!spec.ok()) return spec.status();
      absl::Status s = table.AddTarget(spec->target_type, spec->sector_start,
                                       sector_t(spec->length), spec->params);
      if (IsNotModelled(s)) return s;
      if (!s.ok()) {
        DmLog(machine_, KernLevel::kErr, "ioctl",
              "error adding target to table");
        return s;
      }
    }
    if (bad_row != nullptr) bad_row->reset();
    return absl::OkStatus();
  });
}

absl::Status DmCtl::TableLoad(DmIoctl& param,
                              std::shared_ptr<const LinearRows> rows,
                              std::optional<size_t>* bad_row) {
  return LoadRows(param, rows->size(), [&](DmTable& table) {
    absl::Status s = table.AddLinearRows(rows, bad_row);
    if (!s.ok()) {
      DmLog(machine_, KernLevel::kErr, "ioctl", "error adding target to table");
    }
    return s;
  });
}

absl::Status DmCtl::LoadRows(DmIoctl& param, size_t target_count,
                             AddRowsFn add) {
  std::unique_ptr<DmTable> old_map;
  {
    absl::MutexLock lock(&mu_);
    absl::StatusOr<HashCell*> cell = CellToChange(param);
    if (!cell.ok()) return cell.status();
    if (target_count > DmTable::kMaxTargets) {
      return ErrnoError(EOVERFLOW,
                        absl::StrCat("a table holds at most ",
                                     DmTable::kMaxTargets, " targets"));
    }
    MappedDevice& md = *(*cell)->md;
    const unsigned mode =
        param.flags & DM_READONLY_FLAG ? FMODE_READ : FMODE_READ | FMODE_WRITE;
    auto table = std::make_unique<DmTable>(md, mode);
    absl::Status s = PopulateTable(*table, target_count, add);
    if (!s.ok()) return s;
    if (table->integrity_conflict()) {
      // To the caller a success, with nothing copied back.
      param.copied_back = false;
      return absl::OkStatus();
    }
    if (s = CheckLoad(md, *table); !s.ok()) return s;
    old_map = std::move((*cell)->new_map);
    NoteRestless(md, *table);
    (*cell)->new_map = std::move(table);
    Answer(**cell, param);
    old_map.reset();
  }
  DoDeferredRemove();
  return absl::OkStatus();
}

absl::Status DmCtl::TableClear(DmIoctl& param) {
  {
    absl::MutexLock lock(&mu_);
    absl::StatusOr<HashCell*> cell = CellToChange(param);
    if (!cell.ok()) return cell.status();
    (*cell)->new_map.reset();
    Answer(**cell, param);
  }
  DoDeferredRemove();
  return absl::OkStatus();
}

absl::Status DmCtl::TableDeps(DmIoctl& param, std::vector<DevT>* deps,
                              bool* has_table) {
  absl::MutexLock lock(&mu_);
  absl::StatusOr<HashCell*> cell = GetCell(param);
  if (!cell.ok()) return cell.status();
  Answer(**cell, param);
  const DmTable* table = QueriedTable(**cell, param);
  *has_table = table != nullptr;
  if (table == nullptr) return absl::OkStatus();
  for (const DmTable::TableDev& dd : table->devices()) {
    deps->push_back(dd.dm_dev->bdev->dev());
  }
  return absl::OkStatus();
}

absl::Status DmCtl::TableStatus(DmIoctl& param,
                                std::vector<DmTargetSpec>* rows) {
  absl::MutexLock lock(&mu_);
  Elapse();
  absl::StatusOr<HashCell*> cell = GetCell(param);
  if (!cell.ok()) return cell.status();
  Answer(**cell, param);
  const DmTable* table = QueriedTable(**cell, param);
  if (table == nullptr) return absl::OkStatus();
  StatusType type = STATUSTYPE_INFO;
  if (param.flags & DM_STATUS_TABLE_FLAG) {
    type = STATUSTYPE_TABLE;
  } else if ((param.flags & DM_IMA_MEASUREMENT_FLAG) &&
             machine_.profile().dm_has_ima) {
    type = STATUSTYPE_IMA;
  }
  uint32_t status_flags = 0;
  if (param.flags & DM_NOFLUSH_FLAG) status_flags |= DM_STATUS_NOFLUSH_FLAG;
  for (const DmTarget& ti : table->targets()) {
    DmTargetSpec& row = rows->emplace_back();
    row.sector_start = ti.begin;
    row.length = ti.len.value();
    row.target_type = std::string(ti.type->name);
    if (ti.type->status != nullptr)
      ti.type->status(ti, type, status_flags, &row.params);
  }
  return absl::OkStatus();
}

}  // namespace dmdax
