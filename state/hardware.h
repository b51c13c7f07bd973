// SPDX-License-Identifier: Apache-2.0
//
// The hardware part of a World: persistent memory, block devices, queues.
//
//   Machine machine(*profile);
//   AddHardware(world, machine);
//   ...
//   SaveHardware(machine, &world);
#ifndef DMDAX_STATE_HARDWARE_H_
#define DMDAX_STATE_HARDWARE_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "block/machine.h"
#include "dm/dm_table.pb.h"

namespace dmdax {

// One device; the errors are those of Machine::AddPmem and AddBlock, or
// EINVAL for a bad device number, queue value or bad-block range.
absl::Status AddPmem(const proto::Pmem& pmem, Machine& machine);
absl::Status AddBlock(const proto::Block& block, Machine& machine);

// Turns "pmem[2]" into what an error about it should begin with.
using LocateFn = std::function<std::string(const std::string& path)>;

// All of world.pmem, world.block and world.node.
absl::Status AddHardware(const proto::World& world, Machine& machine,
                         const LocateFn& locate = nullptr);

// The reverse: fills pmem, block and node of `world`.
void SaveHardware(const Machine& machine, uint32_t dm_major,
                  proto::World* world);

}  // namespace dmdax

#endif  // DMDAX_STATE_HARDWARE_H_
