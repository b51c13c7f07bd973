// SPDX-License-Identifier: Apache-2.0
//
// StateDir: where `dmdax` keeps its emulated machine between commands.
//
// A directory with a database (state_db.h) and a lock.  Readers take no lock
// and never wait.  Writers hold the lock from reading to writing, so that of
// two commands at once both take effect, and one that is killed anywhere
// leaves the state before or after it, never between.
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
// for a directory or file that is not ours alone; ETIMEDOUT; DataLoss for a
// state that can not be read, FailedPrecondition for one of a newer format.
// Threading: thread-compatible.
#ifndef DMDAX_STATE_STATE_DIR_H_
#define DMDAX_STATE_STATE_DIR_H_

#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "state/private_dir.h"
#include "state/state_db.h"
#include "state/state_lock.h"
#include "state/world.pb.h"

namespace dmdax {

class StateDir {
 public:
  enum Mode { kRead, kWrite };

  // kWrite makes the directory if need be and waits for the lock.
  static absl::StatusOr<StateDir> Open(const std::string& path, Mode mode,
                                       const StateWait& wait = {});

  // The machine; an empty one (generation 0) when there is none yet.
  absl::StatusOr<proto::StateSnapshot> Read();

  // Instead of Read(): the database, from which a part of the machine can be
  // read in one transaction; null where there is none yet, or an old one.
  absl::StatusOr<StateDb*> OpenPart();

  // What becomes of the machine that was there.
  enum Before { kForget, kKeepForUndo };
  // Replaces the machine, once.  Only with kWrite and after Read(); on an
  // error the old one stays.
  absl::Status Write(proto::StateSnapshot snapshot, Before before = kForget);
  // Puts back the machine that Write() kept, and keeps the one that was there;
  // instead of Read() and Write().  ENOENT: none was kept.
  absl::Status Undo();

  // After Write() or Undo(): why the change, though made, may not survive a
  // power cut; else "".
  const std::string& doubt() const { return doubt_; }

 private:
  StateDir(std::optional<PrivateDir> dir, std::optional<StateLock> lock)
      : dir_(std::move(dir)), lock_(std::move(lock)) {}

  absl::Status OpenDb();
  // Opens the database, with kWrite also its transaction.  False: there was
  // none.
  absl::StatusOr<bool> OpenExisting();
  // What a failed commit means: OK, with a doubt, if it took effect.
  absl::Status Judge(const absl::Status& failure, uint64_t generation);

  void DoubtFor(const absl::Status& why);

  std::optional<PrivateDir> dir_;  // absent where a reader finds none
  std::optional<StateLock> lock_;
  std::optional<StateDb> db_;
  // The directory is to be synced, for its names.
  bool new_files_ = false;
  std::string doubt_;
};

// $DMDAX_STATE, else $XDG_STATE_HOME/dmdax, else ~/.local/state/dmdax.
std::string DefaultStateDir();

}  // namespace dmdax

#endif  // DMDAX_STATE_STATE_DIR_H_
