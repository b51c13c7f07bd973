// SPDX-License-Identifier: Apache-2.0
//
// Where in a stack DAX ends: not only the first level that says no, but what
// that level says no because of, down to the last.
//
//   for (const NotDaxLevel& at : WhyNotDax(session, *bdev))
//     std::cout << at.device << ": " << at.why << "\n";
//   // oc (dm-1): target 0 (linear): leg 254:0 (dm-0): ...
//   // c (dm-0): target 0 (crypt) has no direct_access
// Threading: as Machine and DmCtl.
#ifndef DMDAX_TOOLS_CHECK_DAX_DEPTH_H_
#define DMDAX_TOOLS_CHECK_DAX_DEPTH_H_

#include <string>
#include <vector>

#include "block/block_device.h"
#include "dm/dm_table.h"
#include "state/session.h"

namespace dmdax {

// What a person calls a device: "c" for dm-0, "pmem0".
std::string NameOfDevice(const Session& session, const BlockDevice& bdev);

// Of a mapped device; null: it is none, or has none.
const DmTable* LiveTable(const Session& session, const BlockDevice& bdev);

// What a device stands on: the devices of its live table, its whole disk, or
// what a World says of one that is not modelled.
std::vector<BlockDevice*> DevicesBelow(const Session& session,
                                       BlockDevice& bdev);

// The device and all that it stands on, each once, the highest first; of null
// nothing.
std::vector<BlockDevice*> AllBelow(const Session& session, BlockDevice* bdev);

// Whether any of its data is persistent memory's, or may be: of one of the
// devices below no input says what it is.
bool StandsOnPmem(const Session& session, BlockDevice& bdev);

// What it is that ends DAX.
enum class NoDaxBy {
  kTarget,     // a row of a table, or what stands below it
  kNoTable,    // a mapped device without a live table
  kPartition,  // one that is not made of whole pages
  kExtended,   // one that has other partitions in it
  kRaw,        // a raw namespace: no struct pages
  kSector,     // a sector namespace: its data goes through the BTT
  kDriver,     // a driver that stands on other devices: md, bcache
  kUnknown,    // a device of which no input says what it is
  kNotPmem,    // a disk that is no persistent memory
};

struct NotDaxLevel {
  BlockDevice* bdev = nullptr;
  std::string device;  // "c (dm-0)", "pmem0"
  NoDaxBy by = NoDaxBy::kNotPmem;
  std::string why;     // "target 0 (crypt) has no direct_access"
  std::string target;  // "crypt", when a target is what ends DAX
};

// From the device down to the level that ends DAX; empty for a DAX device.
std::vector<NotDaxLevel> WhyNotDax(const Session& session, BlockDevice& bdev);

// "; c (dm-0): target 0 (crypt) has no direct_access": the levels from the
// `first` on, for the end of a message.
std::string NotDaxText(const std::vector<NotDaxLevel>& levels, size_t first);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_DAX_DEPTH_H_
