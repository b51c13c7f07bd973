// SPDX-License-Identifier: Apache-2.0
#include "state/state_schema.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "state/part/row_sum.h"

namespace dmdax {
namespace {

// "dmax": whose file this is.
constexpr int64_t kApplicationId = 0x646d6178;

// By what else an object is found: part/state_tags.h.
constexpr char kTagSchema[] = R"(
CREATE TABLE tag(
  tag BLOB NOT NULL, kind INTEGER NOT NULL, key BLOB NOT NULL,
  PRIMARY KEY(tag, kind, key)) WITHOUT ROWID;
CREATE INDEX tag_object ON tag(kind, key);
)";

// A table of objects, as `object` and `kept` both are: one becomes the other by
// its name.  Rows are looked for in the indices alone: a search that meets a
// large row in its tree reads all of it.
std::string ObjectTable(absl::string_view name) {
  return absl::StrCat(
      "CREATE TABLE ", name,
      "(\n"
      "  id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, "
      "position INTEGER NOT NULL,\n"
      "  key BLOB NOT NULL, bytes BLOB NOT NULL, sum INTEGER);\n"
      "CREATE UNIQUE INDEX ",
      name, "_place ON ", name, "(kind, position);\n");
}

std::string ObjectSchema() {
  return absl::StrCat(ObjectTable("object"),
                      "CREATE UNIQUE INDEX object_key ON object(kind, key);\n");
}

std::string KeptSchema() { return ObjectTable("kept"); }

// The objects become those that are kept: a name is another.  No page of theirs
// is written, nor of those that were kept before.
constexpr char kKeepObjects[] = R"(
DROP TABLE kept;
DROP INDEX object_place;
DROP INDEX object_key;
ALTER TABLE object RENAME TO kept;
DELETE FROM tag;
)";

constexpr char kMetaSchema[] = R"(
CREATE TABLE meta(
  generation INTEGER NOT NULL, sums INTEGER, summed INTEGER);
INSERT INTO meta VALUES(0, 0, 0);
)";

// Of formats before, where the place was the key of the table itself.
constexpr char kRenameObjects[] = R"(
DROP INDEX IF EXISTS object_place;
DROP INDEX IF EXISTS object_key;
DROP INDEX IF EXISTS kept_place;
ALTER TABLE object RENAME TO object_before;
ALTER TABLE kept RENAME TO kept_before;
)";
constexpr char kTakeObjects[] = R"(
INSERT INTO object(kind, position, key, bytes, sum)
  SELECT kind, position, key, bytes, sum FROM object_before;
INSERT INTO kept(kind, position, key, bytes, sum)
  SELECT kind, position, key, bytes, sum FROM kept_before;
DROP TABLE object_before;
DROP TABLE kept_before;
)";

}  // namespace

absl::StatusOr<int64_t> StateFormat(SqliteDb& db) {
  return db.Number("PRAGMA user_version");
}

absl::Status CheckStateFormat(SqliteDb& db, absl::string_view shown) {
  absl::StatusOr<int64_t> format = StateFormat(db);
  if (!format.ok()) return format.status();
  absl::StatusOr<int64_t> id = db.Number("PRAGMA application_id");
  if (!id.ok()) return id.status();
  absl::StatusOr<int64_t> tables =
      db.Number("SELECT count(*) FROM sqlite_master");
  if (!tables.ok()) return tables.status();
  const bool is_new = *format == 0 && *id == 0 && *tables == 0;
  if (!is_new && (*id != kApplicationId || *format <= 0)) {
    return absl::DataLossError(
        absl::StrCat("'", shown,
                     "' is not a dmdax state, but the database of another "
                     "program"));
  }
  if (*format > kStateFormat) {
    return absl::FailedPreconditionError(
        absl::StrCat("'", shown, "' has format ", *format,
                     "; this dmdax knows formats up to ", kStateFormat));
  }
  return absl::OkStatus();
}

absl::Status MakeStateSchema(SqliteDb& db, int64_t format) {
  const bool is_new = format == 0;
  if (is_new) {
    for (const std::string& schema :
         {ObjectSchema(), KeptSchema(), std::string(kMetaSchema)}) {
      if (absl::Status s = db.Exec(schema.c_str()); !s.ok()) return s;
    }
  }
  if (absl::Status s = AddRowSums(db); !s.ok()) return s;
  if (format == kStateFormat) return absl::OkStatus();
  if (!is_new) {
    for (const std::string& step : {std::string(kRenameObjects), ObjectSchema(),
                                    KeptSchema(), std::string(kTakeObjects)}) {
      if (absl::Status s = db.Exec(step.c_str()); !s.ok()) return s;
    }
  }
  if (format < kTagFormat) {
    if (absl::Status s = db.Exec(kTagSchema); !s.ok()) return s;
  }
  const std::string marks =
      absl::StrCat("PRAGMA application_id = ", kApplicationId,
                   "; PRAGMA user_version = ", kStateFormat);
  return db.Exec(marks.c_str());
}

absl::Status KeepStateObjects(SqliteDb& db) {
  absl::Status s = db.Exec(kKeepObjects);
  return s.ok() ? db.Exec(ObjectSchema().c_str()) : s;
}

}  // namespace dmdax
