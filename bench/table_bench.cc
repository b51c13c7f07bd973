// SPDX-License-Identifier: Apache-2.0
//
// Lookups in one table, and in tables on top of each other.
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/contenders.h"
#include "bench/families.h"
#include "bench/floor.h"

namespace dmdax::bench {
namespace {

// Registered benchmarks use it to the program's end.
Stack& Keep(std::unique_ptr<Stack> stack) {
  static auto* kept = new std::vector<std::unique_ptr<Stack>>;
  kept->push_back(std::move(stack));
  return *kept->back();
}

void Register(const std::string& name, std::unique_ptr<Stack> stack) {
  Stack& kept = Keep(std::move(stack));
  RegisterContenders(name, kept);
  RegisterBatch(name, kept);
  RegisterFloor(name, kept);
}

}  // namespace

void RegisterTables(const Options& options) {
  for (size_t n : {1, 8, 64, 1024, 32768, 1048576}) {
    if (n > options.max_targets) continue;
    Register(absl::StrCat("targets:", n), Stack::Wide(n, options.queries));
  }
  for (size_t n : {32768, 1048576}) {
    if (n > options.max_targets) continue;
    Register(absl::StrCat("equal:", n), Stack::Equal(n, options.queries));
    Register(absl::StrCat("skewed:", n), Stack::Skewed(n, options.queries));
  }
}

void RegisterDepth(const Options& options) {
  for (int depth : {1, 2, 4, 8, 16}) {
    Register(absl::StrCat("depth:", depth),
             Stack::Deep(depth, options.queries));
  }
  if (options.max_targets < 1024) return;
  for (int depth : {1, 4, 16}) {
    Register(absl::StrCat("deep:", depth, "x1024"),
             Stack::DeepWide(depth, 1024, options.queries));
  }
}

void RegisterStriped(const Options& options) {
  for (const auto& [chunk, legs] : {std::pair<uint64_t, size_t>{16, 4},
                                    std::pair<uint64_t, size_t>{24, 3}}) {
    Stack& stack = Keep(Stack::Striped(1, chunk, legs, options.queries));
    const std::string name = absl::StrCat("striped:", chunk, "x", legs);
    RegisterContenders(name, stack);
    RegisterBatch(name, stack);
    RegisterStripeFloor(name, stack, chunk, legs);
  }
  for (int depth : {1, 2, 4, 8}) {
    Stack& stack = Keep(Stack::Striped(depth, 16, 2, options.queries));
    RegisterContenders(absl::StrCat("nested:", depth), stack);
    RegisterBatch(absl::StrCat("nested:", depth), stack);
  }
}

}  // namespace dmdax::bench
