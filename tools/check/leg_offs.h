// SPDX-License-Identifier: Apache-2.0
//
// LegOffs: how far the legs of a volume's rows lie off a 2 MiB boundary of
// memory.
//
//   LegOffs offs(session, world, Seen::kStack);
//   if (offs.IsOff(row, row.linear(), /*nr_legs=*/1)) Move(row);
//
// Threading: thread-compatible.
#ifndef DMDAX_TOOLS_CHECK_LEG_OFFS_H_
#define DMDAX_TOOLS_CHECK_LEG_OFFS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "block/block_device.h"
#include "state/session.h"
#include "state/world.pb.h"

namespace dmdax {

// What of a stack counts for where a row lies: its own level, as if all mapped
// devices below were aligned, or all of them as they are.
enum class Seen { kLevel, kStack };

// Each device that a table names is looked up once.  The World's tables may
// change meanwhile, but not which mapped devices it has.
class LegOffs {
 public:
  LegOffs(const Session& session, proto::World& world, Seen seen)
      : session_(session), world_(world), seen_(seen) {}
  // Null: there is no such device.
  BlockDevice* DeviceOf(const std::string& word);
  // Where a sector of a device lies in memory, below 4096: through the tables
  // of the World, whose session it is, down to the disk.  0: there is none.
  uint64_t PlaceOf(const std::string& word, uint64_t sector);
  // How far a leg is to move up, in sectors below 4096.  A stripe's legs begin
  // with the row, whatever its place in the table.
  uint64_t Off(const proto::Target& row, const proto::Linear& leg);
  // Whether a leg is off, or its row ends within a page.
  bool IsOff(const proto::Target& row, const proto::Linear& leg, int nr_legs);

 private:
  struct Device {
    BlockDevice* bdev = nullptr;
    std::optional<int> mapped;  // which of the World's mapped devices it is
  };
  Device& Find(const std::string& word);
  std::optional<int> MappedOf(const BlockDevice& bdev);
  uint64_t StackOff(Device* at, uint64_t sector);

  const Session& session_;
  proto::World& world_;
  const Seen seen_;
  std::map<std::string, Device> known_;
  absl::flat_hash_map<std::string, int> by_name_;  // mapped devices
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_LEG_OFFS_H_
