// SPDX-License-Identifier: Apache-2.0
//
// The metadata of thin pools, which no input has: a fresh pool is what the
// model makes, and dmsetup's tables say which thin devices it has.
#ifndef DMDAX_IMPORT_POOL_METADATA_H_
#define DMDAX_IMPORT_POOL_METADATA_H_

#include "import/facts.h"
#include "state/world.pb.h"

namespace dmdax {

// A message create_thin for each thin device that a table names.  What a pool
// writes, also to persistent memory, is kept as what is written to a disk.
void GivePoolsMetadata(const Facts& facts, proto::World* world);

}  // namespace dmdax

#endif  // DMDAX_IMPORT_POOL_METADATA_H_
