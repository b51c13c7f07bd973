// SPDX-License-Identifier: Apache-2.0
//
// SeedRow: one row of the mission's acceptance list, as a scenario that says
// in words what happened.  What it must say is in golden/<id>.txt.
//
// A file seed_*.cc holds the rows of one topic and lists them at its end:
//
//   std::string MmapPrivateIsRefused() { ... }
//   absl::Span<const SeedRow> DevDaxRows() {
//     static constexpr SeedRow kRows[] = {
//         {"0.13", "devdax MAP_PRIVATE mmap", MmapPrivateIsRefused}};
//     return kRows;
//   }
#ifndef DMDAX_TESTS_SEEDS_ROW_H_
#define DMDAX_TESTS_SEEDS_ROW_H_

#include <string>
#include <vector>

#include "absl/types/span.h"

namespace dmdax::seeds {

struct SeedRow {
  const char* id;    // "0.13"
  const char* item;  // what the row is about, a few words
  std::string (*run)();
};

// One for each seed_*.cc.
absl::Span<const SeedRow> DevDaxRows();  // 0.1 to 0.3, 0.8 to 0.11, 0.14, 0.18
absl::Span<const SeedRow> DevDaxEntryRows();  // 0.4 to 0.7
absl::Span<const SeedRow> GupRows();          // 0.12, 0.13, 0.15 to 0.17
absl::Span<const SeedRow> DoFaultRows();      // 1.1 to 1.7
absl::Span<const SeedRow> VmOpsRows();        // 1.8 to 1.12
absl::Span<const SeedRow> ShmRows();          // 1.13 to 1.16
absl::Span<const SeedRow> FakeDaxRows();      // 2.1 to 2.3, 2.5 to 2.8
absl::Span<const SeedRow> MmapHookRows();     // 2.4, 2.16 to 2.18
absl::Span<const SeedRow> InsertRows();       // 2.9 to 2.15
absl::Span<const SeedRow> DmTypeRows();       // 3.1 to 3.8
absl::Span<const SeedRow> DmChainRows();      // 3.9, 3.12 to 3.15
absl::Span<const SeedRow> DmFaultRows();      // 3.10, 3.11, 3.16 to 3.18
absl::Span<const SeedRow> RefcountRows();     // 4.1 to 4.6, 4.12
absl::Span<const SeedRow> FolioRows();        // 4.7 to 4.11

std::vector<SeedRow> AllRows();

}  // namespace dmdax::seeds

#endif  // DMDAX_TESTS_SEEDS_ROW_H_
