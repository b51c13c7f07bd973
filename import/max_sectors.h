// SPDX-License-Identifier: Apache-2.0
//
// The requests that the queues of a machine take (max_sectors_kb of sysfs),
// where they are others than a fresh machine's.
// Threading: thread-compatible.
#ifndef DMDAX_IMPORT_MAX_SECTORS_H_
#define DMDAX_IMPORT_MAX_SECTORS_H_

#include "absl/status/status.h"
#include "import/facts.h"
#include "state/session.h"
#include "state/world.pb.h"

namespace dmdax {

// `fresh` is the World without them.  What no input says of a volume with
// chunks is a guess where it matters.
absl::Status TakeMaxSectors(const Session& fresh, Facts* facts,
                            proto::World* world);

}  // namespace dmdax

#endif  // DMDAX_IMPORT_MAX_SECTORS_H_
