// SPDX-License-Identifier: Apache-2.0
//
// What a database does so that a full disk can be emptied again.
//
// A change is written to the log, and the log is copied to the database later.
// Neither may need room that is not there when it comes to it:
//
// * The file of the database grows before the commit.  A change that makes it
//   longer than there is room for is refused; copying needs no room.
// * The log is emptied before it is long, and its file keeps zeros, which
//   SQLite takes for a log without changes.  A change that makes the database
//   no longer, such as removing, is written over them.
#include <sqlite3.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "state/sqlite.h"

namespace dmdax {
namespace {

// The file that `which`, a question of sqlite3_file_control(), asks for; null
// if it is not open.
sqlite3_file* FileOf(sqlite3* db, int which) {
  sqlite3_file* file = nullptr;
  if (sqlite3_file_control(db, "main", which, &file) != SQLITE_OK ||
      file == nullptr || file->pMethods == nullptr) {
    return nullptr;
  }
  return file;
}

int64_t SizeOf(sqlite3_file* file) {
  sqlite3_int64 size = 0;
  if (file == nullptr || file->pMethods->xFileSize(file, &size) != SQLITE_OK) {
    return 0;
  }
  return size;
}

// Writes zeros behind its end until the file has `bytes`.  False: see errno.
bool GrowTo(sqlite3_file* file, int64_t bytes) {
  constexpr int64_t kStep = 1 << 16;
  static constexpr char kZeros[kStep] = {};
  for (int64_t size = SizeOf(file); size < bytes;) {
    const int64_t step = std::min(kStep, bytes - size);
    errno = 0;
    if (file->pMethods->xWrite(file, kZeros, static_cast<int>(step), size) !=
        SQLITE_OK) {
      return false;
    }
    size += step;
  }
  return true;
}

}  // namespace

absl::Status SqliteDb::MakeRoomForPages() {
  absl::StatusOr<int64_t> pages = Number("PRAGMA page_count");
  if (!pages.ok()) return pages.status();
  absl::StatusOr<int64_t> page_size = Number("PRAGMA page_size");
  if (!page_size.ok()) return page_size.status();
  sqlite3_file* const file = FileOf(db_.get(), SQLITE_FCNTL_FILE_POINTER);
  if (file == nullptr || GrowTo(file, *pages * *page_size)) {
    return absl::OkStatus();
  }
  // What was written of a page may be less than all of it.
  const int err = errno != 0 ? errno : ENOSPC;
  return ErrnoError(err, absl::StrCat("state directory: '", *shown_,
                                      "' can not grow: ", ErrnoText(err)));
}

int64_t SqliteDb::RoomOfLog(int64_t database_bytes) {
  constexpr int64_t kLeast = 64 << 10, kMost = 1 << 20;
  // Each page has a header there.
  return std::min(kLeast + database_bytes + database_bytes / 128, kMost);
}

bool SqliteDb::LogIsLong() {
  constexpr int64_t kLong = 256 << 10;
  const int64_t database = SizeOf(FileOf(db_.get(), SQLITE_FCNTL_FILE_POINTER));
  return SizeOf(FileOf(db_.get(), SQLITE_FCNTL_JOURNAL_POINTER)) >
         std::max(kLong, RoomOfLog(database));
}

void SqliteDb::EmptyLog() {
  sqlite3* const db = db_.get();
  sqlite3_busy_handler(db, nullptr, nullptr);
  int log = -1, copied = -1;  // pages
  int code = sqlite3_wal_checkpoint_v2(db, "main", SQLITE_CHECKPOINT_PASSIVE,
                                       &log, &copied);
  if (code == SQLITE_OK && log > 0 && copied == log) {
    code = sqlite3_wal_checkpoint_v2(db, "main", SQLITE_CHECKPOINT_TRUNCATE,
                                     &log, &copied);
  }
  SetBusyHandler();
  // -1: it has none.  What is left in one that somebody reads stays.
  if (code != SQLITE_OK || log != 0) return;
  sqlite3_file* const file = FileOf(db, SQLITE_FCNTL_JOURNAL_POINTER);
  if (file == nullptr) return;
  // Where there is no room, none is kept.
  GrowTo(file, RoomOfLog(SizeOf(FileOf(db, SQLITE_FCNTL_FILE_POINTER))));
}

}  // namespace dmdax
