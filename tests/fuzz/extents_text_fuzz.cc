// SPDX-License-Identifier: Apache-2.0
//
// Extents as filefrag, xfs_bmap and xfs_io print them, and struct fiemap:
// what is accepted is in order and does not overlap.
#include <cstddef>
#include <cstdint>

#include "fs/extents_text.h"
#include "tests/fuzz/fuzz_machine.h"

namespace {

void CheckList(const absl::StatusOr<dmdax::ExtentList>& list) {
  if (!list.ok()) {
    dmdax::fuzz::Check(!list.status().message().empty());
    return;
  }
  uint64_t end = 0;
  for (const dmdax::FileExtent& e : list->extents) {
    dmdax::fuzz::Check(e.length > 0 && e.logical >= end);
    dmdax::fuzz::Check(e.logical + e.length > e.logical);
    end = e.logical + e.length;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  CheckList(dmdax::ParseExtents(text));
  CheckList(dmdax::ParseFilefrag(text));
  CheckList(dmdax::ParseXfsBmap(text));
  CheckList(dmdax::ParseXfsIoFiemap(text));
  CheckList(dmdax::ParseFiemap({text.data(), text.size()}));
  return 0;
}
