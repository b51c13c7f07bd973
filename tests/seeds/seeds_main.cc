// SPDX-License-Identifier: Apache-2.0
//
// seeds ID GOLDEN   runs a row and compares what it said; exit 1 if it differs
// seeds ID          prints it: how a golden file is made, and then read
// seeds --list      the rows there are
#include <fstream>
#include <iostream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "tests/seeds/row.h"

namespace dmdax::seeds {
namespace {

std::string Run(const SeedRow& row) {
  return absl::StrCat("# ", row.id, " ", row.item, "\n", row.run());
}

int Compare(const std::string& said, const std::string& path) {
  std::ifstream file(path);
  std::ostringstream golden;
  if (!file || !(golden << file.rdbuf())) {
    std::cerr << "cannot read " << path << "\n";
    return 2;
  }
  if (golden.str() == said) return 0;
  std::cerr << "--- expected\n" << golden.str() << "--- said\n" << said;
  return 1;
}

int Main(int argc, char** argv) {
  const std::string id = argc > 1 ? argv[1] : "";
  for (const SeedRow& row : AllRows()) {
    if (id == "--list") std::cout << row.id << " " << row.item << "\n";
    if (id != row.id) continue;
    const std::string said = Run(row);
    if (argc > 2) return Compare(said, argv[2]);
    std::cout << said;
    return 0;
  }
  if (id == "--list") return 0;
  std::cerr << "seeds: no row '" << id << "'\n";
  return 2;
}

}  // namespace

std::vector<SeedRow> AllRows() {
  std::vector<SeedRow> all;
  for (absl::Span<const SeedRow> rows :
       {DevDaxRows(), DevDaxEntryRows(), GupRows(), DoFaultRows(), VmOpsRows(),
        ShmRows(), FakeDaxRows(), MmapHookRows(), InsertRows(), DmTypeRows(),
        DmChainRows(), DmFaultRows(), RefcountRows(), FolioRows()}) {
    all.insert(all.end(), rows.begin(), rows.end());
  }
  return all;
}

}  // namespace dmdax::seeds

int main(int argc, char** argv) { return dmdax::seeds::Main(argc, argv); }
