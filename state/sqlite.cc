// SPDX-License-Identifier: Apache-2.0
#include "state/sqlite.h"

#include <sqlite3.h>

#include <cerrno>
#include <cstring>
#include <utility>

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

bool SaysNoRoom(int err) {
  return err == ENOSPC || err == EFBIG || err == EDQUOT;
}

// What went wrong last, in a call before which errno was 0.
absl::Status LastError(sqlite3* db, absl::string_view path) {
  const int last = errno;
  const int code = sqlite3_errcode(db) & 0xff;
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
  int system = io ? sqlite3_system_errno(db) : 0;
  // It forgets that of a commit.
  if (io && system == 0 && SaysNoRoom(last)) system = last;
  const int err = system != 0 ? system : ErrnoOfCode(code);
  return ErrnoError(
      err, absl::StrCat("state directory: '", path, "': ", sqlite3_errmsg(db),
                        ": ", ErrnoText(err)));
}

int TakePathAsItIs(sqlite3_vfs* /*vfs*/, const char* path, int size,
                   char* out) {
  const size_t length = strlen(path);
  if (length >= static_cast<size_t>(size)) return SQLITE_CANTOPEN;
  memcpy(out, path, length + 1);
  return SQLITE_OK;
}

// SQLite would look for links in the whole path, and refuse any, as it would
// what they lead to if that is long.  Who gives us a path knows where it leads.
const char* OurVfs(const char* name, const char* usual_name) {
  const sqlite3_vfs* const usual = sqlite3_vfs_find(usual_name);
  if (usual == nullptr) return nullptr;
  auto* const ours = new sqlite3_vfs(*usual);
  ours->zName = name;
  ours->xFullPathname = &TakePathAsItIs;
  return sqlite3_vfs_register(ours, 0) == SQLITE_OK ? name : nullptr;
}

const char* VfsFor(SqliteOptions::Use use) {
  static const char* const kLocking = OurVfs("dmdax", nullptr);
  static const char* const kUnlocked = OurVfs("dmdax-unlocked", "unix-none");
  return use == SqliteOptions::kReadOnly ? kUnlocked : kLocking;
}

int AskWhetherToWaitOn(void* wait_on, int times) {
  return (*static_cast<std::function<bool(int)>*>(wait_on))(times) ? 1 : 0;
}

// As an argument of SQLite's own kind of URI.
std::string UriOf(absl::string_view path, SqliteOptions::Use use) {
  std::string uri = "file:";
  for (const char c : path) {
    if (c == '%' || c == '?' || c == '#') {
      absl::StrAppend(&uri, "%", absl::Hex(c, absl::kZeroPad2));
    } else {
      uri += c;
    }
  }
  return uri + (use == SqliteOptions::kAsItStands ? "?immutable=1" : "");
}

}  // namespace

void SqliteStatement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

void SqliteDb::Close::operator()(sqlite3* db) const { sqlite3_close_v2(db); }

absl::StatusOr<SqliteDb> SqliteDb::Open(const std::string& path,
                                        SqliteOptions options) {
  SqliteDb db;
  db.shown_ = std::make_shared<const std::string>(
      options.shown.empty() ? path : std::move(options.shown));
  // A name such as "file:x" means more than itself.
  const std::string plain =
      path.starts_with('/') ? path : absl::StrCat("./", path);
  sqlite3* raw = nullptr;
  errno = 0;
  const char* const vfs = VfsFor(options.use);
  const int code =
      options.use != SqliteOptions::kWrite
          ? sqlite3_open_v2(UriOf(plain, options.use).c_str(), &raw,
                            SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, vfs)
          : sqlite3_open_v2(plain.c_str(), &raw,
                            SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs);
  db.db_.reset(raw);
  if (raw == nullptr) return ErrnoError(ENOMEM, "no memory for SQLite");
  if (code != SQLITE_OK) return LastError(raw, *db.shown_);
  if (options.wait_on) {
    db.wait_on_ =
        std::make_unique<std::function<bool(int)>>(std::move(options.wait_on));
  }
  db.SetBusyHandler();
  sqlite3_extended_result_codes(raw, 1);
  // A damaged or malicious file must not have us run its triggers.
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  // The last one to close would copy the log into the database, which each
  // command would wait for; a log that has grown is copied all the same.
  sqlite3_db_config(raw, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  if (options.use == SqliteOptions::kReadOnly) {
    // Who has it alone keeps the index of the log in memory, not in a file.
    absl::Status s = db.Exec("PRAGMA locking_mode = EXCLUSIVE");
    if (!s.ok()) return s;
  }
  return db;
}

void SqliteDb::SetBusyHandler() {
  if (wait_on_) {
    sqlite3_busy_handler(db_.get(), &AskWhetherToWaitOn, wait_on_.get());
  } else {
    sqlite3_busy_timeout(db_.get(), 10'000);
  }
}

absl::Status SqliteDb::Exec(const char* sql) {
  errno = 0;
  if (sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return LastError(db_.get(), *shown_);
  }
  return absl::OkStatus();
}

absl::StatusOr<SqliteStatement> SqliteDb::Prepare(absl::string_view sql) {
  sqlite3_stmt* raw = nullptr;
  errno = 0;
  if (sqlite3_prepare_v2(db_.get(), sql.data(), static_cast<int>(sql.size()),
                         &raw, nullptr) != SQLITE_OK) {
    return LastError(db_.get(), *shown_);
  }
  SqliteStatement statement;
  statement.shown_ = shown_;
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
  errno = 0;
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return LastError(sqlite3_db_handle(statement_.get()), *shown_);
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
