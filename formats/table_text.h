// SPDX-License-Identifier: Apache-2.0
//
// dmsetup table text: "<start> <length> <type> <params>", a row a line.
//
//   TableText text = ParseTableText("0 8 zero\n8 x error\n", "t.table");
//   text.ok();             // false
//   text.error.dmsetup;    // "Invalid format on line 2 of table t.table."
//   text.error.line;       // 2
//   text.error.column;     // 3
//   text.error.cause;      // "a length in sectors is expected, not 'x'"
//
// Read exactly as dmsetup 1.02.185 reads it: sscanf("%llu %llu %s %n"), where
// numbers may have a sign ("-1" is 2^64-1) and saturate, white space is
// optional where the next one can begin without ("0-1 zero"), blank and '#'
// lines are skipped, parameters end at the first '#', and white space around
// a line is trimmed.  The one exception: a NUL byte, which ends dmsetup's
// line unnoticed, is an error here (`dmdax create` and `load` do as dmsetup).
//
// Cost: linear in the text, whatever is in it; memory about that of the text
// plus 100 bytes a row.  Threading: pure functions.
// Mirrors: _parse_line and _parse_file of libdm/dm-tools/dmsetup.c,
// dm_task_add_target of libdm/ioctl/libdm-iface.c (lvm2 2.03.16).
#ifndef DMDAX_FORMATS_TABLE_TEXT_H_
#define DMDAX_FORMATS_TABLE_TEXT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "dm/dm_ioctl.h"

namespace dmdax {

struct TableRow {
  DmTargetSpec spec;
  size_t line = 0;    // where it begins, from 1
  size_t column = 0;  // from 1, in bytes
};

struct TableTextError {
  size_t line = 0;      // where the row stops making sense, from 1
  size_t column = 0;    // from 1, in bytes
  std::string dmsetup;  // the line that dmsetup prints
  std::string cause;    // for people: what was expected, what is there
};

struct TableText {
  std::vector<TableRow> rows;  // none after an error, as dmsetup loads none
  TableTextError error;        // the first

  bool ok() const { return error.dmsetup.empty(); }
  std::vector<DmTargetSpec> Specs() const;
};

// `where` is how dmsetup calls the table in its messages: the file's name,
// "on stdin", or "" for --table.  It is not opened.
TableText ParseTableText(absl::string_view text, absl::string_view where);

// The rows as text, a newline after each.  EINVAL, with the row's number, for
// what the text has no way to say: a '#', newline or NUL in the parameters,
// white space in front of them, a type that is no single word of 1 to 15.
absl::StatusOr<std::string> PrintTableText(absl::Span<const DmTargetSpec> rows);

}  // namespace dmdax

#endif  // DMDAX_FORMATS_TABLE_TEXT_H_
