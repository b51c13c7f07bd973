// SPDX-License-Identifier: Apache-2.0
//
// LoadOrder: in which order the tables of a World can be loaded.
//
// Live tables come after those of the mapped devices they name; among those
// that may come at any time the World's order holds.  Inactive tables come
// last of all, but for one whose device has no other and is named by a table:
// the kernel can stack on a device that was loaded and never resumed.
#ifndef DMDAX_STATE_LOAD_ORDER_H_
#define DMDAX_STATE_LOAD_ORDER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "state/world.pb.h"

namespace dmdax {

// One table: of world.mapped_device(device).
struct LoadJob {
  int device;
  bool inactive;
};

// A circle of tables that name each other, or one that names its own device,
// which has no other table: indexes of mapped devices.
struct LoadOrderResult {
  std::vector<LoadJob> jobs;
  std::vector<int> cycle;  // empty: there is none, and jobs are complete
};

// `minors` are those of the mapped devices, in the World's order.  An inactive
// table may name its own device, which is live: the kernel has an answer.
LoadOrderResult LoadOrder(const proto::World& world,
                          absl::Span<const uint32_t> minors, uint32_t dm_major);

}  // namespace dmdax

#endif  // DMDAX_STATE_LOAD_ORDER_H_
