// SPDX-License-Identifier: Apache-2.0
#include "state/sqlite.h"

#include <sqlite3.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"

namespace dmdax {
namespace {

int ErrnoOfCode(int code) {
  switch (code) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return EBUSY;
    case SQLITE_FULL:
      return ENOSPC;
    case SQLITE_NOMEM:
      return ENOMEM;
    case SQLITE_READONLY:
      return EROFS;
    case SQLITE_TOOBIG:
      return EFBIG;
    default:
      return EIO;
  }
}

// What went wrong last.
absl::Status LastError(sqlite3* db) {
  const int code = sqlite3_errcode(db) & 0xff;
  const char* const file = sqlite3_db_filename(db, "main");
  const std::string path = file != nullptr ? file : "";
  if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB ||
      code == SQLITE_MISMATCH || code == SQLITE_ERROR) {
    // We make no mistakes in our SQL, so the tables are not ours.
    return absl::DataLossError(absl::StrCat("'", path,
                                            "' is not a dmdax state, or is "
                                            "damaged: ",
                                            sqlite3_errmsg(db)));
  }
  // SQLite remembers the errno of any failed call, so only these codes may
  // have it.
  const bool io =
      code == SQLITE_IOERR || code == SQLITE_FULL || code == SQLITE_CANTOPEN;
  const int system = io ? sqlite3_system_errno(db) : 0;
  const int err = system != 0 ? system : ErrnoOfCode(code);
  return ErrnoError(
      err, absl::StrCat("state directory: '", path, "': ", sqlite3_errmsg(db),
                        ": ", ErrnoText(err)));
}

}  // namespace

void SqliteStatement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

void SqliteDb::Close::operator()(sqlite3* db) const { sqlite3_close_v2(db); }

absl::StatusOr<SqliteDb> SqliteDb::Open(const std::string& path) {
  SqliteDb db;
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(
      path.c_str(), &raw,
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW,
      nullptr);
  db.db_.reset(raw);
  if (raw == nullptr) return ErrnoError(ENOMEM, "no memory for SQLite");
  if (code != SQLITE_OK) return LastError(raw);
  sqlite3_extended_result_codes(raw, 1);
  // A damaged or malicious file must not have us run its triggers.
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  // The last one to close would copy the log into the database, which each
  // command would wait for; a log that has grown is copied all the same.
  sqlite3_db_config(raw, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  return db;
}

absl::Status SqliteDb::Exec(const char* sql) {
  if (sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return LastError(db_.get());
  }
  return absl::OkStatus();
}

absl::StatusOr<SqliteStatement> SqliteDb::Prepare(absl::string_view sql) {
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v2(db_.get(), sql.data(), static_cast<int>(sql.size()),
                         &raw, nullptr) != SQLITE_OK) {
    return LastError(db_.get());
  }
  SqliteStatement statement;
  statement.statement_.reset(raw);
  return statement;
}

absl::StatusOr<int64_t> SqliteDb::Number(absl::string_view sql) {
  absl::StatusOr<SqliteStatement> statement = Prepare(sql);
  if (!statement.ok()) return statement.status();
  absl::StatusOr<bool> row = statement->Step();
  if (!row.ok()) return row.status();
  return *row ? statement->Number(0) : 0;
}

void SqliteStatement::Bind(int parameter, absl::string_view bytes) {
  sqlite3_bind_blob64(statement_.get(), parameter,
                      bytes.data() != nullptr ? bytes.data() : "", bytes.size(),
                      SQLITE_STATIC);
}

void SqliteStatement::Bind(int parameter, int64_t number) {
  sqlite3_bind_int64(statement_.get(), parameter, number);
}

absl::StatusOr<bool> SqliteStatement::Step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return LastError(sqlite3_db_handle(statement_.get()));
}

absl::string_view SqliteStatement::Bytes(int column) const {
  // In this order: the first call may convert the value.
  const void* const data = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return {static_cast<const char*>(data), static_cast<size_t>(size)};
}

int64_t SqliteStatement::Number(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

void SqliteStatement::Reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
}

absl::Status SqliteStatement::Run() {
  const absl::Status status = Step().status();
  Reset();
  return status;
}

}  // namespace dmdax
