// SPDX-License-Identifier: Apache-2.0
#include "block/pmem_files.h"

#include <cstdint>
#include <optional>
#include <utility>

namespace dmdax {

std::vector<PmemFile> PmemFilesOf(const Machine& machine) {
  std::vector<PmemFile> files;
  for (const PmemDevice* loaded : machine.LoadedPmemsIn(0, ~uint64_t{0})) {
    PmemDevice* const pmem = machine.FindPmem(loaded->options().name);
    if (pmem == nullptr) continue;
    if (std::optional<PmemFile> file = PmemFile::Of(*pmem)) {
      files.push_back(*std::move(file));
    }
  }
  return files;
}

}  // namespace dmdax
