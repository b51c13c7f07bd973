// SPDX-License-Identifier: Apache-2.0
#include "server/resident.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/fd.h"
#include "state/dir/pmem_bytes.h"
#include "state/dir/state_files.h"
#include "state/hardware.h"

namespace dmdax {

Resident::Resident(Session session)
    : session_(std::move(session)),
      loops_(std::make_unique<LoopDriver>(*session_.machine)) {}

absl::StatusOr<std::unique_ptr<Resident>> Resident::Of(const std::string& dir) {
  std::unique_ptr<Resident> resident(new Resident);
  resident->state_path_ = dir;
  resident->watch_.emplace(dir);
  if (absl::Status s = resident->Refresh(); !s.ok()) return s;
  return resident;
}

Resident::Mark Resident::Look() const {
  Mark mark;
  struct stat log;
  if (stat(absl::StrCat(state_path_, "/", kStateLog).c_str(), &log) == 0) {
    mark.log_time_ns =
        int64_t{log.st_mtim.tv_sec} * 1'000'000'000 + log.st_mtim.tv_nsec;
    mark.log_size = log.st_size;
  }
  const Fd fd(open(absl::StrCat(state_path_, "/", kStateGeneration).c_str(),
                   O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  char text[64];
  const ssize_t size = fd.ok() ? pread(fd.get(), text, sizeof(text), 0) : 0;
  if (size > 0) mark.generation.assign(text, static_cast<size_t>(size));
  return mark;
}

absl::Status Resident::CheckDirectory() {
  struct stat st;
  const bool is_there = stat(state_path_.c_str(), &st) == 0;
  if (!directory_) {
    if (is_there) directory_ = {st.st_dev, st.st_ino};
    return absl::OkStatus();  // StateDir says what is wrong with it
  }
  if (is_there && *directory_ == std::pair(st.st_dev, st.st_ino)) {
    return absl::OkStatus();
  }
  // What was loaded is not to be gone on with, also if it comes back.
  doubtful_ = true;
  hold_.reset();
  return ErrnoError(ENOENT, absl::StrCat("the state directory '", state_path_,
                                         "' is not there any more"));
}

absl::StatusOr<StateDir> Resident::OpenDir(StateDir::Mode mode) {
  absl::StatusOr<StateDir> dir = StateDir::Open(state_path_, mode);
  if (hold_ != nullptr && !hold_->IsStill()) hold_.reset();
  return dir;
}

absl::Status Resident::Load(const StateDir& dir,
                            const proto::StateSnapshot& snapshot) {
  absl::StatusOr<Session> session =
      SessionFromState(snapshot, dir.disk_files());
  if (!session.ok()) return session.status();
  // Programs write to it, and another machine may come in its place.
  if (absl::Status s = SharePmemFiles(*session->machine); !s.ok()) return s;
  // Files that are open stay so, whatever their path leads to by now.
  LoopDriver::Files files;
  if (loops_ != nullptr) files = loops_->TakeFiles();
  revoke_();
  before_reload_();
  loops_.reset();
  changed_.reset();
  rows_mark_.reset();
  session_ = *std::move(session);
  loops_ = std::make_unique<LoopDriver>(*session_.machine, std::move(files));
  changed_ = std::make_unique<ChangedPart>(session_);
  generation_ = snapshot.generation();
  doubtful_ = false;
  after_reload_();
  return absl::OkStatus();
}

absl::Status Resident::Refresh() {
  if (!has_state() || transaction_ != nullptr) return absl::OkStatus();
  if (absl::Status s = CheckDirectory(); !s.ok()) return s;
  // Before looking: a change that comes in between is seen the next time.
  NoteChanges();
  if (!doubtful_ && !stale_) return absl::OkStatus();
  const Mark mark = Look();
  if (!doubtful_ && mark == mark_) {
    stale_ = false;
    return absl::OkStatus();
  }
  absl::StatusOr<StateDir> dir = OpenDir(StateDir::kRead);
  if (!dir.ok()) return dir.status();
  absl::StatusOr<proto::StateSnapshot> snapshot = dir->Read();
  if (!snapshot.ok()) return snapshot.status();
  if (doubtful_ || snapshot->generation() != generation_) {
    if (absl::Status s = Load(*dir, *snapshot); !s.ok()) return s;
  }
  mark_ = mark;
  stale_ = false;
  return absl::OkStatus();
}

absl::Status Resident::ReadForChange(StateDir& dir) {
  has_rows_ = false;
  // Of a state that had no directory yet there are no files for disks.
  const bool is_known = !doubtful_ && session_.machine->disk_files() != nullptr;
  if (is_known && rows_mark_) {
    absl::StatusOr<bool> still = dir.BeginIfStill(*rows_mark_);
    if (!still.ok() || *still) return still.status();
  }
  absl::StatusOr<proto::StateSnapshot> snapshot = dir.Read();
  if (!snapshot.ok()) return snapshot.status();
  has_rows_ = true;
  if (is_known && snapshot->generation() == generation_) {
    // Whatever made them others, this machine goes over them.
    changed_->TouchAll();
    return absl::OkStatus();
  }
  return Load(dir, *snapshot);
}

absl::Status Resident::Begin() {
  if (!has_state() || transaction_ != nullptr) return absl::OkStatus();
  if (absl::Status s = CheckDirectory(); !s.ok()) return s;
  absl::StatusOr<StateDir> dir = OpenDir(StateDir::kWrite);
  if (!dir.ok()) return dir.status();
  // One that was removed meanwhile has been made anew.
  if (absl::Status s = CheckDirectory(); !s.ok()) return s;
  if (absl::Status s = ReadForChange(*dir); !s.ok()) return s;
  if (may_have_left_) dir->RemoveOldDiskFiles();
  may_have_left_ = false;
  // What questions have made targets write, nobody has seen yet.
  changed_->TakeNotes();
  absl::Status s = changed_->KeepBytes(session_.machine->disk_files(),
                                       DiskBytes::KeepHow::kWritten);
  if (!s.ok()) {
    doubtful_ = may_have_left_ = true;
    return s;
  }
  transaction_ = std::make_unique<StateDir>(*std::move(dir));
  SetWrites(DiskFiles::Writes::kToFile);
  return absl::OkStatus();
}

void Resident::SetWrites(DiskFiles::Writes writes) {
  session_.machine->disk_files()->set_writes(writes);
}

void Resident::LetGo() {
  if (transaction_ == nullptr) return;
  SetWrites(DiskFiles::Writes::kToMemory);
  transaction_.reset();
}

absl::Status Resident::WriteAll(StateDir& dir, DiskBytes::KeepHow how) {
  if (!has_rows_) {
    if (absl::Status s = dir.Read().status(); !s.ok()) return s;
  }
  // What is noted from here on may be in what is written, or not.
  changed_->TakeNotes();
  changed_->TouchAll();
  absl::StatusOr<proto::StateSnapshot> snapshot = SnapshotToKeep(
      session_, generation_, session_.machine->disk_files(), how);
  // A generation also where no row is another: what others have in memory, in
  // front of a disk's file, is of the time before.
  return snapshot.ok() ? dir.Write(*std::move(snapshot)) : snapshot.status();
}

absl::Status Resident::WriteChanged(StateDir& dir, DiskBytes::KeepHow how) {
  changed_->TakeNotes();
  if (changed_->is_whole() || has_rows_) return WriteAll(dir, how);
  absl::StatusOr<ChangedPart::Rows> rows =
      changed_->ToKeep(generation_, session_.machine->disk_files(), how);
  if (!rows.ok()) return rows.status();
  if (changed_->is_whole()) return WriteAll(dir, how);
  absl::StatusOr<bool> written = dir.WriteSome(
      rows->objects, std::move(rows->snapshot), changed_->last_inserted());
  if (written.ok() && !*written) return WriteAll(dir, how);
  return written.status();
}

absl::Status Resident::Keep(DiskBytes::KeepHow how) {
  if (transaction_ == nullptr) return absl::OkStatus();
  revoke_();
  const std::unique_ptr<StateDir> dir = std::move(transaction_);
  absl::Status s = WriteChanged(*dir, how);
  SetWrites(DiskFiles::Writes::kToMemory);
  // Until it is known what the state has, nothing is.
  doubtful_ = !s.ok();
  may_have_left_ = doubtful_;
  if (s.ok()) {
    ++generation_;
    rows_mark_ = dir->mark();
    changed_->Kept(how);
    if (hold_ == nullptr) hold_ = dir->Hold();
  }
  // What was done to the state under its lock we have done.
  NoteChanges();
  stale_ = false;
  mark_ = Look();
  return s;
}

absl::Status Resident::Change(absl::FunctionRef<void(Session&)> change,
                              Touches touches) {
  if (absl::Status s = Begin(); !s.ok()) return s;
  revoke_();
  change(session_);
  if (has_state()) {
    if (touches == Touches::kAnything) changed_->TouchAll();
    return Keep(DiskBytes::KeepHow::kSynced);
  }
  ++generation_;
  return absl::OkStatus();
}

absl::Status Resident::Write(absl::FunctionRef<void(Session&)> write,
                             Touches touches) {
  if (absl::Status s = Begin(); !s.ok()) return s;
  write(session_);
  if (has_state() && touches == Touches::kAnything) changed_->TouchAll();
  return absl::OkStatus();
}

}  // namespace dmdax
