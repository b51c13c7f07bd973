// SPDX-License-Identifier: Apache-2.0
//
// The rows of a StateDb one by one: how they are written, and how a part of
// them is found.
#include <limits>

#include "absl/strings/str_cat.h"
#include "state/part/row_sum.h"
#include "state/part/state_tags.h"
#include "state/row_positions.h"
#include "state/state_db.h"
#include "state/state_schema.h"

namespace dmdax {

absl::StatusOr<SqliteStatement*> StateDb::Prepared(
    std::optional<SqliteStatement>& cache, absl::string_view sql) {
  if (!cache) {
    absl::StatusOr<SqliteStatement> made = db_.Prepare(sql);
    if (!made.ok()) return made.status();
    cache = *std::move(made);
  }
  return &*cache;
}

absl::Status StateDb::RemoveRow(StateObjectKind kind, int64_t position) {
  absl::StatusOr<SqliteStatement*> remove =
      Prepared(remove_, "DELETE FROM object WHERE kind = ?1 AND position = ?2");
  if (!remove.ok()) return remove.status();
  (*remove)->Bind(1, static_cast<int64_t>(kind));
  (*remove)->Bind(2, position);
  return (*remove)->Run();
}

absl::Status StateDb::InsertRow(const StateObject& object, int64_t position) {
  absl::StatusOr<SqliteStatement*> insert =
      Prepared(insert_,
               "INSERT INTO object(kind, position, key, bytes, sum) "
               "VALUES(?1, ?2, ?3, ?4, ?5)");
  if (!insert.ok()) return insert.status();
  (*insert)->Bind(1, static_cast<int64_t>(object.kind));
  (*insert)->Bind(2, position);
  (*insert)->Bind(3, object.key);
  (*insert)->Bind(4, object.bytes);
  (*insert)->Bind(
      5, RowSum(object.kind, position, object.key, BytesSum(object.bytes)));
  return (*insert)->Run();
}

absl::Status StateDb::RemoveTags(StateObjectKind kind, absl::string_view key) {
  absl::StatusOr<SqliteStatement*> remove =
      Prepared(remove_tags_, "DELETE FROM tag WHERE kind = ?1 AND key = ?2");
  if (!remove.ok()) return remove.status();
  (*remove)->Bind(1, static_cast<int64_t>(kind));
  (*remove)->Bind(2, key);
  return (*remove)->Run();
}

absl::Status StateDb::InsertTags(StateObjectKind kind, absl::string_view key,
                                 absl::string_view bytes) {
  for (const std::string& tag : TagsOf(kind, bytes)) {
    absl::StatusOr<SqliteStatement*> insert =
        Prepared(insert_tag_,
                 "INSERT OR IGNORE INTO tag(tag, kind, key) "
                 "VALUES(?1, ?2, ?3)");
    if (!insert.ok()) return insert.status();
    (*insert)->Bind(1, tag);
    (*insert)->Bind(2, static_cast<int64_t>(kind));
    (*insert)->Bind(3, key);
    if (absl::Status s = (*insert)->Run(); !s.ok()) return s;
  }
  return absl::OkStatus();
}

absl::Status StateDb::TagAll() {
  if (absl::Status s = db_.Exec("DELETE FROM tag"); !s.ok()) return s;
  absl::StatusOr<SqliteStatement> rows =
      db_.Prepare("SELECT kind, key, bytes FROM object");
  if (!rows.ok()) return rows.status();
  while (true) {
    absl::StatusOr<bool> row = rows->Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::OkStatus();
    absl::Status s = InsertTags(static_cast<StateObjectKind>(rows->Number(0)),
                                rows->Bytes(1), rows->Bytes(2));
    if (!s.ok()) return s;
  }
}

absl::StatusOr<bool> StateDb::HasTags() {
  absl::StatusOr<int64_t> format = StateFormat(db_);
  if (!format.ok()) return format.status();
  return *format >= kTagFormat;
}

void StateDb::BeginPart() {
  rows_.clear();
  part_ = true;
}

absl::StatusOr<std::optional<StateDb::Found>> StateDb::Find(
    StateObjectKind kind, absl::string_view key) {
  absl::StatusOr<RowSums> sums = find_ ? RowSums() : RowSums::Of(db_);
  if (!sums.ok()) return sums.status();
  absl::StatusOr<SqliteStatement*> find = Prepared(
      find_, absl::StrCat("SELECT position, bytes, ", sums->columns(),
                          " FROM object WHERE kind = ?1 AND key = ?2"));
  if (!find.ok()) return find.status();
  (*find)->Bind(1, static_cast<int64_t>(kind));
  (*find)->Bind(2, key);
  absl::StatusOr<bool> row = (*find)->Step();
  if (!row.ok()) return row.status();
  std::optional<Found> found;
  if (*row) {
    const absl::string_view bytes = (*find)->Bytes(1);
    found = Found{(*find)->Number(0), std::string(bytes)};
    absl::Status s = sums->Check(**find, 2, kind, found->position, key, bytes);
    if (!s.ok()) return s;
    if (writes_) {
      rows_[{kind, std::string(key)}] = {found->position, HashOf(bytes)};
    }
  }
  (*find)->Reset();
  return found;
}

absl::Status StateDb::FindTables(absl::string_view minor) {
  for (const std::string& slot : TableSlotsOf(minor)) {
    absl::StatusOr<std::optional<Found>> table =
        Find(StateObjectKind::kTableSlot, slot);
    if (table.ok() && *table) {
      table = Find(StateObjectKind::kTable, (*table)->bytes);
    }
    if (!table.ok()) return table.status();
  }
  return absl::OkStatus();
}

absl::Status StateDb::FindAll(
    StateObjectKind first, StateObjectKind last,
    absl::FunctionRef<void(StateObjectKind kind, int64_t position,
                           absl::string_view key, absl::string_view bytes)>
        fn) {
  absl::StatusOr<RowSums> sums = RowSums::Of(db_);
  if (!sums.ok()) return sums.status();
  absl::StatusOr<SqliteStatement> rows = db_.Prepare(
      absl::StrCat("SELECT kind, position, key, bytes, ", sums->columns(),
                   " FROM object WHERE kind BETWEEN ?1 AND ?2 "
                   "ORDER BY kind, position"));
  if (!rows.ok()) return rows.status();
  rows->Bind(1, static_cast<int64_t>(first));
  rows->Bind(2, static_cast<int64_t>(last));
  while (true) {
    absl::StatusOr<bool> row = rows->Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::OkStatus();
    const auto kind = static_cast<StateObjectKind>(rows->Number(0));
    const absl::string_view key = rows->Bytes(2), bytes = rows->Bytes(3);
    absl::Status s = sums->Check(*rows, 4, kind, rows->Number(1), key, bytes);
    if (!s.ok()) return s;
    if (writes_) {
      rows_[{kind, std::string(key)}] = {rows->Number(1), HashOf(bytes)};
    }
    fn(kind, rows->Number(1), key, bytes);
  }
}

absl::StatusOr<std::set<std::string>> StateDb::DiskFileNames() {
  constexpr auto kPmem = StateObjectKind::kPmem;
  constexpr auto kBlock = StateObjectKind::kBlock;
  std::set<std::string> names;
  for (const absl::string_view table : {"object", "kept"}) {
    absl::StatusOr<SqliteStatement> rows = db_.Prepare(absl::StrCat(
        "SELECT kind, bytes FROM ", table, " WHERE kind BETWEEN ",
        static_cast<int>(kPmem), " AND ", static_cast<int>(kBlock)));
    if (!rows.ok()) return rows.status();
    absl::StatusOr<bool> row = rows->Step();
    for (; row.ok() && *row; row = rows->Step()) {
      proto::Pmem pmem;
      proto::Block block;
      const bool is_pmem = rows->Number(0) == static_cast<int>(kPmem);
      if (is_pmem ? !ParseObject(rows->Bytes(1), &pmem)
                  : !ParseObject(rows->Bytes(1), &block)) {
        return absl::DataLossError("the state is damaged: a disk");
      }
      names.insert(is_pmem ? pmem.runtime().file() : block.runtime().file());
    }
    if (!row.ok()) return row.status();
  }
  return names;
}

absl::StatusOr<bool> StateDb::Exists(StateObjectKind kind,
                                     absl::string_view key) {
  absl::StatusOr<SqliteStatement*> exists =
      Prepared(exists_, "SELECT 1 FROM object WHERE kind = ?1 AND key = ?2");
  if (!exists.ok()) return exists.status();
  (*exists)->Bind(1, static_cast<int64_t>(kind));
  (*exists)->Bind(2, key);
  absl::StatusOr<bool> row = (*exists)->Step();
  (*exists)->Reset();
  return row;
}

absl::StatusOr<std::vector<std::pair<StateObjectKind, std::string>>>
StateDb::Tagged(absl::string_view tag) {
  absl::StatusOr<SqliteStatement*> tagged =
      Prepared(tagged_, "SELECT kind, key FROM tag WHERE tag = ?1");
  if (!tagged.ok()) return tagged.status();
  (*tagged)->Bind(1, tag);
  std::vector<std::pair<StateObjectKind, std::string>> found;
  absl::StatusOr<bool> row = (*tagged)->Step();
  for (; row.ok() && *row; row = (*tagged)->Step()) {
    found.emplace_back(static_cast<StateObjectKind>((*tagged)->Number(0)),
                       std::string((*tagged)->Bytes(1)));
  }
  (*tagged)->Reset();
  if (!row.ok()) return row.status();
  return found;
}

absl::StatusOr<int64_t> StateDb::CountTagged(absl::string_view tag,
                                             StateObjectKind kind,
                                             int64_t most) {
  absl::StatusOr<SqliteStatement*> count =
      Prepared(count_tagged_,
               "SELECT count(*) FROM (SELECT 1 FROM tag "
               "WHERE tag = ?1 AND kind = ?2 LIMIT ?3)");
  if (!count.ok()) return count.status();
  (*count)->Bind(1, tag);
  (*count)->Bind(2, static_cast<int64_t>(kind));
  (*count)->Bind(3, most);
  absl::StatusOr<bool> row = (*count)->Step();
  const int64_t number = row.ok() && *row ? (*count)->Number(0) : 0;
  (*count)->Reset();
  if (!row.ok()) return row.status();
  return number;
}

absl::StatusOr<int64_t> StateDb::LastPosition(StateObjectKind kind) {
  absl::StatusOr<SqliteStatement*> last = Prepared(
      last_position_, "SELECT max(position) FROM object WHERE kind = ?1");
  if (!last.ok()) return last.status();
  (*last)->Bind(1, static_cast<int64_t>(kind));
  absl::StatusOr<bool> row = (*last)->Step();
  const int64_t number = row.ok() && *row ? (*last)->Number(0) : 0;
  (*last)->Reset();
  if (!row.ok()) return row.status();
  return number;
}

absl::StatusOr<std::vector<int64_t>> StateDb::PositionsInPart(
    absl::Span<const StateObject> objects,
    absl::Span<const std::optional<int64_t>> before) {
  std::vector<int64_t> positions(objects.size());
  std::optional<StateObjectKind> kind;
  int64_t last = 0;
  for (size_t i = 0; i < objects.size(); ++i) {
    const StateObject& object = objects[i];
    // A mapped device that got another name comes after all others.
    const bool stays =
        before[i] && (object.kind != StateObjectKind::kMappedDevice ||
                      object.inserted == static_cast<uint64_t>(*before[i]));
    if (stays) {
      positions[i] = *before[i];
      continue;
    }
    if (kind != object.kind) {
      absl::StatusOr<int64_t> found = LastPosition(object.kind);
      if (!found.ok()) return found.status();
      last = *found;
      kind = object.kind;
    }
    positions[i] = last += kRowGap;
  }
  return positions;
}

}  // namespace dmdax
