// SPDX-License-Identifier: Apache-2.0
//
// Seed 003: from a page of a mapped device to a page frame.
#include "absl/strings/str_cat.h"
#include "tests/seeds/lab.h"
#include "tests/seeds/row.h"

namespace dmdax::seeds {
namespace {

// Every page of a two-target linear lies where both rows say.
std::string EveryPageOfTwoLinears() {
  std::string said;
  for (const char* kernel : {"v4_14", "v5_10", "v6_1", "v6_12", "v7_2"}) {
    DmLab lab(kernel);
    if (!lab.Create("d",
                    "0 4096 linear /dev/pmem0 2048\n"
                    "4096 4096 linear /dev/pmem1 8192\n")
             .ok()) {
      return "not created";
    }
    int wrong = 0;
    for (uint64_t page = 0; page < 1024; ++page) {
      DaxReadLock lock;
      const DaxAccess access =
          DaxDirectAccess(&lab.Md("d").dax_dev(), pgoff_t(page), 1,
                          DaxAccessMode::kAccess, nullptr);
      const uint64_t want = page < 512
                                ? (uint64_t{1} << 20) + 256 + page
                                : (uint64_t{2} << 20) + 1024 + (page - 512);
      wrong += access.ret != 1 || access.pfn.value() != want;
    }
    absl::StrAppend(&said, kernel, ": 1024 pages, ", wrong, " wrong\n");
  }
  return said;
}

}  // namespace

absl::Span<const SeedRow> DmChainRows() {
  static constexpr SeedRow kRows[] = {
      {"3.9", "forwarding: dm pgoff to leg pgoff, page by page",
       EveryPageOfTwoLinears},
  };
  return kRows;
}

}  // namespace dmdax::seeds
