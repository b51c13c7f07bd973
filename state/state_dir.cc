// SPDX-License-Identifier: Apache-2.0
#include "state/state_dir.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/errno_status.h"
#include "base/fd.h"
#include "state/dir/disk_file_dir.h"
#include "state/old_snapshot.h"

namespace dmdax {

namespace {

constexpr uint64_t kLittleRoom = 2 << 20;
// For who has the database locked, whatever --timeout says.
constexpr absl::Duration kLeastWait = absl::Seconds(1);

// Where there is no room, none is kept.  What another wrote meanwhile stays; a
// log of zeros has no header, and so no changes.
void KeepRoom(const Fd& file, int64_t bytes) {
  [[maybe_unused]] const int ignored = posix_fallocate(file.get(), 0, bytes);
}

// ", pid 123": the other program that has the database locked, where the kernel
// says so.  In WAL mode the locks are on the index of the log.
std::string HolderOf(const PrivateDir& dir) {
  for (const char* file : {kStateShm, kStateDb}) {
    const int pid = RecordLockHolder(dir.HostPathOf(file));
    if (pid != 0) return absl::StrCat(", pid ", pid);
  }
  return "";
}

bool SaysNoRoom(const absl::Status& s) {
  const int err = ErrnoOf(s);
  return err == ENOSPC || err == EFBIG || err == EDQUOT;
}

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
  auto patience = std::make_shared<Patience>(wait);
  if (mode == kRead) {
    absl::StatusOr<PrivateDir> dir = PrivateDir::Open(path);
    if (dir.ok()) return StateDir(*std::move(dir), std::move(patience));
    if (ErrnoOf(dir.status()) != ENOENT) return dir.status();
    return StateDir(std::nullopt, std::move(patience));
  }
  absl::StatusOr<PrivateDir> dir = PrivateDir::Open(path, MissingDir::kIsMade);
  if (!dir.ok()) return dir.status();
  if (absl::Status s = CheckIsForState(*dir); !s.ok()) return s;
  StateDir state(*std::move(dir), std::move(patience));
  absl::StatusOr<StateLock> lock =
      StateLock::Take(*state.dir_, *state.patience_);
  if (!lock.ok()) return lock.status();
  state.lock_.emplace(*std::move(lock));
  return state;
}

absl::StatusOr<StateDb> StateDir::OpenDb(const char* name,
                                         SqliteOptions::Use use) {
  SqliteOptions options;
  options.use = use;
  options.shown = dir_->PathOf(kStateDb);
  // Even those who would not wait give other commands the moment that it takes
  // them to open it.
  options.wait_on = [patience = patience_, shown = options.shown, dir = dir_,
                     since = absl::Time()](int times) mutable {
    if (times == 0) since = absl::Now();
    if (patience->LookAgain([&] {
          return absl::StrCat("'", shown, "', which another program has locked",
                              HolderOf(*dir));
        })) {
      return true;
    }
    absl::SleepFor(absl::Milliseconds(5));
    return absl::Now() - since < kLeastWait;
  };
  return StateDb::Open(dir_->HostPathOf(name), std::move(options));
}

absl::StatusOr<bool> StateDir::OpenExisting() {
  if (!dir_) return false;
  // A transaction that there was must not lock out the next.
  db_.reset();
  // SQLite opens by path, and would wait for a FIFO.
  absl::StatusOr<std::optional<uint64_t>> shm = dir_->SizeOf(kStateShm);
  if (!shm.ok()) return shm.status();
  absl::Status s = dir_->SizeOf(kStateJournal).status();
  if (!s.ok()) return s;
  absl::StatusOr<StateFiles> files = LookAtStateFiles(*dir_);
  if (!files.ok()) return files.status();
  files_ = *files;
  if (!files_.database) return false;
  if (!files_.log) {
    if (s = CheckAlone(); !s.ok()) return s;
    new_files_ = true;
  }
  // A copy that was put on a read-only file system, or made read-only, has no
  // index of the log, and SQLite could not make it.
  const bool read_only = !lock_ && !shm->has_value() && dir_->IsReadOnly();
  // Whoever opens it first since it was last closed makes the index of the log,
  // also for a question.
  const auto said = [&](const absl::Status& why) {
    if (ErrnoOf(why) == EBUSY) {
      return ErrnoError(
          EBUSY, absl::StrCat("state directory: another program has '",
                              dir_->PathOf(kStateDb), "' locked",
                              HolderOf(*dir_), "; waited ",
                              absl::FormatDuration(
                                  std::max(patience_->timeout(), kLeastWait))));
    }
    // Nothing else is written by who only asks.
    if (!SaysNoRoom(why) || (lock_ && shm->has_value())) return why;
    return ErrnoError(
        ErrnoOf(why),
        absl::StrCat(why.message(), "; there is no room for '",
                     dir_->PathOf(kStateShm), "', which even reading needs"));
  };
  absl::StatusOr<StateDb> db = OpenDb(
      kStateDb, read_only ? SqliteOptions::kReadOnly : SqliteOptions::kWrite);
  if (!db.ok()) return said(db.status());
  db_ = *std::move(db);
  absl::StatusOr<bool> is_new = db_->IsNew();
  if (!is_new.ok()) return said(is_new.status());
  if (*is_new) {
    // Versions before made it at once, and their first change failed.
    db_.reset();
    if (files_.log_bytes > 0) return LogIsDamaged(*dir_);
    if (files_.known > 0) return CheckGeneration(*dir_, files_, 0);
    return false;
  }
  if (lock_) {
    // What is dead in the log may be all that the change needs.
    if (dir_->FreeBytes() < kLittleRoom) db_->EmptyLog();
    if (s = db_->BeginWrite(); !s.ok()) return said(s);
  }
  return true;
}

absl::Status StateDir::CheckAlone() {
  absl::StatusOr<StateDb> db = OpenDb(kStateDb, SqliteOptions::kAsItStands);
  if (!db.ok()) return db.status();
  absl::StatusOr<bool> is_new = db->IsNew();
  if (!is_new.ok()) return is_new.status();
  if (*is_new || files_.known == 0) return LogIsMissing(*dir_);
  if (absl::Status s = db->ReadGeneration(); !s.ok()) return s;
  // SQLite's own tools leave no log behind.
  return db->generation() >= files_.known ? absl::OkStatus()
                                          : LogIsMissing(*dir_);
}

absl::StatusOr<proto::StateSnapshot> StateDir::Read() {
  if (!dir_) return proto::StateSnapshot();
  absl::StatusOr<bool> exists =
      std::exchange(begun_, false) ? true : OpenExisting();
  if (!exists.ok()) return exists.status();
  if (!*exists) {
    absl::StatusOr<proto::StateSnapshot> old = ReadOldSnapshot(*dir_);
    if (!old.ok() || !lock_) return old;
    return BeginNew(*std::move(old));
  }
  absl::StatusOr<proto::StateSnapshot> snapshot = db_->Read();
  if (!snapshot.ok()) return snapshot.status();
  absl::Status s = CheckGeneration(*dir_, files_, db_->generation());
  if (!s.ok()) return s;
  mark_ = db_->mark();
  return snapshot;
}

absl::StatusOr<bool> StateDir::BeginIfStill(const StateDb::Mark& mark) {
  absl::StatusOr<bool> exists = OpenExisting();
  if (!exists.ok() || !*exists) return exists;
  absl::Status s = db_->ReadMark();
  if (s.ok()) s = CheckGeneration(*dir_, files_, db_->generation());
  if (!s.ok()) return s;
  begun_ = true;
  mark_ = db_->mark();
  return mark_ == mark;
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
  if (s.ok()) s = CheckGeneration(*dir_, files_, db_->generation());
  return s.ok() ? absl::StatusOr<StateDb*>(&*db_) : s;
}

absl::StatusOr<proto::StateSnapshot> StateDir::BeginNew(
    proto::StateSnapshot old) {
  db_.reset();
  new_ = std::make_unique<NewDb>(dir_);
  RemoveNewStateDb(*dir_);
  // SQLite would let others read it.
  if (absl::Status s = dir_->NewFile(kNewStateDb).status(); !s.ok()) return s;
  absl::StatusOr<StateDb> db = OpenDb(kNewStateDb, SqliteOptions::kWrite);
  if (!db.ok()) return db.status();
  db_ = *std::move(db);
  absl::Status s = db_->BeginWrite();
  if (s.ok() && old.format_version() != 0) s = db_->Adopt(std::move(old));
  if (!s.ok()) return s;
  return db_->Read();
}

absl::Status StateDir::WriteNew(proto::StateSnapshot snapshot) {
  if (absl::Status s = db_->Write(std::move(snapshot)); !s.ok()) return s;
  mark_ = db_->mark();
  db_.reset();
  // What is left of one that nothing was written to would be taken for its own.
  for (const char* file : {kStateShm, kStateJournal}) dir_->Remove(file);
  std::optional<Fd> log;
  if (!files_.log) {
    absl::StatusOr<Fd> made = dir_->NewFile(kStateLog);
    if (!made.ok()) return made.status();
    log = *std::move(made);
  }
  SyncDir();
  if (absl::Status s = dir_->Rename(kNewStateDb, kStateDb); !s.ok()) return s;
  SyncDir();
  // A log without its database would be taken for changes that are missed, so
  // it gets its room now: nobody else writes as long as we have the lock.
  if (log) KeepRoom(*log, SqliteDb::RoomOfLog(0));
  // Whoever opens it first cuts the index and makes it anew, as long; a reader
  // may have done so already.
  absl::StatusOr<Fd> index = dir_->NewFile(kStateShm);
  if (index.ok()) KeepRoom(*index, SqliteDb::kIndexBytes);
  return absl::OkStatus();
}

absl::Status StateDir::Write(proto::StateSnapshot snapshot, Before before) {
  const uint64_t generation = db_->generation();
  absl::Status s = absl::OkStatus();
  if (before == kKeepForUndo) s = db_->KeepForUndo();
  if (s.ok()) {
    s = new_ ? WriteNew(std::move(snapshot))
             : Judge(db_->Write(std::move(snapshot)), generation);
  }
  return Finish(s, generation, before);
}

absl::StatusOr<bool> StateDir::WriteSome(
    const std::vector<StateDb::ObjectName>& objects,
    proto::StateSnapshot snapshot, uint64_t before) {
  const uint64_t generation = db_->generation();
  absl::StatusOr<bool> written =
      db_->WriteSome(objects, std::move(snapshot), before);
  if (written.ok() && !*written) return written;
  begun_ = false;
  absl::Status s =
      Finish(Judge(written.status(), generation), generation, kForget);
  return s.ok() ? absl::StatusOr<bool>(true) : s;
}

absl::Status StateDir::Finish(const absl::Status& written, uint64_t generation,
                              Before before) {
  absl::Status s = written;
  // A change that may be lost may still need them.
  if (s.ok() && db_ && doubt_.empty() &&
      (before == kKeepForUndo || db_->has_removed_disks())) {
    RemoveOldDiskFiles();
  }
  if (!new_) mark_ = db_ ? db_->mark() : std::nullopt;
  db_.reset();
  new_.reset();
  if (!s.ok()) return s;
  // One that may not be on the disk is not promised.
  if (doubt_.empty()) NoteGeneration(*dir_, generation + 1);
  // The state of an old dmdax is ours now.  If that can not be told to it, all
  // that we know is that the change is made.
  if (absl::Status old = RetireOldSnapshot(*dir_); !old.ok()) {
    doubt_ = std::string(old.message());
  }
  return absl::OkStatus();
}

std::shared_ptr<DiskFiles> StateDir::disk_files() const {
  if (dir_ == nullptr) return nullptr;
  return std::make_shared<DiskFileDir>(dir_);
}

std::unique_ptr<StateHold> StateDir::Hold() const {
  return dir_ == nullptr ? nullptr : StateHold::Of(dir_);
}

void StateDir::RemoveOldDiskFiles() {
  absl::StatusOr<std::set<std::string>> known = db_->DiskFileNames();
  if (known.ok()) DiskFileDir::RemoveOthers(*dir_, *known);
}

absl::Status StateDir::Undo() {
  absl::StatusOr<proto::StateSnapshot> now = Read();
  if (!now.ok()) return now.status();
  const uint64_t generation = db_->generation();
  absl::Status s = db_->Undo();
  // There is nothing to undo in a new one.
  if (!new_) s = Judge(s, generation);
  db_.reset();
  if (s.ok() && doubt_.empty()) NoteGeneration(*dir_, generation + 1);
  return s;
}

absl::Status StateDir::Judge(const absl::Status& failure, uint64_t generation) {
  if (failure.ok()) {
    // SQLite does not say when it fails.
    if (new_files_) SyncDir();
    return failure;
  }
  // What is in the log is in the state, whether or not it reached the disk:
  // the next command would see it, so it must not be called failed.
  db_.reset();
  absl::StatusOr<StateDb> db = OpenDb(kStateDb, SqliteOptions::kWrite);
  if (!db.ok() || !db->Read().ok()) return failure;
  if (db->generation() == generation) {
    // A quota is not seen beforehand; the next change shall have what there is.
    if (SaysNoRoom(failure)) db->EmptyLog();
    return failure;
  }
  DoubtFor(failure);
  return absl::OkStatus();
}

void StateDir::SyncDir() {
  if (absl::Status s = dir_->Sync(); !s.ok()) DoubtFor(s);
}

void StateDir::DoubtFor(const absl::Status& why) {
  doubt_ = absl::StrCat("the change is made, but may not survive a power cut: ",
                        why.message());
}

}  // namespace dmdax
