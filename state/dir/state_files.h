// SPDX-License-Identifier: Apache-2.0
//
// What the files of a state directory say together, before SQLite looks at them
// one by one.
//
// SQLite takes a database without its log for one that has none, and an empty
// one for new.  But what was acknowledged may be in the log alone, so that a
// lost or damaged log would be an older machine, or none, and the next change
// would be made to that.  So:
//
// * A database is made under another name and gets its own with an empty log
//   beside it.  From then on both are there, always.
// * The file `generation` says how many changes were acknowledged.  It is
//   written after each of them, and not synced: it may be behind the database
//   after a power cut, but never ahead of it.  A database that has fewer has
//   lost some.
//
//     killed after                      there is
//     the new file, state.db.new        nothing
//     its commit                        nothing
//     the empty log, state.db-wal       nothing
//     the new file's rename             the change, which nobody knows of
//     a later commit                    the change, which nobody knows of
//     the number in `generation`        the change
//
// Readers, who take no lock, look at these files in an order in which none of
// that can be taken for a loss.
//
// Errors: as PrivateDir; DataLoss where something is missing.
// Threading: pure functions of the directory.
#ifndef DMDAX_STATE_DIR_STATE_FILES_H_
#define DMDAX_STATE_DIR_STATE_FILES_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "state/private_dir.h"

namespace dmdax {

inline constexpr char kStateDb[] = "state.db";
// SQLite's own, beside the database.
inline constexpr char kStateLog[] = "state.db-wal";
inline constexpr char kStateShm[] = "state.db-shm";
inline constexpr char kStateJournal[] = "state.db-journal";
// What each change writes to, by whoever it is made.
inline constexpr char kStateGeneration[] = "generation";
// The database before it has its name.
inline constexpr char kNewStateDb[] = "state.db.new";

struct StateFiles {
  // There is a database, which may still be one that nothing was written to.
  bool database = false;
  bool log = false;
  uint64_t log_bytes = 0;
  // So many changes were acknowledged, at least.
  uint64_t known = 0;
};

absl::StatusOr<StateFiles> LookAtStateFiles(const PrivateDir& dir);

// DataLoss: a database with so many changes has lost some.
absl::Status CheckGeneration(const PrivateDir& dir, const StateFiles& files,
                             uint64_t generation);
// The database is there, and its log is not.
absl::Status LogIsMissing(const PrivateDir& dir);
// The log is there, and nothing of it can be read.
absl::Status LogIsDamaged(const PrivateDir& dir);

// After a change that is acknowledged; if it fails, a later loss may not be
// noticed.
void NoteGeneration(const PrivateDir& dir, uint64_t generation);

// Removes what was made under the name kNewStateDb.
void RemoveNewStateDb(const PrivateDir& dir);

// EPERM: the directory is not empty, and what is in it is no state, so that
// nothing is to be written there.
absl::Status CheckIsForState(const PrivateDir& dir);

}  // namespace dmdax

#endif  // DMDAX_STATE_DIR_STATE_FILES_H_
