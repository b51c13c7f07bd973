// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/report/report.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "tools/dmsetup/report/selection_operators.h"

namespace dmdax {
namespace {

enum class Align { kLeft, kRight };

std::string Pad(const std::string& text, int width, Align align) {
  const size_t wanted = static_cast<size_t>(width);
  // Headings may be wider than their column.
  if (text.size() >= wanted) return text.substr(0, wanted);
  const std::string fill(wanted - text.size(), ' ');
  return align == Align::kRight ? fill + text : text + fill;
}

}  // namespace

std::optional<Report> Report::Create(const ReportSchema& schema,
                                     uint32_t sections, ReportOptions options,
                                     ReportStreams streams) {
  if (options.columns_as_rows) {
    options.aligned = false;
  }
  Report report(FieldList(schema, sections), std::move(options), streams);
  const ReportOptions& o = report.options_;
  if (!report.fields_.Parse(o.fields, o.sort_keys, streams)) {
    return std::nullopt;
  }
  report.help_only_ = report.fields_.help_requested();
  if (o.selection.empty()) return report;
  if (absl::EqualsIgnoreCase(o.selection, "help") || o.selection == "?") {
    absl::StrAppend(&streams.err,
                    report.fields_.Help(FieldList::HelpKind::kSelection), " \n",
                    SelectionHelp());
    report.help_only_ = true;
    return report;
  }
  if (absl::EqualsIgnoreCase(o.selection, "all")) return report;
  report.selection_ = Selection::Parse(o.selection, report.fields_, streams);
  if (!report.selection_) return std::nullopt;
  return report;
}

std::optional<bool> Report::AddRow(FieldValueFn value, Purpose purpose) {
  // libdevmapper counts every row as selected then.
  if (help_only_) return true;
  Row row;
  row.values.resize(fields_.props().size());
  const FieldProps* selected_field = nullptr;
  for (const size_t prop : fields_.order()) {
    const FieldProps& props = fields_.props()[prop];
    if (props.special) {
      row.values[prop] = FieldValue::Number(1);
      selected_field = &props;
      continue;
    }
    std::optional<FieldValue> v = value(props.field);
    if (!v) return std::nullopt;
    row.values[prop] = *std::move(v);
  }
  const bool selected = !selection_ || selection_->Matches(row.values);
  if (!selected) {
    // A report with the field "selected" shows rows that are not selected too.
    if (selected_field == nullptr || selected_field->hidden) return false;
    for (const size_t prop : fields_.order()) {
      if (fields_.props()[prop].special) {
        row.values[prop] = FieldValue::Number(0);
      }
    }
  }
  if (purpose == kJudge) return selected;
  rows_.push_back(std::move(row));
  return selected;
}

std::vector<size_t> Report::ShownProps() const {
  std::vector<size_t> shown;
  for (const size_t prop : fields_.order()) {
    if (IsShown(prop)) shown.push_back(prop);
  }
  return shown;
}

void Report::MeasureWidths() {
  for (size_t prop = 0; prop < fields_.props().size(); ++prop) {
    FieldProps& props = fields_.props()[prop];
    props.width = fields_.field(props).width;
    for (const Row& row : rows_) {
      props.width =
          std::max(props.width, static_cast<int>(row.values[prop].text.size()));
    }
  }
}

void Report::SortRows() {
  std::stable_sort(
      rows_.begin(), rows_.end(), [this](const Row& a, const Row& b) {
        for (const SortKey& key : fields_.keys()) {
          const FieldValue& va = a.values[key.prop];
          const FieldValue& vb = b.values[key.prop];
          const ReportField& field = fields_.field(fields_.props()[key.prop]);
          int order;
          if (field.type == FieldType::kString) {
            order = va.text.compare(vb.text);
          } else {
            order = va.number < vb.number ? -1 : va.number > vb.number;
          }
          if (order != 0) return (order < 0) != key.descending;
        }
        return false;
      });
}

std::string Report::Cell(const Row& row, size_t prop) const {
  const FieldProps& props = fields_.props()[prop];
  const ReportField& field = fields_.field(props);
  std::string text = row.values[prop].text;
  if (options_.aligned) {
    text = Pad(text, props.width,
               field.type == FieldType::kString ? Align::kLeft : Align::kRight);
  }
  if (options_.name_prefix.empty()) return text;
  const char* const quote = options_.quoted ? "'" : "";
  return absl::StrCat(options_.name_prefix, absl::AsciiStrToUpper(field.id),
                      "=", quote, text, quote);
}

void Report::OutputHeadings() {
  if (options_.columns_as_rows || options_.format != ReportOptions::kBasic) {
    return;
  }
  MeasureWidths();
  headings_printed_ = true;
  if (!options_.headings) return;
  std::vector<std::string> headings;
  for (const size_t prop : ShownProps()) {
    const FieldProps& props = fields_.props()[prop];
    const std::string heading(fields_.field(props).heading);
    headings.push_back(
        options_.aligned ? Pad(heading, props.width, Align::kLeft) : heading);
  }
  absl::StrAppend(&streams_.out, absl::StrJoin(headings, options_.separator),
                  "\n");
}

void Report::PrintColumns() {
  if (!headings_printed_) OutputHeadings();
  const std::vector<size_t> shown = ShownProps();
  for (const Row& row : rows_) {
    std::vector<std::string> cells;
    for (const size_t prop : shown) cells.push_back(Cell(row, prop));
    absl::StrAppend(&streams_.out, absl::StrJoin(cells, options_.separator),
                    "\n");
  }
}

void Report::PrintAsRows() {
  for (const size_t prop : ShownProps()) {
    std::vector<std::string> cells;
    if (options_.headings) {
      cells.emplace_back(fields_.field(fields_.props()[prop]).heading);
    }
    for (const Row& row : rows_) cells.push_back(Cell(row, prop));
    absl::StrAppend(&streams_.out, absl::StrJoin(cells, options_.separator),
                    "\n");
  }
}

// lvm's form.  It escapes quotes alone in json; json_std leaves numbers
// without quotes and escapes backslashes too.
void Report::PrintJson() {
  const bool standard = options_.format == ReportOptions::kJsonStd;
  std::vector<std::string> rows;
  for (const Row& row : rows_) {
    std::vector<std::string> cells;
    for (const size_t prop : ShownProps()) {
      const ReportField& field = fields_.field(fields_.props()[prop]);
      std::string text = row.values[prop].text;
      if (standard) text = absl::StrReplaceAll(text, {{"\\", "\\\\"}});
      text = absl::StrReplaceAll(text, {{"\"", "\\\""}});
      const bool bare = standard && field.type == FieldType::kNumber;
      const char* const quote = bare ? "" : "\"";
      cells.push_back(absl::StrCat("\"", field.id, "\":", quote, text, quote));
    }
    rows.push_back(
        absl::StrCat("                {", absl::StrJoin(cells, ", "), "}"));
  }
  absl::StrAppend(&streams_.out, "{\n    \"report\": [\n        {\n",
                  "            \"", options_.json_name, "\": [\n",
                  absl::StrJoin(rows, ",\n"), rows.empty() ? "" : "\n",
                  "            ]\n        }\n    ]\n}\n");
}

void Report::Output() {
  if (options_.format != ReportOptions::kBasic) {
    SortRows();
    if (!help_only_) PrintJson();
    rows_.clear();
    return;
  }
  if (rows_.empty()) return;
  MeasureWidths();
  SortRows();
  if (options_.columns_as_rows) {
    PrintAsRows();
  } else {
    PrintColumns();
  }
  rows_.clear();
}

}  // namespace dmdax
