// SPDX-License-Identifier: Apache-2.0
#include "state/state_db.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/errno_status.h"
#include "state/part/row_sum.h"
#include "state/part/state_tags.h"
#include "state/row_positions.h"
#include "state/state_schema.h"

namespace dmdax {
namespace {

// When rows are removed all at once: so many go, and the bytes of all are so
// many times those that stay.
constexpr size_t kManyGo = 64;
constexpr int64_t kMuchSmaller = 5;

// New rows go behind all others where their order says nothing, so that none
// has to move.
void AppendPositions(absl::Span<const std::optional<int64_t>> before,
                     absl::Span<int64_t> positions) {
  int64_t last = 0;
  for (const std::optional<int64_t>& position : before) {
    last = std::max(last, position.value_or(0));
  }
  for (size_t i = 0; i < positions.size(); ++i) {
    positions[i] = before[i] ? *before[i] : last += kRowGap;
  }
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
    const auto place =
        OrderMatters(objects[first].kind) ? ChoosePositions : AppendPositions;
    place(before.subspan(first, end - first),
          absl::MakeSpan(positions).subspan(first, end - first));
    first = end;
  }
  return positions;
}

// An error of a full disk, with how much room it takes; any other as it is.
absl::Status WithRoom(SqliteDb& db, absl::Status s) {
  const int err = ErrnoOf(s);
  if (s.ok() || (err != ENOSPC && err != EDQUOT)) return s;
  const absl::StatusOr<int64_t> bytes = db.Number(
      "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size");
  if (!bytes.ok()) return s;
  // A log that has every page, each with a header.
  return ErrnoError(
      err, absl::StrCat(s.message(), "; ", (64 << 10) + *bytes + *bytes / 128,
                        " bytes more are enough for any change "
                        "that makes nothing larger"));
}

}  // namespace

std::pair<uint64_t, uint64_t> StateDb::HashOf(absl::string_view bytes) {
  return {BytesSum(bytes), absl::HashOf(bytes)};
}

absl::StatusOr<StateDb> StateDb::Open(const std::string& path,
                                      SqliteOptions options) {
  const std::string shown = options.shown.empty() ? path : options.shown;
  absl::StatusOr<SqliteDb> opened = SqliteDb::Open(path, std::move(options));
  if (!opened.ok()) return opened.status();
  StateDb db(*std::move(opened));
  // What was committed is on the disk.  What is removed needs no page: Debian's
  // SQLite would write zeros over all that it had.
  for (const char* pragma :
       {"PRAGMA cell_size_check = ON", "PRAGMA temp_store = MEMORY",
        "PRAGMA synchronous = FULL", "PRAGMA secure_delete = FAST", "BEGIN"}) {
    if (absl::Status s = db.db_.Exec(pragma); !s.ok()) return s;
  }
  if (absl::Status s = CheckStateFormat(db.db_, shown); !s.ok()) return s;
  if (absl::Status s = db.db_.Exec("COMMIT"); !s.ok()) return s;
  return db;
}

absl::StatusOr<bool> StateDb::IsNew() {
  absl::StatusOr<int64_t> format = StateFormat(db_);
  if (!format.ok()) return format.status();
  return *format == 0;
}

absl::Status StateDb::BeginWrite() {
  absl::StatusOr<bool> is_new = IsNew();
  if (!is_new.ok()) return is_new.status();
  new_ = *is_new;
  // Readers never wait for writers; a new one has none.
  for (const char* begin :
       {new_ ? "PRAGMA journal_mode = MEMORY" : "PRAGMA journal_mode = WAL",
        "BEGIN IMMEDIATE"}) {
    if (absl::Status s = db_.Exec(begin); !s.ok()) return s;
  }
  writes_ = true;
  absl::StatusOr<int64_t> format = StateFormat(db_);
  if (!format.ok()) return format.status();
  if (absl::Status s = MakeStateSchema(db_, *format); !s.ok()) return s;
  return new_ || *format >= kTagFormat ? absl::OkStatus() : TagAll();
}

absl::Status StateDb::ReadGeneration() {
  absl::StatusOr<int64_t> generation =
      db_.Number("SELECT generation FROM meta");
  if (!generation.ok()) return generation.status();
  generation_ = static_cast<uint64_t>(*generation);
  return absl::OkStatus();
}

absl::Status StateDb::ReadMark() {
  if (absl::Status s = ReadGeneration(); !s.ok()) return s;
  absl::StatusOr<std::optional<int64_t>> sum = SumOfAll(db_);
  if (!sum.ok()) return sum.status();
  mark_ = *sum ? std::optional(Mark{generation_, **sum}) : std::nullopt;
  return absl::OkStatus();
}

absl::Status StateDb::BeginRead() {
  if (writes_ || reads_) return absl::OkStatus();
  absl::Status s = db_.Exec("BEGIN");
  reads_ = s.ok();
  return s;
}

absl::StatusOr<proto::StateSnapshot> StateDb::Read() {
  if (absl::Status s = BeginRead(); !s.ok()) return s;
  if (absl::Status s = ReadMark(); !s.ok()) return s;
  rows_.clear();
  part_ = false;
  absl::StatusOr<RowSums> sums = RowSums::Of(db_);
  if (!sums.ok()) return sums.status();
  absl::StatusOr<SqliteStatement> rows = db_.Prepare(
      absl::StrCat("SELECT kind, key, bytes, position, ", sums->columns(),
                   " FROM object ORDER BY kind, position"));
  if (!rows.ok()) return rows.status();
  SnapshotBuilder builder;
  while (true) {
    absl::StatusOr<bool> row = rows->Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    const auto kind = static_cast<StateObjectKind>(rows->Number(0));
    const absl::string_view key = rows->Bytes(1), bytes = rows->Bytes(2);
    absl::Status s = sums->Check(*rows, 4, kind, rows->Number(3), key, bytes);
    if (s.ok()) s = builder.Add(kind, key, bytes);
    if (!s.ok()) return s;
    if (writes_) {
      rows_[{kind, std::string(key)}] = {rows->Number(3), HashOf(bytes)};
    }
  }
  if (absl::Status s = sums->CheckAll(db_); !s.ok()) return s;
  if (!writes_) {
    if (absl::Status s = db_.Exec("COMMIT"); !s.ok()) return s;
    reads_ = false;
  }
  proto::StateSnapshot snapshot = builder.Take();
  snapshot.set_generation(generation_);
  return snapshot;
}

absl::Status StateDb::Adopt(proto::StateSnapshot snapshot) {
  return WriteRows(ObjectsOf(std::move(snapshot)));
}

absl::Status StateDb::Write(proto::StateSnapshot snapshot) {
  return WriteAndCommit(ObjectsOf(std::move(snapshot)));
}

absl::StatusOr<bool> StateDb::WriteSome(const std::vector<ObjectName>& objects,
                                        proto::StateSnapshot snapshot,
                                        uint64_t before) {
  BeginPart();
  for (const auto& [kind, key] : objects) {
    absl::Status s = Find(kind, key).status();
    if (s.ok() && kind == StateObjectKind::kMappedDevice) s = FindTables(key);
    if (!s.ok()) return s;
  }
  for (proto::MappedDevice& device :
       *snapshot.mutable_world()->mutable_mapped_device()) {
    const auto row = rows_.find(
        {StateObjectKind::kMappedDevice, absl::StrCat(device.minor())});
    const bool stays =
        row != rows_.end() && device.runtime().inserted() <= before;
    device.mutable_runtime()->set_inserted(
        stays ? static_cast<uint64_t>(row->second.position) : 0);
  }
  const std::vector<StateObject> now = ObjectsOf(std::move(snapshot));
  size_t stay = 0;
  for (const StateObject& object : now) {
    stay += rows_.contains({object.kind, object.key}) ? 1 : 0;
  }
  if (rows_.size() - stay > kManyGo) return false;
  absl::Status s = WriteAndCommit(now);
  return s.ok() ? absl::StatusOr<bool>(true) : s;
}

absl::Status StateDb::WriteAndCommit(const std::vector<StateObject>& objects) {
  absl::Status s = WriteRows(objects);
  if (s.ok()) {
    s = db_.Exec(
        "UPDATE meta SET generation = generation + 1, summed = generation + 1");
  }
  const uint64_t generation = generation_;
  if (s.ok()) s = ReadMark();
  generation_ = generation;
  return WithRoom(db_, s.ok() ? Commit() : s);
}

absl::Status StateDb::WriteRows(const std::vector<StateObject>& objects) {
  std::vector<std::optional<int64_t>> before(objects.size());
  std::vector<bool> same(objects.size());
  std::vector<uint64_t> was(objects.size());  // sums of the bytes
  RowMap gone = std::move(rows_);
  for (size_t i = 0; i < objects.size(); ++i) {
    auto row = gone.find({objects[i].kind, objects[i].key});
    if (row == gone.end()) continue;
    before[i] = row->second.position;
    was[i] = row->second.hash.first;
    same[i] = row->second.hash == HashOf(objects[i].bytes);
    gone.erase(row);
  }
  std::vector<int64_t> positions;
  if (part_) {
    absl::StatusOr<std::vector<int64_t>> placed =
        PositionsInPart(objects, before);
    if (!placed.ok()) return placed.status();
    positions = *std::move(placed);
  } else {
    positions = PositionsOf(objects, before);
  }
  // To remove rows one by one writes the pages that they are in; to remove all
  // at once does not, and what stays is written anew.  On a full disk there is
  // room for that alone.
  int64_t stays = 0;
  for (size_t i = 0; i < objects.size(); ++i) {
    if (before[i]) stays += static_cast<int64_t>(objects[i].bytes.size());
  }
  const bool all_at_once =
      !part_ && gone.size() > kManyGo &&
      db_.Number("SELECT sum(length(bytes)) FROM object").value_or(0) >
          kMuchSmaller * stays;
  if (all_at_once) {
    absl::Status s = db_.Exec("DELETE FROM object; DELETE FROM tag");
    if (s.ok()) s = SumAllRows(db_);
    if (!s.ok()) return s;
    before.assign(objects.size(), std::nullopt);
  }
  // Those that go or move make room first.
  int64_t sums = 0;  // of all of them, and of those that come
  for (const auto& [key, row] : gone) {
    has_removed_disks_ |= key.first == StateObjectKind::kPmem ||
                          key.first == StateObjectKind::kBlock;
    if (all_at_once) continue;
    sums ^= RowSum(key.first, row.position, key.second, row.hash.first);
    absl::Status s = RemoveRow(key.first, row.position);
    if (s.ok()) s = RemoveTags(key.first, key.second);
    if (!s.ok()) return s;
  }
  for (size_t i = 0; i < objects.size(); ++i) {
    same[i] = same[i] && before[i] == positions[i];
    if (same[i] || !before[i]) continue;
    sums ^= RowSum(objects[i].kind, *before[i], objects[i].key, was[i]);
    absl::Status s = RemoveRow(objects[i].kind, *before[i]);
    if (s.ok()) s = RemoveTags(objects[i].kind, objects[i].key);
    if (!s.ok()) return s;
  }
  for (size_t i = 0; i < objects.size(); ++i) {
    if (same[i]) continue;
    const StateObject& object = objects[i];
    sums ^=
        RowSum(object.kind, positions[i], object.key, BytesSum(object.bytes));
    absl::Status s = InsertRow(object, positions[i]);
    if (s.ok()) s = InsertTags(object.kind, object.key, object.bytes);
    if (!s.ok()) return s;
  }
  return ChangeSumOfAll(db_, sums);
}

// Whoever opens the state when nobody else has it open reads the log from its
// beginning to its end, and SQLite would only ever begin it anew for those who
// stay.  So one that has grown is written to the database at once, unless
// somebody reads; that costs no more than the changes in it.
absl::Status StateDb::Commit() {
  // A new one has no log, and is not copied.
  if (!new_) {
    if (absl::Status s = db_.MakeRoomForPages(); !s.ok()) return s;
  }
  if (absl::Status s = db_.Exec("COMMIT"); !s.ok()) return s;
  // All of a new one is in the file itself; from now on it has a log.
  if (new_) return db_.Exec("PRAGMA journal_mode = WAL");
  // The change is made, whatever comes of this.
  if (db_.LogIsLong()) db_.EmptyLog();
  return absl::OkStatus();
}

absl::Status StateDb::KeepForUndo() {
  absl::Status s = KeepStateObjects(db_);
  if (s.ok()) s = SumAllRows(db_);
  rows_.clear();  // none of them is there any more
  return WithRoom(db_, s);
}

absl::Status StateDb::Undo() {
  absl::StatusOr<int64_t> kept = db_.Number("SELECT count(*) FROM kept");
  if (!kept.ok()) return kept.status();
  if (*kept == 0) {
    return ErrnoError(ENOENT, "no machine was replaced; there is none to undo");
  }
  absl::Status s = db_.Exec(R"(
    CREATE TEMP TABLE was AS SELECT * FROM object;
    DELETE FROM object;
    INSERT INTO object SELECT * FROM kept;
    DELETE FROM kept;
    INSERT INTO kept SELECT * FROM was;
    UPDATE meta SET generation = generation + 1)");
  if (s.ok()) s = TagAll();
  if (s.ok()) s = SumAllRows(db_);
  return WithRoom(db_, s.ok() ? Commit() : s);
}

}  // namespace dmdax
