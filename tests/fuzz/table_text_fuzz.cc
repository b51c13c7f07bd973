// SPDX-License-Identifier: Apache-2.0
//
// Table text, and tables in every other format: what is read can be printed
// and is then read the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "formats/linear_text.h"
#include "formats/table_text.h"
#include "formats/world_format.h"
#include "state/target_spec.h"
#include "tests/fuzz/mutator.h"

namespace {

void Check(bool good) {
  if (!good) std::abort();
}

void CheckText(absl::string_view bytes) {
  using dmdax::DmTargetSpec;
  const dmdax::TableText text = dmdax::ParseTableText(bytes, "t");
  Check(text.ok() || text.rows.empty());
  const auto printed = dmdax::PrintTableText(text.Specs());
  Check(printed.ok());
  const dmdax::TableText again = dmdax::ParseTableText(*printed, "t");
  Check(again.ok() && again.rows.size() == text.rows.size());
  for (size_t i = 0; i < text.rows.size(); ++i) {
    const DmTargetSpec& a = text.rows[i].spec;
    const DmTargetSpec& b = again.rows[i].spec;
    const DmTargetSpec c = dmdax::SpecFromTarget(dmdax::TargetFromSpec(a));
    for (const DmTargetSpec& other : {b, c}) {
      Check(a.sector_start == other.sector_start);
      Check(a.length == other.length && a.params == other.params);
      Check(a.target_type == other.target_type);
    }
  }
}

// The fast parser at every level takes nothing that the judge reads otherwise.
void CheckLinear(absl::string_view bytes) {
  const dmdax::TableText text = dmdax::ParseTableText(bytes, "t");
  bool taken = false;
  for (dmdax::SimdLevel level : {dmdax::SimdLevel::kPlain, dmdax::BestSimd()}) {
    const auto rows = dmdax::ParseLinearText(bytes, level);
    Check(level == dmdax::SimdLevel::kPlain || taken == (rows != nullptr));
    taken = rows != nullptr;
    if (!taken) continue;
    const auto specs = dmdax::SpecsOf(*rows);
    Check(text.ok() && specs.size() == text.rows.size());
    Check(*dmdax::PrintTableText(specs) ==
          *dmdax::PrintTableText(text.Specs()));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  CheckText(bytes);
  CheckLinear(bytes);
  const auto table = dmdax::ParseTable(bytes, "t");
  if (!table.ok()) return 0;
  ++dmdax::fuzz::accepted;
  (void)table->source.Locate("target[1].linear.device");
  for (const dmdax::Format* format :
       {&dmdax::kTextprotoFormat, &dmdax::kJsonFormat, &dmdax::kBinaryFormat}) {
    const auto printed = PrintTable(table->table, *format);
    Check(printed.ok());
    // What is empty has no format.
    if (table->table.ByteSizeLong() == 0) continue;
    const auto again = dmdax::ParseTable(*printed, "t");
    Check(again.ok() && again->format == format);
    Check(*PrintTable(again->table, *format) == *printed);
  }
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size,
                                          size_t max_size, unsigned seed) {
  dmdax::fuzz::Mutator mutator(seed);
  auto parsed =
      dmdax::ParseTable(std::string(reinterpret_cast<char*>(data), size), "t");
  if (!parsed.ok() || mutator.OneIn(16)) {
    return LLVMFuzzerMutate(data, size, max_size);
  }
  do {
    mutator.Mutate(parsed->table);
  } while (mutator.OneIn(3));
  const auto printed = PrintTable(parsed->table, *parsed->format);
  return dmdax::fuzz::PutMutated(printed.ok() ? *printed : "", data, size,
                                 max_size);
}
