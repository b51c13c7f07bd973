// SPDX-License-Identifier: Apache-2.0
//
// The tables of a state's database, and how those of a version before become
// them.
//
//   absl::StatusOr<SqliteDb> db = SqliteDb::Open(":memory:");
//   absl::Status s = CheckStateFormat(*db, "/tmp/s/state.db");
//   absl::StatusOr<int64_t> was = StateFormat(*db);  // 0: it is new
//   s.Update(MakeStateSchema(*db, *was));
//   absl::StatusOr<int64_t> is = StateFormat(*db);  // kStateFormat
//
// Errors: those of SqliteDb.  Threading: as SqliteDb.
#ifndef DMDAX_STATE_STATE_SCHEMA_H_
#define DMDAX_STATE_STATE_SCHEMA_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "state/sqlite.h"

namespace dmdax {

// The format this program writes, and the newest it reads.
inline constexpr int64_t kStateFormat = 5;
// Since this one objects have tags; since 5, files of disks.
inline constexpr int64_t kTagFormat = 4;

// 0: nothing was ever written to the database.
absl::StatusOr<int64_t> StateFormat(SqliteDb& db);

// DataLoss: it is another program's; FailedPrecondition: its format is newer.
// `shown` is its path for messages.
absl::Status CheckStateFormat(SqliteDb& db, absl::string_view shown);

// Makes its tables those of kStateFormat, with what was in them.  Those that
// had no tags have a table for them, without any.
absl::Status MakeStateSchema(SqliteDb& db, int64_t format);

// The objects become those that are kept for an undo, and there are none.
absl::Status KeepStateObjects(SqliteDb& db);

}  // namespace dmdax

#endif  // DMDAX_STATE_STATE_SCHEMA_H_
