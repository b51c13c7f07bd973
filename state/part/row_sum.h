// SPDX-License-Identifier: Apache-2.0
//
// The checksum of a row of the state, which the row keeps.
//
// SQLite sees that a page is no page of its own, and not that a bit of a row
// is another, or a row less is there: that would be another machine.  Any
// change within 8 bytes gives another sum, and of others one in 2^64 does not.
// The sum of all rows is in `meta`, with the generation it is of: a version
// without sums writes neither, and what it wrote is as good as it was.
// Threading: as SqliteDb.
#ifndef DMDAX_STATE_PART_ROW_SUM_H_
#define DMDAX_STATE_PART_ROW_SUM_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "state/sqlite.h"
#include "state/state_objects.h"

namespace dmdax {

// The same in every process.
uint64_t BytesSum(absl::string_view bytes);
int64_t RowSum(StateObjectKind kind, int64_t position, absl::string_view key,
               uint64_t bytes_sum);

class RowSums {
 public:
  // For Check() alone.
  RowSums() = default;
  // Of a database, which may be one without sums.
  static absl::StatusOr<RowSums> Of(SqliteDb& db);

  // For a SELECT: the sum of a row, and whether it has one.
  const char* columns() const { return has_ ? "sum, sum IS NOT NULL" : "0, 0"; }
  // DataLoss unless the row at hand, which has those columns from `column` on,
  // is as it was written.
  absl::Status Check(const SqliteStatement& row, int column,
                     StateObjectKind kind, int64_t position,
                     absl::string_view key, absl::string_view bytes);
  // After a Check() of every row: DataLoss if some are not there, or too many.
  absl::Status CheckAll(SqliteDb& db) const;

 private:
  bool has_ = false;
  int64_t all_ = 0;
};

// The sum of all rows, if it is that of the database's generation.
absl::StatusOr<std::optional<int64_t>> SumOfAll(SqliteDb& db);

// In a transaction: gives the rows that have none their sums.
absl::Status AddRowSums(SqliteDb& db);
// Makes the sum of all rows anew.
absl::Status SumAllRows(SqliteDb& db);
// What came and went since, each by its sum, all by XOR.
absl::Status ChangeSumOfAll(SqliteDb& db, int64_t sums);

}  // namespace dmdax

#endif  // DMDAX_STATE_PART_ROW_SUM_H_
