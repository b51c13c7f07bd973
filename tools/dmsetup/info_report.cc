// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/info_report.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/dmsetup/block_name.h"
#include "tools/dmsetup/command.h"
#include "tools/dmsetup/info_fields.h"

namespace dmdax {
namespace {

// What a row is made of.
struct InfoRow {
  DmsetupContext& ctx;
  const DmTask* task = nullptr;
  const DmTask* deps = nullptr;
  const DevTree* tree = nullptr;
  size_t node = 0;
  const SplitName* split = nullptr;
};

using Value = std::optional<FieldValue>;
using ValueFn = Value (*)(const InfoRow& row);

Value Text(std::string text) { return FieldValue{std::move(text)}; }

Value Number(uint64_t n) { return FieldValue::Number(static_cast<int64_t>(n)); }

Value TextIfAny(std::optional<std::string> text) {
  if (!text) return std::nullopt;
  return Text(*std::move(text));
}

Value Attr(const InfoRow& row) {
  const uint32_t flags = row.task->io().flags;
  return Text(absl::StrCat(flags & DM_ACTIVE_PRESENT_FLAG ? "L" : "-",
                           flags & DM_INACTIVE_PRESENT_FLAG ? "I" : "-",
                           flags & DM_SUSPEND_FLAG ? "s" : "-",
                           flags & DM_READONLY_FLAG ? "r" : "w"));
}

Value TablesLoaded(const InfoRow& row) {
  const bool live = row.task->io().flags & DM_ACTIVE_PRESENT_FLAG;
  const bool inactive = row.task->io().flags & DM_INACTIVE_PRESENT_FLAG;
  if (live) return Text(inactive ? "Both" : "Live");
  return Text(inactive ? "Inactive" : "None");
}

// The disk's name of `dev`, or why there is none.
std::optional<std::string> ResolveBlockName(DmsetupContext& ctx, DevT dev) {
  std::optional<std::string> name = BlockName(ctx, dev);
  if (!name) {
    absl::StrAppend(&ctx.err, "Could not resolve block device name for ",
                    dev.ToString(), ".\n");
  }
  return name;
}

Value BlockDevName(const InfoRow& row) {
  return TextIfAny(ResolveBlockName(row.ctx, row.task->dev()));
}

Value DepNumbers(const InfoRow& row) {
  std::vector<std::string> devs;
  for (const DevT& dev : row.deps->deps()) devs.push_back(dev.ToString());
  return Text(absl::StrJoin(devs, ","));
}

Value DepBlockNames(const InfoRow& row) {
  std::vector<std::string> names;
  for (const DevT& dev : row.deps->deps()) {
    std::optional<std::string> name = ResolveBlockName(row.ctx, dev);
    if (!name) return std::nullopt;
    names.push_back(*std::move(name));
  }
  return Text(absl::StrJoin(names, ","));
}

// The neighbours in the tree that are mapped devices.
Value TreeNames(const InfoRow& row, TreeOrder order) {
  std::vector<std::string> names;
  for (const auto& [when, i] : row.tree->Children(row.node, order)) {
    const std::string& name = row.tree->node(i).name;
    if (!name.empty()) names.push_back(name);
  }
  return Text(absl::StrJoin(names, ","));
}

Value RefNumbers(const InfoRow& row) {
  std::vector<std::string> devs;
  for (const auto& [when, i] :
       row.tree->Children(row.node, TreeOrder::kUsedBy)) {
    if (i != 0) devs.push_back(row.tree->node(i).dev.ToString());
  }
  return Text(absl::StrJoin(devs, ","));
}

// In the order of kInfoSchema; those of statistics follow, and have no value.
constexpr ValueFn kValues[] = {
    [](const InfoRow& r) { return Text(r.task->name()); },
    [](const InfoRow& r) { return TextIfAny(r.task->MangledName()); },
    [](const InfoRow& r) { return Text(r.task->UnmangledName()); },
    [](const InfoRow& r) { return Text(r.task->uuid()); },
    [](const InfoRow& r) { return TextIfAny(r.task->MangledUuid()); },
    [](const InfoRow& r) { return Text(r.task->UnmangledUuid()); },
    [](const InfoRow& r) { return Number(r.task->ReadAhead().value_or(0)); },
    BlockDevName,
    Attr,
    TablesLoaded,
    [](const InfoRow& r) {
      return Text(r.task->io().flags & DM_SUSPEND_FLAG ? "Suspended"
                                                       : "Active");
    },
    [](const InfoRow& r) {
      return Text(r.task->io().flags & DM_READONLY_FLAG ? "Read-only"
                                                        : "Writeable");
    },
    [](const InfoRow& r) { return Text(r.task->dev().ToString()); },
    [](const InfoRow& r) { return Number(r.task->dev().major_nr); },
    [](const InfoRow& r) { return Number(r.task->dev().minor_nr); },
    [](const InfoRow& r) { return Number(r.task->io().open_count); },
    [](const InfoRow& r) { return Number(r.task->io().target_count); },
    [](const InfoRow& r) { return Number(r.task->io().event_nr); },
    [](const InfoRow& r) { return Number(r.deps->deps().size()); },
    [](const InfoRow& r) { return TreeNames(r, TreeOrder::kUses); },
    DepNumbers,
    DepBlockNames,
    [](const InfoRow& r) {
      return Number(r.tree->NumChildren(r.node, TreeOrder::kUsedBy));
    },
    [](const InfoRow& r) { return TreeNames(r, TreeOrder::kUsedBy); },
    RefNumbers,
    [](const InfoRow& r) { return Text(r.split->subsystem); },
    [](const InfoRow& r) { return Text(r.split->vg_name); },
    [](const InfoRow& r) { return Text(r.split->lv_name); },
    [](const InfoRow& r) { return Text(r.split->lv_layer); },
};

std::optional<bool> AddRow(const InfoRow& row, Report::Purpose purpose) {
  DmsetupContext& ctx = row.ctx;
  return ctx.report->report.AddRow(
      [&](size_t field) -> Value {
        // splitname has no device, so its report has no values of the other
        // sections.
        const uint32_t section = kInfoSchema.fields[field].section;
        if (row.task == nullptr && section != kName) {
          absl::StrAppend(&ctx.err,
                          "_do_report_object: no data assigned to field ",
                          kInfoSchema.fields[field].id, "\n");
          return std::nullopt;
        }
        Value value = kValues[field](row);
        if (!value) {
          absl::StrAppend(
              &ctx.err, "_do_report_object: report function failed for field ",
              kInfoSchema.fields[field].id, "\n");
        }
        return value;
      },
      purpose);
}

ReportOptions OptionsFor(DmsetupContext& ctx,
                         absl::string_view default_fields) {
  DmsetupOptions& o = ctx.options;
  ReportOptions r;
  r.fields = o.options.value_or(std::string(default_fields));
  if (absl::StartsWith(r.fields, "+")) {
    r.fields = absl::StrCat(default_fields, ",", r.fields.substr(1));
  }
  if (o.noheadings) r.separator = ":";
  r.separator = o.separator.value_or(r.separator);
  r.aligned = !o.noheadings && !o.nameprefixes && !o.separator;
  r.headings = !o.noheadings;
  if (o.options && absl::StrContains(*o.options, "help")) {
    o.count = std::nullopt;
    o.interval = std::nullopt;
    r.headings = false;
  }
  r.columns_as_rows = o.rows;
  r.quoted = !o.unquoted;
  if (o.nameprefixes) r.name_prefix = "DM_";
  if (o.report_format == "json") r.format = ReportOptions::kJson;
  if (o.report_format == "json_std") r.format = ReportOptions::kJsonStd;
  r.sort_keys = o.sort.value_or("");
  r.selection = o.select.value_or("");
  return r;
}

// With fields of statistics there is a row for each region of a device, whose
// values dmstats makes.
bool NoStatsRows(DmsetupContext& ctx, const DmTask& device) {
  DmTask list(ctx, DmTaskType::kTargetMsg);
  list.SetDevNumber(device.dev());
  list.SetText("@stats_list dmstats");
  if (!list.Run()) return false;
  if (list.reply().empty()) return true;
  return Say(ctx, kNoStats);
}

}  // namespace

bool InitReport(DmsetupContext& ctx, absl::string_view verb) {
  std::string fields = "name,major,minor,attr,open,segments,events,uuid";
  uint32_t sections = 0;
  if (verb == "splitname") {
    fields = "vg_name,lv_name,lv_layer";
    sections = kName;
  }
  if (ctx.options.sort && (verb == "status" || verb == "table")) {
    return Say(ctx, "--sort is not yet supported with status and table.");
  }
  ReportOptions options = OptionsFor(ctx, fields);
  options.json_name = std::string(verb);
  std::optional<Report> report = Report::Create(
      kInfoSchema, sections, std::move(options), {ctx.out, ctx.err});
  if (!report) return false;
  ctx.report =
      std::make_unique<InfoReport>(InfoReport{.report = *std::move(report)});
  if (!(ctx.report->report.sections() & kTree)) return true;
  return BuildWholeTree(ctx);
}

bool AddInfoRow(DmsetupContext& ctx, const DmTask& task) {
  InfoReport& info = *ctx.report;
  const uint32_t sections = info.report.sections();
  InfoRow row{.ctx = ctx, .task = &task, .tree = ctx.tree.get()};
  if (sections & kTree) {
    row.node = ctx.tree->Find(task.dev());
    if (row.node == 0) {
      return Say(ctx,
                 absl::StrCat("Cannot find node ", task.dev().ToString(), "."));
    }
  }
  DmTask deps(ctx, DmTaskType::kDeps);
  if (sections & kDeps) {
    deps.SetDevNumber(task.dev());
    ApplySwitches(ctx, deps);
    if (!deps.Run()) {
      return Say(ctx, absl::StrCat("Cannot get deps for ",
                                   task.dev().ToString(), "."));
    }
    row.deps = &deps;
  }
  const std::string uuid = task.uuid();
  const size_t hyphen = uuid.find('-');
  const SplitName split(hyphen == uuid.npos ? "" : uuid.substr(0, hyphen),
                        task.name());
  row.split = &split;
  if (sections & (kStats | kStatsMeta)) return NoStatsRows(ctx, task);
  const std::optional<bool> selected = AddRow(
      row, info.selected_command != nullptr ? Report::kJudge : Report::kOutput);
  if (!selected) return false;
  if (info.selected_command == nullptr && *selected) NoteInfo(ctx, task);
  if (info.selected_command == nullptr || !*selected) return true;
  const std::vector<std::string> args = {task.name()};
  // What the command shows of the device with -v is not selected from again.
  const DmsetupCommand& command =
      *std::exchange(info.selected_command, nullptr);
  const bool ok = command.fn(
      ctx, CommandCall{
               .verb = command.name, .args = args, .multiple_devices = true});
  info.selected_command = &command;
  return ok;
}

bool AddSplitNameRow(DmsetupContext& ctx, const SplitName& name) {
  return AddRow(InfoRow{.ctx = ctx, .split = &name}, Report::kOutput)
      .has_value();
}

void OutputReport(DmsetupContext& ctx) {
  if (ctx.report == nullptr) return;
  Report& report = ctx.report->report;
  // A report that is repeated has its headings each time.
  if (ctx.options.count != 1 && !report.empty()) report.OutputHeadings();
  report.Output();
}

}  // namespace dmdax
