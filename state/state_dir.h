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
//   ...
//   absl::Status s = dir->Write(*state);
//
// Errors: the errno of the system call, with the path in the message;
// DataLoss for a snapshot that can not be parsed, FailedPrecondition for one
// of a newer format.
#ifndef DMDAX_STATE_STATE_DIR_H_
#define DMDAX_STATE_STATE_DIR_H_

#include <string>

#include "absl/status/statusor.h"
#include "dm/dm_table.pb.h"

namespace dmdax {

class StateDir {
 public:
  enum Mode { kRead, kWrite };

  // The format this program writes, and the newest it reads.
  static constexpr uint32_t kFormatVersion = 2;

  // kWrite makes the directory if need be and waits for the lock.
  static absl::StatusOr<StateDir> Open(const std::string& path, Mode mode);
  ~StateDir();
  StateDir(StateDir&& other) noexcept;
  StateDir& operator=(StateDir&&) = delete;

  // The snapshot; an empty one (generation 0) when there is none yet.
  absl::StatusOr<proto::StateSnapshot> Read() const;
  // Replaces the snapshot.  Only with kWrite; on an error the old one stays.
  absl::Status Write(proto::StateSnapshot snapshot) const;

  const std::string& path() const { return path_; }

 private:
  StateDir(std::string path, int lock_fd)
      : path_(std::move(path)), lock_fd_(lock_fd) {}

  std::string path_;
  int lock_fd_;
};

// $DMDAX_STATE, else $XDG_STATE_HOME/dmdax, else ~/.local/state/dmdax.
std::string DefaultStateDir();

}  // namespace dmdax

#endif  // DMDAX_STATE_STATE_DIR_H_
