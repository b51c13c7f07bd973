// SPDX-License-Identifier: Apache-2.0
//
// StateDir: where `dmdax` keeps its emulated machine between commands.
//
// A directory with one snapshot (`state`, a binary dmdax.proto.StateSnapshot)
// and a lock.  Readers take no lock: the snapshot is replaced atomically
// (written beside, fsync, rename, fsync of the directory), so they see one
// state or the next.  Writers hold the lock from reading to writing, so that
// of two commands at once both take effect, and one that is killed anywhere
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
// for a directory or file that is not ours alone;
// DataLoss for a snapshot that can not be parsed, FailedPrecondition for one
// of a newer format.
#ifndef DMDAX_STATE_STATE_DIR_H_
#define DMDAX_STATE_STATE_DIR_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "base/fd.h"
#include "state/private_dir.h"
#include "state/world.pb.h"

namespace dmdax {

class StateDir {
 public:
  enum Mode { kRead, kWrite };

  // The format this program writes, and the newest it reads.
  static constexpr uint32_t kFormatVersion = 2;

  // kWrite makes the directory if need be and waits for the lock.
  static absl::StatusOr<StateDir> Open(const std::string& path, Mode mode);
  ~StateDir();
  StateDir(StateDir&&) = default;
  StateDir& operator=(StateDir&&) = delete;

  // The snapshot; an empty one (generation 0) when there is none yet.
  absl::StatusOr<proto::StateSnapshot> Read() const;
  // Replaces the snapshot.  Only with kWrite; on an error the old one stays.
  absl::Status Write(proto::StateSnapshot snapshot) const;

 private:
  StateDir(std::optional<PrivateDir> dir, Fd lock)
      : dir_(std::move(dir)), lock_(std::move(lock)) {}

  std::optional<PrivateDir> dir_;  // absent where a reader finds none
  Fd lock_;
};

// $DMDAX_STATE, else $XDG_STATE_HOME/dmdax, else ~/.local/state/dmdax.
std::string DefaultStateDir();

}  // namespace dmdax

#endif  // DMDAX_STATE_STATE_DIR_H_
