// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/info_report.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/dmsetup/block_name.h"
#include "tools/dmsetup/command.h"
#include "tools/dmsetup/info_fields.h"
#include "tools/dmsetup/stats/stats_commands.h"
#include "tools/dmsetup/stats/stats_fields.h"

namespace dmdax {
namespace {

// What a row is made of.
struct InfoRow {
  const DmTask* task = nullptr;
  const DmTask* deps = nullptr;
  const DevTree* tree = nullptr;
  size_t node = 0;
  const SplitName* split = nullptr;
  const StatsHandle* stats = nullptr;
};

using Value = std::optional<FieldValue>;
using ValueFn = Value (*)(DmsetupContext& ctx, const InfoRow& row);

Value Text(std::string text) { return FieldValue{std::move(text)}; }

Value TextIfAny(std::optional<std::string> text) {
  if (!text) return std::nullopt;
  return Text(*std::move(text));
}

Value Attr(DmsetupContext&, const InfoRow& row) {
  const uint32_t flags = row.task->io().flags;
  return Text(absl::StrCat(flags & DM_ACTIVE_PRESENT_FLAG ? "L" : "-",
                           flags & DM_INACTIVE_PRESENT_FLAG ? "I" : "-",
                           flags & DM_SUSPEND_FLAG ? "s" : "-",
                           flags & DM_READONLY_FLAG ? "r" : "w"));
}

Value TablesLoaded(DmsetupContext&, const InfoRow& row) {
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

Value BlockDevName(DmsetupContext& ctx, const InfoRow& row) {
  return TextIfAny(ResolveBlockName(ctx, row.task->dev()));
}

Value DepNumbers(DmsetupContext&, const InfoRow& row) {
  std::vector<std::string> devs;
  for (const DevT& dev : row.deps->deps()) devs.push_back(dev.ToString());
  return Text(absl::StrJoin(devs, ","));
}

Value DepBlockNames(DmsetupContext& ctx, const InfoRow& row) {
  std::vector<std::string> names;
  for (const DevT& dev : row.deps->deps()) {
    std::optional<std::string> name = ResolveBlockName(ctx, dev);
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

Value RefNumbers(DmsetupContext&, const InfoRow& row) {
  std::vector<std::string> devs;
  for (const auto& [when, i] :
       row.tree->Children(row.node, TreeOrder::kUsedBy)) {
    if (i != 0) devs.push_back(row.tree->node(i).dev.ToString());
  }
  return Text(absl::StrJoin(devs, ","));
}

// In the order of kInfoSchema; those of statistics follow.
constexpr ValueFn kValues[] = {
    [](DmsetupContext&, const InfoRow& r) { return Text(r.task->name()); },
    [](DmsetupContext&, const InfoRow& r) {
      return TextIfAny(r.task->MangledName());
    },
    [](DmsetupContext&, const InfoRow& r) {
      return Text(r.task->UnmangledName());
    },
    [](DmsetupContext&, const InfoRow& r) { return Text(r.task->uuid()); },
    [](DmsetupContext&, const InfoRow& r) {
      return TextIfAny(r.task->MangledUuid());
    },
    [](DmsetupContext&, const InfoRow& r) {
      return Text(r.task->UnmangledUuid());
    },
    [](DmsetupContext&, const InfoRow& r) -> Value {
      return FieldValue::Number(r.task->ReadAhead().value_or(0));
    },
    BlockDevName,
    Attr,
    TablesLoaded,
    [](DmsetupContext&, const InfoRow& r) {
      return Text(r.task->io().flags & DM_SUSPEND_FLAG ? "Suspended"
                                                       : "Active");
    },
    [](DmsetupContext&, const InfoRow& r) {
      return Text(r.task->io().flags & DM_READONLY_FLAG ? "Read-only"
                                                        : "Writeable");
    },
    [](DmsetupContext&, const InfoRow& r) {
      return Text(r.task->dev().ToString());
    },
    [](DmsetupContext&, const InfoRow& r) -> Value {
      return FieldValue::Number(r.task->dev().major_nr);
    },
    [](DmsetupContext&, const InfoRow& r) -> Value {
      return FieldValue::Number(r.task->dev().minor_nr);
    },
    [](DmsetupContext&, const InfoRow& r) -> Value {
      return FieldValue::Number(r.task->io().open_count);
    },
    [](DmsetupContext&, const InfoRow& r) -> Value {
      return FieldValue::Number(r.task->io().target_count);
    },
    [](DmsetupContext&, const InfoRow& r) -> Value {
      return FieldValue::Number(r.task->io().event_nr);
    },
    [](DmsetupContext&, const InfoRow& r) -> Value {
      return FieldValue::Number(static_cast<int64_t>(r.deps->deps().size()));
    },
    [](DmsetupContext&, const InfoRow& r) {
      return TreeNames(r, TreeOrder::kUses);
    },
    DepNumbers,
    DepBlockNames,
    [](DmsetupContext&, const InfoRow& r) -> Value {
      return FieldValue::Number(static_cast<int64_t>(
          r.tree->NumChildren(r.node, TreeOrder::kUsedBy)));
    },
    [](DmsetupContext&, const InfoRow& r) {
      return TreeNames(r, TreeOrder::kUsedBy);
    },
    RefNumbers,
    [](DmsetupContext&, const InfoRow& r) { return Text(r.split->subsystem); },
    [](DmsetupContext&, const InfoRow& r) { return Text(r.split->vg_name); },
    [](DmsetupContext&, const InfoRow& r) { return Text(r.split->lv_name); },
    [](DmsetupContext&, const InfoRow& r) { return Text(r.split->lv_layer); },
};

std::optional<bool> AddRow(DmsetupContext& ctx, const InfoRow& row,
                           Report::Purpose purpose) {
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
        Value value = field < std::size(kValues)
                          ? kValues[field](ctx, row)
                          : StatsFieldValue(ctx.options, *row.stats,
                                            field - std::size(kValues));
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

}  // namespace

bool InitReport(DmsetupContext& ctx, absl::string_view verb,
                absl::string_view subcommand) {
  std::string fields = "name,major,minor,attr,open,segments,events,uuid";
  uint32_t sections = 0;
  if (verb == "splitname") {
    fields = "vg_name,lv_name,lv_layer";
    sections = kName;
  } else if (verb == "stats") {
    fields = StatsDefaultFields(ctx.options, subcommand);
    sections = subcommand == "list" ? kStatsMeta : kStatsMeta | kStats;
  }
  if (ctx.options.sort && (verb == "status" || verb == "table")) {
    absl::StrAppend(&ctx.err,
                    "--sort is not yet supported with status and table.\n");
    return false;
  }
  ReportOptions options = OptionsFor(ctx, fields);
  options.json_name = std::string(verb);
  std::optional<Report> report = Report::Create(
      kInfoSchema, sections, std::move(options), {ctx.out, ctx.err, ctx.log});
  if (!report) return ctx.log.Backtrace();
  ctx.report =
      std::make_unique<InfoReport>(InfoReport{.report = *std::move(report)});
  if (!(ctx.report->report.sections() & kTree)) return true;
  return BuildWholeTree(ctx);
}

bool AddInfoRow(DmsetupContext& ctx, const DmTask& task) {
  InfoReport& info = *ctx.report;
  const uint32_t sections = info.report.sections();
  InfoRow row{.task = &task, .tree = ctx.tree.get()};
  if (sections & kTree) {
    row.node = ctx.tree->Find(task.dev());
    if (row.node == 0) {
      absl::StrAppend(&ctx.err, "Cannot find node ", task.dev().ToString(),
                      ".\n");
      return false;
    }
  }
  DmTask deps(ctx, DmTaskType::kDeps);
  if (sections & kDeps) {
    deps.SetDevNumber(task.dev());
    ApplySwitches(ctx, deps);
    if (!TaskRun(ctx, deps)) {
      ctx.log.Backtrace();
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
  if (sections & (kStats | kStatsMeta)) {
    return AddStatsRows(ctx, task, [&](const StatsHandle& dms) {
      row.stats = &dms;
      return AddRow(ctx, row, Report::kOutput).has_value();
    });
  }
  const std::optional<bool> selected = AddRow(
      ctx, row,
      info.selected_command != nullptr ? Report::kJudge : Report::kOutput);
  if (!selected) return ctx.log.Backtrace();
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
  return ok || ctx.log.Backtrace();
}

bool AddSplitNameRow(DmsetupContext& ctx, const SplitName& name) {
  return AddRow(ctx, InfoRow{.split = &name}, Report::kOutput).has_value();
}

void OutputReport(DmsetupContext& ctx) {
  if (ctx.report == nullptr) return;
  Report& report = ctx.report->report;
  // A report that is repeated has its headings each time.
  if (ctx.options.count != 1 && !report.empty()) report.OutputHeadings();
  report.Output();
}

}  // namespace dmdax
