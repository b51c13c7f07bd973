// SPDX-License-Identifier: Apache-2.0
#include "state/state_db.h"

#include <cerrno>
#include <optional>
#include <vector>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/errno_status.h"
#include "state/row_positions.h"

namespace dmdax {
namespace {

// "dmax": whose file this is.
constexpr int64_t kApplicationId = 0x646d6178;

constexpr char kSchema[] = R"(
CREATE TABLE object(
  kind INTEGER NOT NULL, position INTEGER NOT NULL,
  key BLOB NOT NULL, bytes BLOB NOT NULL,
  PRIMARY KEY(kind, position)) WITHOUT ROWID;
CREATE UNIQUE INDEX object_key ON object(kind, key);
CREATE TABLE kept(
  kind INTEGER NOT NULL, position INTEGER NOT NULL,
  key BLOB NOT NULL, bytes BLOB NOT NULL,
  PRIMARY KEY(kind, position)) WITHOUT ROWID;
CREATE TABLE meta(generation INTEGER NOT NULL);
INSERT INTO meta VALUES(0);
)";

// Equal for equal bytes; that two others are is less likely than that memory
// fails.
std::pair<uint64_t, uint64_t> HashOf(absl::string_view bytes) {
  return {absl::HashOf(bytes), absl::HashOf(bytes, uint64_t{1})};
}

// Within each kind, which the objects are in order of.
std::vector<int64_t> PositionsOf(
    absl::Span<const StateObject> objects,
    absl::Span<const std::optional<int64_t>> before) {
  std::vector<int64_t> positions(objects.size());
  size_t first = 0;
  for (size_t end = 1; end <= objects.size(); ++end) {
    if (end < objects.size() && objects[end].kind == objects[first].kind) {
      continue;
    }
    ChoosePositions(before.subspan(first, end - first),
                    absl::MakeSpan(positions).subspan(first, end - first));
    first = end;
  }
  return positions;
}

}  // namespace

absl::StatusOr<StateDb> StateDb::Open(const std::string& path) {
  absl::StatusOr<SqliteDb> db = SqliteDb::Open(path);
  if (!db.ok()) return db.status();
  // Readers never wait for writers; what was committed is on the disk.
  for (const char* pragma :
       {"PRAGMA busy_timeout = 10000", "PRAGMA cell_size_check = ON",
        "PRAGMA temp_store = MEMORY", "PRAGMA synchronous = FULL"}) {
    if (absl::Status s = db->Exec(pragma); !s.ok()) return s;
  }
  absl::StatusOr<int64_t> format = db->Number("PRAGMA user_version");
  if (!format.ok()) return format.status();
  if (*format > kFormat) {
    return absl::FailedPreconditionError(
        absl::StrCat("'", path, "' has format ", *format,
                     "; this dmdax knows formats up to ", kFormat));
  }
  return StateDb(*std::move(db));
}

absl::StatusOr<bool> StateDb::IsNew() {
  absl::StatusOr<int64_t> format = db_.Number("PRAGMA user_version");
  if (!format.ok()) return format.status();
  return *format == 0;
}

absl::Status StateDb::BeginWrite() {
  if (absl::Status s = db_.Exec("PRAGMA journal_mode = WAL"); !s.ok()) return s;
  if (absl::Status s = db_.Exec("BEGIN IMMEDIATE"); !s.ok()) return s;
  writes_ = true;
  absl::StatusOr<bool> is_new = IsNew();
  if (!is_new.ok()) return is_new.status();
  if (!*is_new) return absl::OkStatus();
  if (absl::Status s = db_.Exec(kSchema); !s.ok()) return s;
  const std::string marks =
      absl::StrCat("PRAGMA application_id = ", kApplicationId,
                   "; PRAGMA user_version = ", kFormat);
  return db_.Exec(marks.c_str());
}

absl::StatusOr<proto::StateSnapshot> StateDb::Read() {
  if (!writes_) {
    if (absl::Status s = db_.Exec("BEGIN"); !s.ok()) return s;
  }
  absl::StatusOr<int64_t> generation =
      db_.Number("SELECT generation FROM meta");
  if (!generation.ok()) return generation.status();
  generation_ = static_cast<uint64_t>(*generation);
  absl::StatusOr<SqliteStatement> rows = db_.Prepare(
      "SELECT kind, key, bytes, position FROM object ORDER BY kind, position");
  if (!rows.ok()) return rows.status();
  SnapshotBuilder builder;
  while (true) {
    absl::StatusOr<bool> row = rows->Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    const auto kind = static_cast<StateObjectKind>(rows->Number(0));
    const absl::string_view key = rows->Bytes(1), bytes = rows->Bytes(2);
    if (absl::Status s = builder.Add(kind, key, bytes); !s.ok()) return s;
    if (writes_) {
      rows_[{kind, std::string(key)}] = {rows->Number(3), HashOf(bytes)};
    }
  }
  if (!writes_) {
    if (absl::Status s = db_.Exec("COMMIT"); !s.ok()) return s;
  }
  proto::StateSnapshot snapshot = builder.Take();
  snapshot.set_generation(generation_);
  return snapshot;
}

absl::Status StateDb::RemoveRow(StateObjectKind kind, int64_t position) {
  if (!remove_) {
    absl::StatusOr<SqliteStatement> remove =
        db_.Prepare("DELETE FROM object WHERE kind = ?1 AND position = ?2");
    if (!remove.ok()) return remove.status();
    remove_ = *std::move(remove);
  }
  remove_->Bind(1, static_cast<int64_t>(kind));
  remove_->Bind(2, position);
  return remove_->Run();
}

absl::Status StateDb::InsertRow(const StateObject& object, int64_t position) {
  if (!insert_) {
    absl::StatusOr<SqliteStatement> insert = db_.Prepare(
        "INSERT INTO object(kind, position, key, bytes) "
        "VALUES(?1, ?2, ?3, ?4)");
    if (!insert.ok()) return insert.status();
    insert_ = *std::move(insert);
  }
  insert_->Bind(1, static_cast<int64_t>(object.kind));
  insert_->Bind(2, position);
  insert_->Bind(3, object.key);
  insert_->Bind(4, object.bytes);
  return insert_->Run();
}

absl::Status StateDb::Write(proto::StateSnapshot snapshot) {
  const std::vector<StateObject> objects = ObjectsOf(std::move(snapshot));
  std::vector<std::optional<int64_t>> before(objects.size());
  std::vector<bool> same(objects.size());
  RowMap gone = std::move(rows_);
  for (size_t i = 0; i < objects.size(); ++i) {
    auto row = gone.find({objects[i].kind, objects[i].key});
    if (row == gone.end()) continue;
    before[i] = row->second.position;
    same[i] = row->second.hash == HashOf(objects[i].bytes);
    gone.erase(row);
  }
  const std::vector<int64_t> positions = PositionsOf(objects, before);
  // Those that go or move make room first.
  for (const auto& [key, row] : gone) {
    if (absl::Status s = RemoveRow(key.first, row.position); !s.ok()) return s;
  }
  for (size_t i = 0; i < objects.size(); ++i) {
    same[i] = same[i] && before[i] == positions[i];
    if (same[i] || !before[i]) continue;
    absl::Status s = RemoveRow(objects[i].kind, *before[i]);
    if (!s.ok()) return s;
  }
  for (size_t i = 0; i < objects.size(); ++i) {
    if (same[i]) continue;
    if (absl::Status s = InsertRow(objects[i], positions[i]); !s.ok()) return s;
  }
  absl::Status s = db_.Exec("UPDATE meta SET generation = generation + 1");
  return s.ok() ? db_.Exec("COMMIT") : s;
}

absl::Status StateDb::KeepForUndo() {
  return db_.Exec("DELETE FROM kept; INSERT INTO kept SELECT * FROM object");
}

absl::Status StateDb::Undo() {
  absl::StatusOr<int64_t> kept = db_.Number("SELECT count(*) FROM kept");
  if (!kept.ok()) return kept.status();
  if (*kept == 0) {
    return ErrnoError(ENOENT, "no machine was replaced; there is none to undo");
  }
  return db_.Exec(R"(
    CREATE TEMP TABLE was AS SELECT * FROM object;
    DELETE FROM object;
    INSERT INTO object SELECT * FROM kept;
    DELETE FROM kept;
    INSERT INTO kept SELECT * FROM was;
    UPDATE meta SET generation = generation + 1;
    COMMIT)");
}

}  // namespace dmdax
