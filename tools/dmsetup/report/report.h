// SPDX-License-Identifier: Apache-2.0
//
// Report: rows of fields, selected, sorted and printed as libdevmapper does.
//
//   std::optional<Report> report = Report::Create(schema, 0, options, streams);
//   report->AddRow(value_of_field, Report::kOutput);
//   report->Output();
//
// Mirrors: dm_report_init_with_selection, dm_report_object, dm_report_output
// of libdm/libdm-report.c (1.02.185).  Threading: none.
#ifndef DMDAX_TOOLS_DMSETUP_REPORT_REPORT_H_
#define DMDAX_TOOLS_DMSETUP_REPORT_REPORT_H_

#include <optional>
#include <string>
#include <vector>

#include "tools/dmsetup/report/field_list.h"
#include "tools/dmsetup/report/selection.h"

namespace dmdax {

struct ReportOptions {
  std::string fields;
  std::string sort_keys;
  std::string selection;
  std::string separator = " ";
  std::string name_prefix;  // "DM_": NAME='value' with this before NAME
  bool aligned = true, headings = true, quoted = true;
  bool columns_as_rows = false;
  // The forms of lvm's --reportformat; dmsetup knows the first only.
  enum Format { kBasic, kJson, kJsonStd } format = kBasic;
  std::string json_name;  // what the rows are: "info"
};

class Report {
 public:
  // Nothing after saying what is wrong with the options.
  static std::optional<Report> Create(const ReportSchema& schema,
                                      uint32_t sections, ReportOptions options,
                                      ReportStreams streams);

  // kOutput keeps the row for Output(); kJudge only decides.
  enum Purpose { kOutput, kJudge };
  // Whether the row is selected; nothing when a value could not be had.
  std::optional<bool> AddRow(FieldValueFn value, Purpose purpose);
  // Prints the rows, and the headings before the first; forgets the rows.
  void Output();
  // Headings again, for a report that is repeated.
  void OutputHeadings();

  // The sections of all fields in use.
  uint32_t sections() const { return fields_.sections(); }
  bool empty() const { return rows_.empty(); }

 private:
  struct Row {
    std::vector<FieldValue> values;  // by index of props()
  };

  Report(FieldList fields, ReportOptions options, ReportStreams streams)
      : fields_(std::move(fields)),
        options_(std::move(options)),
        streams_(streams) {}

  bool IsShown(size_t prop) const { return !fields_.props()[prop].hidden; }
  std::vector<size_t> ShownProps() const;
  void MeasureWidths();
  void SortRows();
  std::string Cell(const Row& row, size_t prop) const;
  void PrintColumns();
  void PrintAsRows();
  void PrintJson();

  FieldList fields_;
  ReportOptions options_;
  ReportStreams streams_;
  std::optional<Selection> selection_;
  std::vector<Row> rows_;
  bool help_only_ = false;
  bool headings_printed_ = false;
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_REPORT_REPORT_H_
