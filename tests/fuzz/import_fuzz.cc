// SPDX-License-Identifier: Apache-2.0
//
// Every format of an import on the same bytes, whatever they look like; and
// what they are recognised as, up to a World that must load.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "import/facts.h"
#include "import/import.h"
#include "import/import_files.h"
#include "import/import_format.h"
#include "state/world_load.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const auto input = dmdax::MakeImportInput("x", "sys/block/pmem0/size", bytes);
  for (const dmdax::ImportFormat* format : dmdax::kImportFormats) {
    dmdax::Facts facts;
    (void)format->detect(*input);
    (void)format->read(*input, &facts);
  }
  dmdax::Importer importer;
  if (!importer.AddBytes(bytes, "x").ok()) return 0;
  const auto machine = importer.Finish();
  if (machine.ok() && !dmdax::LoadWorld(machine->world).ok()) std::abort();
  return 0;
}
