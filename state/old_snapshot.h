// SPDX-License-Identifier: Apache-2.0
//
// The state of versions before the database: one message in the file `state`.
//
// It is read once, by the first command that finds no database; the next one
// that writes takes it over and leaves in its place a message of a format that
// those versions do not know, so that none of them goes on without what has
// happened since.
//
// Errors: as PrivateDir; DataLoss for a file that is no snapshot,
// FailedPrecondition for a newer format.
#ifndef DMDAX_STATE_OLD_SNAPSHOT_H_
#define DMDAX_STATE_OLD_SNAPSHOT_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "state/private_dir.h"
#include "state/world.pb.h"

namespace dmdax {

// An empty one (generation 0) when there is none.
absl::StatusOr<proto::StateSnapshot> ReadOldSnapshot(const PrivateDir& dir);

// Puts the mark in its place, once; does nothing if there is no old snapshot.
absl::Status RetireOldSnapshot(const PrivateDir& dir);

}  // namespace dmdax

#endif  // DMDAX_STATE_OLD_SNAPSHOT_H_
