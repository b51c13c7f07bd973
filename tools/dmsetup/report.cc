// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/report.h"

#include <algorithm>
#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/errno_status.h"

namespace dmdax {
namespace {

struct Field {
  absl::string_view id;
  absl::string_view heading;
  size_t width;
  bool right;  // numbers are right-aligned, their headings are not
  std::string (*value)(DmsetupContext& ctx, const DmTask& task);
};

std::string Attr(DmsetupContext&, const DmTask& task) {
  const uint32_t flags = task.io().flags;
  return absl::StrCat(flags & DM_ACTIVE_PRESENT_FLAG ? "L" : "-",
                      flags & DM_INACTIVE_PRESENT_FLAG ? "I" : "-",
                      flags & DM_SUSPEND_FLAG ? "s" : "-",
                      flags & DM_READONLY_FLAG ? "r" : "w");
}

std::string TablesLoaded(DmsetupContext&, const DmTask& task) {
  const bool live = task.io().flags & DM_ACTIVE_PRESENT_FLAG;
  const bool inactive = task.io().flags & DM_INACTIVE_PRESENT_FLAG;
  if (live) return inactive ? "Both" : "Live";
  return inactive ? "Inactive" : "None";
}

// In the order of `dmsetup info -c -o help`.
constexpr Field kFields[] = {
    {"name", "Name", 16, false,
     [](DmsetupContext&, const DmTask& t) { return t.name(); }},
    {"mangled_name", "MangledName", 16, false,
     [](DmsetupContext&, const DmTask& t) { return t.io().name; }},
    {"unmangled_name", "UnmangledName", 16, false,
     [](DmsetupContext&, const DmTask& t) { return Unmangle(t.io().name); }},
    {"uuid", "UUID", 32, false,
     [](DmsetupContext&, const DmTask& t) { return t.uuid(); }},
    {"mangled_uuid", "MangledUUID", 32, false,
     [](DmsetupContext&, const DmTask& t) { return t.io().uuid; }},
    {"unmangled_uuid", "UnmangledUUID", 32, false,
     [](DmsetupContext&, const DmTask& t) { return Unmangle(t.io().uuid); }},
    {"read_ahead", "RAhead", 6, true,
     [](DmsetupContext& ctx, const DmTask& t) {
       return absl::StrCat(ReadAhead(ctx, t).value_or(0));
     }},
    {"blkdevname", "BlkDevName", 16, false,
     [](DmsetupContext&, const DmTask& t) {
       return absl::StrCat("dm-", t.dev().minor_nr);
     }},
    {"attr", "Stat", 4, false, Attr},
    {"tables_loaded", "Tables", 6, false, TablesLoaded},
    {"suspended", "Suspended", 9, false,
     [](DmsetupContext&, const DmTask& t) -> std::string {
       return t.io().flags & DM_SUSPEND_FLAG ? "Suspended" : "Active";
     }},
    {"readonly", "Read-only", 9, false,
     [](DmsetupContext&, const DmTask& t) -> std::string {
       return t.io().flags & DM_READONLY_FLAG ? "Read-only" : "Writeable";
     }},
    {"devno", "DevNo", 5, false,
     [](DmsetupContext&, const DmTask& t) { return t.dev().ToString(); }},
    {"major", "Maj", 3, true,
     [](DmsetupContext&, const DmTask& t) {
       return absl::StrCat(t.dev().major_nr);
     }},
    {"minor", "Min", 3, true,
     [](DmsetupContext&, const DmTask& t) {
       return absl::StrCat(t.dev().minor_nr);
     }},
    {"open", "Open", 4, true,
     [](DmsetupContext&, const DmTask& t) {
       return absl::StrCat(t.io().open_count);
     }},
    {"segments", "Targ", 4, true,
     [](DmsetupContext&, const DmTask& t) {
       return absl::StrCat(t.io().target_count);
     }},
    {"events", "Event", 6, true,
     [](DmsetupContext&, const DmTask& t) {
       return absl::StrCat(t.io().event_nr);
     }},
};

constexpr char kDefaultFields[] =
    "name,major,minor,attr,open,segments,events,uuid";

const Field* FindField(absl::string_view id) {
  for (const Field& field : kFields) {
    if (field.id == id) return &field;
  }
  return nullptr;
}

std::vector<const Field*> SelectedFields(DmsetupContext& ctx) {
  std::string list = ctx.options.options.value_or(kDefaultFields);
  if (!list.empty() && list[0] == '+') {
    list = absl::StrCat(kDefaultFields, ",", list.substr(1));
  }
  std::vector<const Field*> fields;
  for (absl::string_view id : absl::StrSplit(list, ',', absl::SkipEmpty())) {
    const Field* field = FindField(id);
    if (field == nullptr) {
      absl::StrAppend(&ctx.err, "Unrecognised field: ", id, "\n");
      return {};
    }
    fields.push_back(field);
  }
  return fields;
}

std::string Pad(const std::string& text, size_t width, bool right) {
  const std::string fill(width > text.size() ? width - text.size() : 0, ' ');
  return right ? fill + text : text + fill;
}

}  // namespace

std::optional<uint32_t> ReadAhead(DmsetupContext& ctx, const DmTask& task) {
  Machine& machine = ctx.ctl.machine();
  BlockDevice* bdev = machine.FindBdev(task.dev());
  if (bdev == nullptr) {
    // Not in sysfs: libdevmapper asks whatever the device's node is.
    const std::string node = absl::StrCat("/dev/mapper/", task.name());
    absl::StatusOr<DevT> there = machine.LookupBdev(node);
    if (there.ok()) bdev = machine.FindBdev(*there);
    if (bdev == nullptr) {
      const int err = there.ok() ? ENXIO : ErrnoOf(there.status());
      absl::StrAppend(&ctx.err, node, ": open failed: ", ErrnoText(err), "\n");
      return std::nullopt;
    }
  }
  // disk_update_readahead(): twice the optimal I/O, at least 128 KiB.
  constexpr uint32_t kMinPages = 32;
  const uint32_t pages = std::max<uint32_t>(
      bdev->queue().limits().io_opt * 2 / kPageSize, kMinPages);
  return pages * kPageSectors;
}

bool AddInfoRow(DmsetupContext& ctx, const DmTask& task) {
  const std::vector<const Field*> fields = SelectedFields(ctx);
  if (fields.empty()) return false;
  std::vector<std::string>& row = ctx.report.emplace_back();
  for (const Field* field : fields) row.push_back(field->value(ctx, task));
  return true;
}

bool FinishReport(DmsetupContext& ctx) {
  if (ctx.report.empty()) return true;
  const std::vector<const Field*> fields = SelectedFields(ctx);
  const DmsetupOptions& o = ctx.options;
  // With a separator, or without headings, columns are not padded.
  const bool pad = !o.separator && !o.noheadings;
  const std::string separator = o.separator.value_or(o.noheadings ? ":" : " ");
  std::vector<size_t> widths;
  for (size_t i = 0; i < fields.size(); ++i) {
    size_t width = std::max(fields[i]->width, fields[i]->heading.size());
    for (const auto& row : ctx.report) width = std::max(width, row[i].size());
    widths.push_back(width);
  }
  if (!o.noheadings && !o.nameprefixes) {
    std::vector<std::string> headings;
    for (size_t i = 0; i < fields.size(); ++i) {
      const std::string heading(fields[i]->heading);
      headings.push_back(pad ? Pad(heading, widths[i], false) : heading);
    }
    absl::StrAppend(&ctx.out, absl::StrJoin(headings, separator), "\n");
  }
  for (const auto& row : ctx.report) {
    std::vector<std::string> cells;
    for (size_t i = 0; i < fields.size(); ++i) {
      std::string cell = row[i];
      if (o.nameprefixes) {
        cell =
            absl::StrCat("DM_", absl::AsciiStrToUpper(fields[i]->id),
                         o.unquoted ? "=" : "='", cell, o.unquoted ? "" : "'");
      } else if (pad) {
        cell = Pad(cell, widths[i], fields[i]->right);
      }
      cells.push_back(std::move(cell));
    }
    absl::StrAppend(&ctx.out, absl::StrJoin(cells, separator), "\n");
  }
  return true;
}

namespace {

// Prints a device's line and those of the devices below it.
void PrintTree(DmsetupContext& ctx, DevT dev, const std::string& indent,
               const std::string& branch, int depth) {
  std::string name;
  std::vector<DevT> below;
  if (auto md = dev.major_nr == ctx.ctl.major()
                    ? ctx.ctl.FindMinor(dev.minor_nr)
                    : nullptr) {
    name = Unmangle(md->dm_name());
    DmTask deps(ctx, DmTaskType::kDeps);
    deps.SetDevNumber(dev);
    if (deps.Run()) below = deps.deps();
  }
  absl::StrAppend(&ctx.out, indent, branch, name, " (", dev.ToString(), ")\n");
  // A device stacked on itself would go on for ever.
  if (depth > 64) return;
  std::string next = indent;
  if (!branch.empty()) next += branch[0] == '`' ? "  " : "| ";
  for (size_t i = 0; i < below.size(); ++i) {
    PrintTree(ctx, below[i], next + " ", i + 1 < below.size() ? "|-" : "`-",
              depth + 1);
  }
}

}  // namespace

bool DisplayTree(DmsetupContext& ctx) {
  DmTask list(ctx, DmTaskType::kList);
  if (!list.Run()) return false;
  if (list.names().empty()) {
    absl::StrAppend(&ctx.out, "No devices found\n");
    return true;
  }
  for (const DmNameEntry& entry : list.names()) {
    const DevT dev = DevT::HugeDecode(entry.dev);
    auto md = ctx.ctl.FindMinor(dev.minor_nr);
    bool is_root = true;
    for (const DmNameEntry& other : list.names()) {
      DmTask deps(ctx, DmTaskType::kDeps);
      deps.SetDevNumber(DevT::HugeDecode(other.dev));
      if (!deps.Run()) return false;
      for (const DevT& d : deps.deps()) is_root &= d != dev;
    }
    if (is_root) PrintTree(ctx, dev, "", "", 0);
  }
  return true;
}

}  // namespace dmdax
