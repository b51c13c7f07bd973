// SPDX-License-Identifier: Apache-2.0
//
// StateDir: where `dmdax` keeps its emulated machine between commands.
//
// A directory with a database (state_db.h) and a lock.  Readers take no lock
// and never wait.  Writers hold the lock from reading to writing, so that of
// two commands at once both take effect, and one that is killed anywhere
// leaves the state before or after it, never between.  What was acknowledged is
// there, or its loss is told (dir/state_files.h).
//
//   absl::StatusOr<StateDir> dir = StateDir::Open("/tmp/s", StateDir::kWrite);
//   absl::StatusOr<proto::StateSnapshot> state = dir->Read();
//   state->mutable_world()->Clear();
//   absl::Status s = dir->Write(*state);
//
// Nothing in the directory is trusted that others could have put there; see
// private_dir.h.
//
// Errors: the errno of the system call, with the path in the message; EPERM
// for a directory or file that is not ours alone; ETIMEDOUT, and EBUSY where it
// is the database that another program keeps locked; DataLoss for a state that
// can not be read or has lost changes, FailedPrecondition for one of a newer
// format.
// Threading: thread-compatible.
#ifndef DMDAX_STATE_STATE_DIR_H_
#define DMDAX_STATE_STATE_DIR_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "block/disk_files.h"
#include "state/dir/state_files.h"
#include "state/dir/state_hold.h"
#include "state/private_dir.h"
#include "state/state_db.h"
#include "state/state_lock.h"
#include "state/world.pb.h"

namespace dmdax {

class StateDir {
 public:
  enum Mode { kRead, kWrite };

  // kWrite makes the directory if need be and waits for the lock.  Readers wait
  // only for other programs that lock the database.
  static absl::StatusOr<StateDir> Open(const std::string& path, Mode mode,
                                       const StateWait& wait = {});

  // The machine; an empty one (generation 0) when there is none yet.
  absl::StatusOr<proto::StateSnapshot> Read();

  // Instead of Read(): the database, from which a part of the machine can be
  // read in one transaction; null where there is none yet, or an old one.
  absl::StatusOr<StateDb*> OpenPart();

  // Instead of Read(), with kWrite: whether the machine is the one that had
  // `mark`, so that WriteSome() will do; Read() may follow in any case.
  absl::StatusOr<bool> BeginIfStill(const StateDb::Mark& mark);

  // What becomes of the machine that was there.
  enum Before { kForget, kKeepForUndo };
  // Replaces the machine, once.  Only with kWrite and after Read(); on an
  // error the old one stays.  Of SnapshotToKeep(), with disk_files().
  absl::Status Write(proto::StateSnapshot snapshot, Before before = kForget);
  // The same after BeginIfStill(), of a part of the machine: see
  // StateDb::WriteSome().  False: nothing is written; Read() and Write() do it.
  absl::StatusOr<bool> WriteSome(
      const std::vector<StateDb::ObjectName>& objects,
      proto::StateSnapshot snapshot, uint64_t before);
  // Of the machine that was read, and then of that which was written; nothing:
  // it can not be known again.
  const std::optional<StateDb::Mark>& mark() const { return mark_; }
  // Puts back the machine that Write() kept, and keeps the one that was there;
  // instead of Read() and Write().  ENOENT: none was kept.
  absl::Status Undo();

  // Its files with the bytes of disks; null where there is no directory.  They
  // outlive it.
  std::shared_ptr<DiskFiles> disk_files() const;
  // Has the database stay open, for who comes back soon; null where there is
  // none.  With kWrite, after Write().
  std::unique_ptr<StateHold> Hold() const;
  // Removes those that neither the machine nor the one for Undo() has, which
  // commands that were killed, or failed, have left.  With kWrite, after
  // Read().
  void RemoveOldDiskFiles();

  // After Write() or Undo(): why the change, though made, may not survive a
  // power cut; else "".
  const std::string& doubt() const { return doubt_; }

 private:
  // Files that are no state unless they get its name.
  class NewDb {
   public:
    explicit NewDb(std::shared_ptr<const PrivateDir> dir)
        : dir_(std::move(dir)) {}
    ~NewDb() { RemoveNewStateDb(*dir_); }

   private:
    std::shared_ptr<const PrivateDir> dir_;
  };

  StateDir(std::optional<PrivateDir> dir, std::shared_ptr<Patience> patience)
      : patience_(std::move(patience)) {
    if (dir) dir_ = std::make_shared<const PrivateDir>(*std::move(dir));
  }

  absl::StatusOr<StateDb> OpenDb(const char* name, SqliteOptions::Use use);
  // Opens the database, with kWrite also its transaction.  False: there was
  // none.
  absl::StatusOr<bool> OpenExisting();
  // A database without its log: OK if it has all changes itself.
  absl::Status CheckAlone();
  // Begins a database, with the machine of an old snapshot if there was one.
  absl::StatusOr<proto::StateSnapshot> BeginNew(proto::StateSnapshot old);
  absl::Status WriteNew(proto::StateSnapshot snapshot);
  // What is to be done after a write.
  absl::Status Finish(const absl::Status& written, uint64_t generation,
                      Before before);
  // What a failed commit means: OK, with a doubt, if it took effect.
  absl::Status Judge(const absl::Status& failure, uint64_t generation);

  void DoubtFor(const absl::Status& why);
  void SyncDir();

  // Null where a reader finds none.
  std::shared_ptr<const PrivateDir> dir_;
  std::shared_ptr<Patience> patience_;
  std::optional<StateLock> lock_;
  StateFiles files_;
  std::unique_ptr<NewDb> new_;
  std::optional<StateDb> db_;
  // Its transaction has begun, and nothing is read yet.
  bool begun_ = false;
  std::optional<StateDb::Mark> mark_;
  // The directory is to be synced, for its names.
  bool new_files_ = false;
  std::string doubt_;
};

// $DMDAX_STATE, else $XDG_STATE_HOME/dmdax, else ~/.local/state/dmdax.
std::string DefaultStateDir();

}  // namespace dmdax

#endif  // DMDAX_STATE_STATE_DIR_H_
