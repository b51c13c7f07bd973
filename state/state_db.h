// SPDX-License-Identifier: Apache-2.0
//
// StateDb: the database of a state directory, an object of the machine a row.
//
//   absl::StatusOr<StateDb> db = StateDb::Open("/tmp/s/state.db");
//   absl::Status s = db->BeginWrite();
//   absl::StatusOr<proto::StateSnapshot> machine = db->Read();
//   machine->mutable_world()->add_node()->set_path("/dev/x");
//   s = db->Write(*std::move(machine));  // the rows that differ, and commits
//
// A command is one transaction.  SQLite keeps its log beside the database
// (WAL): readers see the state before or after a command and never wait; a
// command that was acknowledged is on the disk; one that is killed anywhere
// was never there.
//
// Errors: those of SqliteDb; FailedPrecondition for a newer format, which is
// left as it is.
// Threading: thread-compatible.
#ifndef DMDAX_STATE_STATE_DB_H_
#define DMDAX_STATE_STATE_DB_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "state/sqlite.h"
#include "state/state_objects.h"
#include "state/world.pb.h"

namespace dmdax {

class StateDb {
 public:
  // The format this program writes, and the newest it reads.
  static constexpr int64_t kFormat = 3;

  // Makes the file if need be.
  static absl::StatusOr<StateDb> Open(const std::string& path);

  // Whether anything was ever written to it.
  absl::StatusOr<bool> IsNew();

  // Nobody else writes until Write() or the end.  EBUSY: somebody does.
  absl::Status BeginWrite();

  // The machine as one transaction sees it.
  absl::StatusOr<proto::StateSnapshot> Read();

  // After BeginWrite() and Read(): makes the rows those of `snapshot` and
  // commits.  After an error the log may hold the change all the same, if it
  // was the last fsync(2) that failed: open the database again and compare
  // generations.
  absl::Status Write(proto::StateSnapshot snapshot);
  // Before Write(): keeps the machine as it is for Undo().
  absl::Status KeepForUndo();
  // After BeginWrite(): exchanges the machine and the one that was kept, and
  // commits.  ENOENT: none was.
  absl::Status Undo();

  // Writes so far: what Read() saw.
  uint64_t generation() const { return generation_; }

 private:
  // What is known of a row without its bytes.
  struct Row {
    int64_t position;
    std::pair<uint64_t, uint64_t> hash;
  };
  using RowMap =
      absl::flat_hash_map<std::pair<StateObjectKind, std::string>, Row>;

  explicit StateDb(SqliteDb db) : db_(std::move(db)) {}

  absl::Status RemoveRow(StateObjectKind kind, int64_t position);
  absl::Status InsertRow(const StateObject& object, int64_t position);

  SqliteDb db_;
  // Made once for all rows of a write.
  std::optional<SqliteStatement> remove_;
  std::optional<SqliteStatement> insert_;
  bool writes_ = false;
  uint64_t generation_ = 0;
  RowMap rows_;
};

}  // namespace dmdax

#endif  // DMDAX_STATE_STATE_DB_H_
