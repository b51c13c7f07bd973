// SPDX-License-Identifier: Apache-2.0
#include "state/state_dir.h"

#include <cerrno>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "state/old_snapshot.h"

namespace dmdax {
namespace {

constexpr char kDb[] = "state.db";
// SQLite's own, beside the database.
constexpr char kLog[] = "state.db-wal";
constexpr const char* kDbFiles[] = {kDb, kLog, "state.db-shm",
                                    "state.db-journal"};

}  // namespace

std::string DefaultStateDir() {
  if (const char* dir = getenv("DMDAX_STATE"); dir != nullptr && *dir) {
    return dir;
  }
  if (const char* xdg = getenv("XDG_STATE_HOME"); xdg != nullptr && *xdg) {
    return absl::StrCat(xdg, "/dmdax");
  }
  const char* home = getenv("HOME");
  return absl::StrCat(home != nullptr ? home : "", "/.local/state/dmdax");
}

absl::StatusOr<StateDir> StateDir::Open(const std::string& path, Mode mode,
                                        const StateWait& wait) {
  if (mode == kRead) {
    absl::StatusOr<PrivateDir> dir = PrivateDir::Open(path);
    if (dir.ok()) return StateDir(*std::move(dir), std::nullopt);
    if (ErrnoOf(dir.status()) != ENOENT) return dir.status();
    return StateDir(std::nullopt, std::nullopt);
  }
  if (absl::Status s = PrivateDir::Make(path); !s.ok()) return s;
  absl::StatusOr<PrivateDir> dir = PrivateDir::Open(path);
  if (!dir.ok()) return dir.status();
  absl::StatusOr<StateLock> lock = StateLock::Take(*dir, wait);
  if (!lock.ok()) return lock.status();
  return StateDir(*std::move(dir), *std::move(lock));
}

absl::Status StateDir::OpenDb() {
  // SQLite opens by path, and would wait for a FIFO.
  for (const char* file : kDbFiles) {
    absl::Status s = dir_->CheckFile(file);
    if (!s.ok() && ErrnoOf(s) != ENOENT) return s;
  }
  absl::StatusOr<StateDb> db = StateDb::Open(dir_->PathOf(kDb));
  if (!db.ok()) return db.status();
  db_ = *std::move(db);
  return absl::OkStatus();
}

absl::StatusOr<bool> StateDir::OpenExisting() {
  if (!dir_) return false;
  absl::Status there = dir_->CheckFile(kDb);
  if (!there.ok() && ErrnoOf(there) != ENOENT) return there;
  if (!there.ok() && !lock_) return false;
  if (!there.ok()) {
    // SQLite would let others read it.
    if (absl::Status s = dir_->NewFile(kDb).status(); !s.ok()) return s;
  }
  // A transaction that there was must not lock out the next.
  db_.reset();
  new_files_ = new_files_ || ErrnoOf(dir_->CheckFile(kLog)) == ENOENT;
  if (absl::Status s = OpenDb(); !s.ok()) return s;
  absl::StatusOr<bool> is_new = db_->IsNew();
  if (!is_new.ok()) return is_new.status();
  if (lock_) {
    if (absl::Status s = db_->BeginWrite(); !s.ok()) return s;
  }
  return !*is_new;
}

absl::StatusOr<proto::StateSnapshot> StateDir::Read() {
  if (!dir_) return proto::StateSnapshot();
  absl::StatusOr<bool> exists = OpenExisting();
  if (!exists.ok()) return exists.status();
  if (!*exists && !lock_) return ReadOldSnapshot(*dir_);
  absl::StatusOr<proto::StateSnapshot> snapshot = db_->Read();
  if (snapshot.ok() && !*exists) return ReadOldSnapshot(*dir_);
  return snapshot;
}

absl::StatusOr<StateDb*> StateDir::OpenPart() {
  absl::StatusOr<bool> exists = OpenExisting();
  if (!exists.ok()) return exists.status();
  if (!*exists) return nullptr;
  if (absl::Status s = db_->BeginRead(); !s.ok()) return s;
  absl::StatusOr<bool> tags = db_->HasTags();
  if (!tags.ok()) return tags.status();
  if (!*tags) return nullptr;
  absl::Status s = db_->ReadGeneration();
  return s.ok() ? absl::StatusOr<StateDb*>(&*db_) : s;
}

absl::Status StateDir::Write(proto::StateSnapshot snapshot, Before before) {
  const uint64_t generation = db_->generation();
  absl::Status s = absl::OkStatus();
  if (before == kKeepForUndo) s = db_->KeepForUndo();
  if (s.ok()) s = Judge(db_->Write(std::move(snapshot)), generation);
  db_.reset();
  if (!s.ok()) return s;
  // The state of an old dmdax is ours now.  If that can not be told to it, all
  // that we know is that the change is made.
  if (absl::Status old = RetireOldSnapshot(*dir_); !old.ok()) {
    doubt_ = std::string(old.message());
  }
  return absl::OkStatus();
}

absl::Status StateDir::Undo() {
  absl::StatusOr<proto::StateSnapshot> now = Read();
  if (!now.ok()) return now.status();
  const uint64_t generation = db_->generation();
  absl::Status s = Judge(db_->Undo(), generation);
  db_.reset();
  return s;
}

absl::Status StateDir::Judge(const absl::Status& failure, uint64_t generation) {
  if (failure.ok()) {
    // SQLite does not say when it fails.
    const absl::Status synced = new_files_ ? dir_->Sync() : absl::OkStatus();
    if (!synced.ok()) DoubtFor(synced);
    return failure;
  }
  // What is in the log is in the state, whether or not it reached the disk:
  // the next command would see it, so it must not be called failed.
  db_.reset();
  if (!OpenDb().ok() || !db_->Read().ok()) return failure;
  if (db_->generation() == generation) return failure;
  DoubtFor(failure);
  return absl::OkStatus();
}

void StateDir::DoubtFor(const absl::Status& why) {
  doubt_ = absl::StrCat("the change is made, but may not survive a power cut: ",
                        why.message());
}

}  // namespace dmdax
