// SPDX-License-Identifier: Apache-2.0
//
// DmsetupFacts: what dmsetup's text says, for programs.  A verb that prints of
// a device notes the same here, if anybody asks.
//
//   DmsetupFacts facts;
//   facts.Add({.name = "home", .dev = {254, 0}, .deps = {{{259, 0}}}});
//   facts.devices[0].deps->size();  // 1
//
// Threading: plain structs.
#ifndef DMDAX_TOOLS_DMSETUP_FACTS_H_
#define DMDAX_TOOLS_DMSETUP_FACTS_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/dev_t.h"
#include "dm/dm_ioctl.h"

namespace dmdax {

struct DeviceFacts {
  std::string name;
  DevT dev;
  // Of info: the device as the kernel's reply has it, and its read-ahead in
  // sectors.
  std::optional<DmIoctl> info = {};
  std::optional<uint32_t> read_ahead = {};
  std::optional<std::vector<DmTargetSpec>> rows = {};  // of table and status
  std::optional<std::vector<DevT>> deps = {};
};

struct TargetFacts {
  std::string name;
  std::array<uint32_t, 3> version;
};

struct DmsetupFacts {
  // Of a device that was the last one already: what is new of it.
  void Add(DeviceFacts device);

  std::vector<DeviceFacts> devices;
  std::vector<TargetFacts> targets;
  std::optional<std::array<uint32_t, 3>> driver_version;
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_FACTS_H_
