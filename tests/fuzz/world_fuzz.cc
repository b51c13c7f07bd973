// SPDX-License-Identifier: Apache-2.0
//
// A World in any format, loaded, described and loaded again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "formats/world_format.h"
#include "state/world_load.h"
#include "tests/fuzz/mutator.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto parsed = dmdax::ParseWorld(
      std::string(reinterpret_cast<const char*>(data), size), "w");
  if (!parsed.ok()) return 0;
  for (dmdax::proto::Pmem& pmem : *parsed->world.mutable_pmem()) {
    pmem.clear_backing();  // opens no files, maps no memory
  }
  const auto session = dmdax::LoadWorld(parsed->world, parsed->source);
  if (!session.ok()) return 0;
  ++dmdax::fuzz::accepted;
  const dmdax::proto::World world = DescribeWorld(*session);
  if (!PrintWorld(world, dmdax::kTextprotoFormat).ok()) std::abort();
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size,
                                          size_t max_size, unsigned seed) {
  dmdax::fuzz::Mutator mutator(seed);
  auto parsed =
      dmdax::ParseWorld(std::string(reinterpret_cast<char*>(data), size), "w");
  // What the parsers make of noise is to be seen, too.
  if (!parsed.ok() || mutator.OneIn(16)) {
    return LLVMFuzzerMutate(data, size, max_size);
  }
  do {
    mutator.Mutate(parsed->world);
  } while (mutator.OneIn(3));
  const dmdax::Format* const formats[] = {
      parsed->format, &dmdax::kTextprotoFormat, &dmdax::kJsonFormat,
      &dmdax::kBinaryFormat};
  const auto printed = PrintWorld(
      parsed->world, *formats[mutator.OneIn(8) ? mutator.Below(4) : 0]);
  return dmdax::fuzz::PutMutated(printed.ok() ? *printed : "", data, size,
                                 max_size);
}
