// SPDX-License-Identifier: Apache-2.0
//
// A World in any format, loaded, described and loaded again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "formats/world_format.h"
#include "state/world_load.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto parsed = dmdax::ParseWorld(
      std::string(reinterpret_cast<const char*>(data), size), "w");
  if (!parsed.ok()) return 0;
  for (dmdax::proto::Pmem& pmem : *parsed->world.mutable_pmem()) {
    pmem.clear_backing();  // opens no files, maps no memory
  }
  const auto session = dmdax::LoadWorld(parsed->world, parsed->source);
  if (!session.ok()) return 0;
  const dmdax::proto::World world = DescribeWorld(*session);
  if (!PrintWorld(world, dmdax::kTextprotoFormat).ok()) std::abort();
  return 0;
}
