// SPDX-License-Identifier: Apache-2.0
//
// SqliteDb: a SQLite database with our kind of errors.
//
//   absl::StatusOr<SqliteDb> db = SqliteDb::Open("/tmp/s/state.db");
//   absl::Status s = db->Exec("BEGIN IMMEDIATE");
//   absl::StatusOr<SqliteStatement> find =
//       db->Prepare("SELECT bytes FROM object WHERE key = ?");
//   find->Bind(1, "pmem0");
//   absl::StatusOr<bool> row = find->Step();
//   if (row.ok() && *row) Use(find->Bytes(0));
//
// Errors: the errno of the system call that failed where SQLite knows it, with
// the database's path in the message; EBUSY when somebody else has it locked;
// DataLoss for a file that is no database or is damaged.
// Threading: thread-compatible.
#ifndef DMDAX_STATE_SQLITE_H_
#define DMDAX_STATE_SQLITE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct sqlite3;
struct sqlite3_stmt;

namespace dmdax {

struct SqliteOptions {
  enum Use {
    kWrite,  // makes the file if need be
    // Nobody writes it, and it has no log or an empty one: nothing is made
    // beside it, and nothing is locked.
    kAsItStands,
    // Nobody can write it, on a file system that is read-only: its log is read,
    // nothing is made beside it, and nothing is locked.
    kReadOnly,
  };
  Use use = kWrite;
  // What messages call it; "": the path.
  std::string shown;
  // Asked whether to wait on for who has it locked; `times`: how often it was
  // asked before, about the same lock.  Null: ten seconds.
  std::function<bool(int times)> wait_on;
};

class SqliteStatement {
 public:
  // Parameters are numbered from 1.  Bytes are not copied: they must live
  // until the next Reset().
  void Bind(int parameter, absl::string_view bytes);
  void Bind(int parameter, int64_t number);

  // True: there is a row, whose columns are numbered from 0.
  absl::StatusOr<bool> Step();
  // Of the row at hand; valid until the next Step() or Reset().
  absl::string_view Bytes(int column) const;
  int64_t Number(int column) const;

  // Ready for other parameters.
  void Reset();
  // Step() of a statement that has no rows, then Reset().
  absl::Status Run();

 private:
  friend class SqliteDb;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };

  std::shared_ptr<const std::string> shown_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

class SqliteDb {
 public:
  // Links in the path are followed, but not one in place of the file.
  static absl::StatusOr<SqliteDb> Open(const std::string& path,
                                       SqliteOptions options = {});

  absl::Status Exec(const char* sql);
  absl::StatusOr<SqliteStatement> Prepare(absl::string_view sql);
  // The one number that `sql` asks for.
  absl::StatusOr<int64_t> Number(absl::string_view sql);

  // --- where there is little room (sqlite_room.cc) ---

  // Before a commit: the database's file grows to what it will be, so that what
  // the log has can be copied to it even where the disk is full by then.
  absl::Status MakeRoomForPages();
  // Outside of a transaction: copies the log to the database and begins it
  // anew, unless somebody reads or writes; nobody is waited for.  The file of
  // the log keeps room for a change of everything (RoomOfLog()).
  void EmptyLog();
  // Whether it has grown so far that it is to be emptied.
  bool LogIsLong();
  // The index of a log that is not very long.
  static constexpr int64_t kIndexBytes = 32 << 10;
  // What the log of a database with so many bytes keeps for itself.
  static int64_t RoomOfLog(int64_t database_bytes);

 private:
  void SetBusyHandler();

  struct Close {
    void operator()(sqlite3* db) const;
  };

  std::shared_ptr<const std::string> shown_;
  // At an address that stays.
  std::unique_ptr<std::function<bool(int)>> wait_on_;
  std::unique_ptr<sqlite3, Close> db_;
};

}  // namespace dmdax

#endif  // DMDAX_STATE_SQLITE_H_
