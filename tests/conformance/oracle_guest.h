// SPDX-License-Identifier: Apache-2.0
//
// The recording guest as a Machine, made from what the recording says of it.
#ifndef DMDAX_TESTS_CONFORMANCE_ORACLE_GUEST_H_
#define DMDAX_TESTS_CONFORMANCE_ORACLE_GUEST_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "state/session.h"
#include "tests/conformance/verdict.h"

namespace dmdax::conformance {

// The guest of env.json: its pmem disks, and the RAM disks of brd.
absl::StatusOr<Session> GuestFromEnv(const Json& env,
                                     const KernelProfile& profile);

// The same with the namespaces as a case left them ("pmem" of its result:
// name -> [base, size, mode, namespace]).
absl::StatusOr<Session> GuestFromCase(const Json& env, const Json& pmem,
                                      const KernelProfile& profile);

// Queues of the guest's disks other than pmem, as a recording's devices on top
// of them show: loop with `block_size`, a BTT ("sector") namespace.
QueueLimits LoopLimits(uint32_t block_size);
// Of a loop device that has no file.
QueueLimits EmptyLoopLimits(const KernelProfile& profile);

QueueLimits BttLimits(const KernelProfile& profile, uint32_t sector_size);

// "target X" for a target type in `table` that the recorded kernel has and
// dmdax does not (yet), or "".  What neither has is refused by both.
// A mounted file system claims its device for as long as the session lives.
void HoldMounted(BlockDevice& bdev);

std::string MissingTarget(const std::string& table, const Json& env,
                          const KernelProfile& profile);

// The `devs` snapshot of a recording: sysfs of every dm device.
Json DescribeDevs(const Session& session);

// What /sys/block/<disk>/`attribute` says ("size", "queue/dax", "dm/name"), or
// null: the disk has none of that name, or it is not compared.
Json SysfsAttribute(const Session& session, BlockDevice& bdev,
                    absl::string_view attribute);

}  // namespace dmdax::conformance

#endif  // DMDAX_TESTS_CONFORMANCE_ORACLE_GUEST_H_
