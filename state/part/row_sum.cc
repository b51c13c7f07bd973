// SPDX-License-Identifier: Apache-2.0
#include "state/part/row_sum.h"

#include <cstring>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace dmdax {
namespace {

// Each step is one-to-one in the sum and in the word.
uint64_t Mix(uint64_t sum, uint64_t word) {
  constexpr uint64_t kOdd = 0x9e3779b97f4a7c15;
  sum = (sum ^ word) * kOdd;
  return sum ^ (sum >> 32);
}

absl::Status Damaged(absl::string_view how) {
  return absl::DataLossError(
      absl::StrCat("the state is damaged: ", how,
                   " (a checksum in its database is not that of what it has)"));
}

absl::StatusOr<bool> HasSums(SqliteDb& db) {
  absl::StatusOr<int64_t> columns = db.Number(
      "SELECT count(*) FROM pragma_table_info('meta') WHERE name = 'summed'");
  if (!columns.ok()) return columns.status();
  return *columns != 0;
}

// Gives each row its sum; the XOR of all.
absl::StatusOr<int64_t> SumRows(SqliteDb& db, absl::string_view table) {
  struct Sum {
    int64_t kind, position, sum;
  };
  std::vector<Sum> missing;
  int64_t all = 0;
  absl::StatusOr<SqliteStatement> rows = db.Prepare(absl::StrCat(
      "SELECT kind, position, key, bytes, sum IS NULL FROM ", table));
  if (!rows.ok()) return rows.status();
  absl::StatusOr<bool> row = rows->Step();
  for (; row.ok() && *row; row = rows->Step()) {
    const Sum one{
        rows->Number(0), rows->Number(1),
        RowSum(static_cast<StateObjectKind>(rows->Number(0)), rows->Number(1),
               rows->Bytes(2), BytesSum(rows->Bytes(3)))};
    all ^= one.sum;
    if (rows->Number(4) != 0) missing.push_back(one);
  }
  if (!row.ok()) return row.status();
  absl::StatusOr<SqliteStatement> update = db.Prepare(absl::StrCat(
      "UPDATE ", table, " SET sum = ?3 WHERE kind = ?1 AND position = ?2"));
  if (!update.ok()) return update.status();
  for (const Sum& one : missing) {
    update->Bind(1, one.kind);
    update->Bind(2, one.position);
    update->Bind(3, one.sum);
    if (absl::Status s = update->Run(); !s.ok()) return s;
  }
  return all;
}

absl::Status SetSumOfAll(SqliteDb& db, int64_t sums) {
  return db.Exec(
      absl::StrCat("UPDATE meta SET sums = ", sums, ", summed = generation")
          .c_str());
}

}  // namespace

uint64_t BytesSum(absl::string_view bytes) {
  uint64_t sum = Mix(0, bytes.size());
  uint64_t word = 0;
  while (bytes.size() >= sizeof(word)) {
    memcpy(&word, bytes.data(), sizeof(word));
    sum = Mix(sum, word);
    bytes.remove_prefix(sizeof(word));
  }
  word = 0;
  if (!bytes.empty()) memcpy(&word, bytes.data(), bytes.size());
  return Mix(sum, word);
}

int64_t RowSum(StateObjectKind kind, int64_t position, absl::string_view key,
               uint64_t bytes_sum) {
  uint64_t sum = Mix(BytesSum(key), static_cast<uint64_t>(kind));
  sum = Mix(sum, static_cast<uint64_t>(position));
  return static_cast<int64_t>(Mix(sum, bytes_sum));
}

absl::StatusOr<RowSums> RowSums::Of(SqliteDb& db) {
  absl::StatusOr<bool> has = HasSums(db);
  if (!has.ok()) return has.status();
  RowSums sums;
  sums.has_ = *has;
  return sums;
}

absl::Status RowSums::Check(const SqliteStatement& row, int column,
                            StateObjectKind kind, int64_t position,
                            absl::string_view key, absl::string_view bytes) {
  const int64_t sum = RowSum(kind, position, key, BytesSum(bytes));
  all_ ^= sum;
  if (row.Number(column + 1) == 0 || row.Number(column) == sum) {
    return absl::OkStatus();
  }
  return Damaged(absl::StrCat("'", absl::CHexEscape(key.substr(0, 80)),
                              "' is not as it was written"));
}

absl::Status RowSums::CheckAll(SqliteDb& db) const {
  absl::StatusOr<std::optional<int64_t>> sum = SumOfAll(db);
  if (!sum.ok()) return sum.status();
  if (!*sum || **sum == all_) return absl::OkStatus();
  return Damaged("a part of it is not there");
}

absl::StatusOr<std::optional<int64_t>> SumOfAll(SqliteDb& db) {
  absl::StatusOr<bool> has = HasSums(db);
  if (!has.ok()) return has.status();
  if (!*has) return std::optional<int64_t>();
  absl::StatusOr<SqliteStatement> meta = db.Prepare(
      "SELECT sums FROM meta WHERE summed = generation AND sums IS NOT NULL");
  if (!meta.ok()) return meta.status();
  absl::StatusOr<bool> known = meta->Step();
  if (!known.ok()) return known.status();
  return *known ? std::optional<int64_t>(meta->Number(0)) : std::nullopt;
}

absl::Status AddRowSums(SqliteDb& db) {
  absl::StatusOr<bool> has = HasSums(db);
  if (!has.ok()) return has.status();
  if (!*has) {
    absl::Status s = db.Exec(R"(
      ALTER TABLE object ADD COLUMN sum INTEGER;
      ALTER TABLE kept ADD COLUMN sum INTEGER;
      ALTER TABLE meta ADD COLUMN sums INTEGER;
      ALTER TABLE meta ADD COLUMN summed INTEGER)");
    if (!s.ok()) return s;
  }
  // A version without sums has written since, or has made all of it.
  absl::StatusOr<int64_t> known =
      db.Number("SELECT ifnull(summed = generation, 0) FROM meta");
  if (!known.ok()) return known.status();
  return *known != 0 ? absl::OkStatus() : SumAllRows(db);
}

absl::Status SumAllRows(SqliteDb& db) {
  if (absl::Status s = SumRows(db, "kept").status(); !s.ok()) return s;
  absl::StatusOr<int64_t> sums = SumRows(db, "object");
  return sums.ok() ? SetSumOfAll(db, *sums) : sums.status();
}

absl::Status ChangeSumOfAll(SqliteDb& db, int64_t sums) {
  absl::StatusOr<int64_t> before = db.Number("SELECT sums FROM meta");
  if (!before.ok()) return before.status();
  return SetSumOfAll(db, *before ^ sums);
}

}  // namespace dmdax
