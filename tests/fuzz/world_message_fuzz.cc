// SPDX-License-Identifier: Apache-2.0
//
// A World as a binary message, which a fuzzer changes without spoiling its
// form: printed in every format and read again, then loaded.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"
#include "formats/world_format.h"
#include "state/packed_table.h"
#include "state/world_load.h"
#include "tests/fuzz/mutator.h"

namespace {

// Whether a binary message may be a text by chance: it then is taken for one.
// Few are: names must have as many letters as a blank's code says.
bool MayBeText(absl::string_view bytes) {
  return std::none_of(bytes.begin(), bytes.end(), [](unsigned char c) {
    return absl::ascii_iscntrl(c) && !absl::ascii_isspace(c);
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  dmdax::proto::World world;
  if (!world.ParseFromArray(data, static_cast<int>(size))) return 0;
  world.DiscardUnknownFields();
  for (dmdax::proto::Pmem& pmem : *world.mutable_pmem()) pmem.clear_backing();
  for (const dmdax::Format* format :
       {&dmdax::kTextprotoFormat, &dmdax::kJsonFormat, &dmdax::kBinaryFormat}) {
    const auto printed = PrintWorld(world, *format);
    if (!printed.ok()) std::abort();
    const auto parsed = dmdax::ParseWorld(*printed, "w");
    if (world.ByteSizeLong() == 0) continue;  // what is empty has no format
    if (format == &dmdax::kBinaryFormat && MayBeText(*printed)) continue;
    if (!parsed.ok() || parsed->format != format) std::abort();
    if (*PrintWorld(parsed->world, *format) != *printed) std::abort();
    const bool loads = LoadWorld(parsed->world, parsed->source).ok();
    if (loads && format == &dmdax::kBinaryFormat) ++dmdax::fuzz::accepted;
  }
  // Readable, packed and readable again is the same; odd columns are refused.
  if (dmdax::UnpackWorld(&world).ok()) {
    dmdax::proto::World again = world;
    dmdax::PackWorld(&again);
    if (!dmdax::UnpackWorld(&again).ok()) std::abort();
    if (*PrintWorld(again, dmdax::kTextprotoFormat) !=
        *PrintWorld(world, dmdax::kTextprotoFormat)) {
      std::abort();
    }
  }
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size,
                                          size_t max_size, unsigned seed) {
  dmdax::fuzz::Mutator mutator(seed);
  dmdax::proto::World world;
  if (!world.ParseFromArray(data, static_cast<int>(size)) ||
      mutator.OneIn(16)) {
    return LLVMFuzzerMutate(data, size, max_size);
  }
  do {
    mutator.Mutate(world);
  } while (mutator.OneIn(3));
  return dmdax::fuzz::PutMutated(world.SerializeAsString(), data, size,
                                 max_size);
}
