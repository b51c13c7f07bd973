// SPDX-License-Identifier: Apache-2.0
//
// The rows of a World's tables, to be changed by a cure.
//
//   proto::MappedDevice* device = FindMapped(world, "vg-home");
//   for (proto::Target& row : *EditRows(device)) row.set_length(4096);
//   SettleRows(device);            // starts follow from the lengths
// Threading: pure functions.
#ifndef DMDAX_TOOLS_CHECK_WORLD_ROWS_H_
#define DMDAX_TOOLS_CHECK_WORLD_ROWS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "base/dev_t.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "state/session.h"
#include "state/world.pb.h"

namespace dmdax {

// A 2 MiB page, in sectors and in bytes.
inline constexpr uint64_t kPmdSectors = 4096;
inline constexpr uint64_t kPmdBytes = kPmdSectors * 512;

// By name; null: there is none.
proto::MappedDevice* FindMapped(proto::World& world, const std::string& name);
const proto::MappedDevice* FindMapped(const proto::World& world,
                                      const std::string& name);

// The live table's rows, each in its typed form where it has one.
google::protobuf::RepeatedPtrField<proto::Target>* EditRows(
    proto::MappedDevice* device);

// Whether a line with its table would be typed: few rows, each linear or
// striped.
inline constexpr int kMostTypedRows = 32;
bool HasTypedRows(proto::MappedDevice* device);

// That of them which holds `sector`; null: none does.  What it costs does not
// grow with the table, but for its logarithm.
const proto::Target* EditRowAt(proto::MappedDevice* device, uint64_t sector);

// Drops rows without length, and lets each begin where the one before ended.
void SettleRows(proto::MappedDevice* device);

// Makes one row of those behind each other of which `are_one` says so of the
// one so far and the next.
void JoinRows(proto::MappedDevice* device,
              absl::FunctionRef<bool(const proto::Target& before,
                                     const proto::Target& row)>
                  are_one);

// The rows as dmsetup takes them, a line each.
std::string TableText(const proto::MappedDevice& device);

// Calls fn(leg, nr_legs) for each device that a linear or striped row names:
// in its data of `nr_legs` legs the leg has that part.
void ForEachLeg(proto::Target& row,
                absl::FunctionRef<void(proto::Linear& leg, int nr_legs)> fn);

// The number of the device that a table's word names.
std::optional<DevT> DevOfWord(const Session& session, const std::string& word);

// "vg" and "home" of a device that LVM2 made, as its uuid says, or else an
// import (MappedDevice::maker).
struct LvmName {
  std::string vg, lv;
  bool guessed = false;  // by its name alone
};
std::optional<LvmName> LvmNameOf(const proto::MappedDevice& device);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_WORLD_ROWS_H_
