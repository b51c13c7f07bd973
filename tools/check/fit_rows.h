// SPDX-License-Identifier: Apache-2.0
//
// FitRows(): the tables of a World after a cure has changed something in it.
//
//   world.mutable_pmem(0)->set_data_offset(2 << 20);
//   FitRows(session, world);  // what stood on its last 2 MiB is shorter
//
// Threading: pure functions.
#ifndef DMDAX_TOOLS_CHECK_FIT_ROWS_H_
#define DMDAX_TOOLS_CHECK_FIT_ROWS_H_

#include <cstdint>
#include <map>

#include "base/dev_t.h"
#include "state/session.h"
#include "state/world.pb.h"

namespace dmdax {

// The sizes in the World of what is no mapped device, in sectors: cures change
// namespaces and partitions.
std::map<DevT, uint64_t> SizesOf(const Session& session,
                                 const proto::World& world);

// Cuts rows that reach over the end of a device, as it is in the World now, and
// makes the lengths of striped ones what the kernel takes; so on up the stack.
void FitRows(const Session& session, proto::World& world);

// Cuts those of a device that is not in the World.
void FitRowsOf(const Session& session, const proto::World& world,
               proto::MappedDevice* device);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_FIT_ROWS_H_
