// SPDX-License-Identifier: Apache-2.0
//
// What a report is made of: sections of fields, and a field's value.
//
// Mirrors: struct dm_report_object_type, struct dm_report_field_type of
// libdevmapper.h (1.02.185).
#ifndef DMDAX_TOOLS_DMSETUP_REPORT_REPORT_FIELD_H_
#define DMDAX_TOOLS_DMSETUP_REPORT_REPORT_FIELD_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace dmdax {

// How a value is aligned, sorted and compared.
enum class FieldType { kString, kNumber, kSize };

// A section of the help; fields of it can be asked for as "<prefix>all".
struct ReportSection {
  uint32_t id;  // one bit
  absl::string_view title;
  absl::string_view prefix;  // with its underscore
};

struct ReportField {
  uint32_t section;
  FieldType type;
  absl::string_view heading;
  int width;  // at least
  absl::string_view id;
  absl::string_view description;
  bool selectable = true;
};

struct FieldValue {
  std::string text;
  uint64_t number = 0;  // what a number is sorted by and compared with

  static FieldValue Number(int64_t n) {
    return {.text = std::to_string(n), .number = static_cast<uint64_t>(n)};
  }
};

// The value of field number `field` of the object a row is made of; nothing
// after saying why.
using FieldValueFn = absl::FunctionRef<std::optional<FieldValue>(size_t field)>;

// All there is to choose from.  The special fields "selected", "help" and "?"
// are added by the report.
struct ReportSchema {
  absl::Span<const ReportSection> sections;
  absl::Span<const ReportField> fields;
};

// Where a report writes: standard output and standard error.
struct ReportStreams {
  std::string& out;
  std::string& err;
};

// A field as it is used in a report.
struct FieldProps {
  size_t field = 0;
  bool special = false;  // `field` counts the special fields
  bool hidden = false;
  int width = 0;
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_REPORT_REPORT_FIELD_H_
