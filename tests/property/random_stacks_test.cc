// SPDX-License-Identifier: Apache-2.0
//
// Random stacks, page by page, against a walker that shares no code.
//
// A failure prints the seed and everything that was done to the machine;
// DMDAX_PROPERTY_SEEDS=<seed> does it again.
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdio>

#include "tests/property/random_stack.h"
#include "tests/property/seeds.h"

namespace dmdax::property {
namespace {

constexpr uint64_t kLastSeed = 99;
constexpr int kChanges = 4;

// "" or the first difference.
std::string Visit(RandomStack& stack) {
  std::string difference = stack.Build();
  if (difference.empty()) difference = stack.CompareAll();
  for (int i = 0; i < kChanges && difference.empty(); ++i) {
    difference = stack.Change();
    if (difference.empty()) difference = stack.CompareAll();
  }
  return difference;
}

// Compares the stacks of all seeds and adds up what was asked of them.
void VisitAll(const std::vector<uint64_t>& seeds, RandomStack::Tally* sum) {
  for (uint64_t seed : seeds) {
    RandomStack stack(seed);
    const std::string difference = Visit(stack);
    ASSERT_EQ(difference, "")
        << "seed " << seed << " (DMDAX_PROPERTY_SEEDS=" << seed
        << " replays it)\n"
        << stack.script();
    sum->queries += stack.tally().queries;
    for (auto [err, n] : stack.tally().errors) sum->errors[err] += n;
    for (auto [levels, n] : stack.tally().hits) sum->hits[levels] += n;
  }
}

TEST(RandomStacks, AnswerAsTheNaiveWalkerDoes) {
  RandomStack::Tally sum;
  const std::vector<uint64_t> seeds = Seeds(0, kLastSeed);
  ASSERT_NO_FATAL_FAILURE(VisitAll(seeds, &sum));
  printf("%zu stacks, %lu queries\n", seeds.size(), sum.queries);
  uint64_t hits = 0;
  for (auto [levels, n] : sum.hits) {
    printf("  %lu pages found through %d levels\n", n, levels);
    hits += n;
  }
  for (auto [err, n] : sum.errors) {
    printf("  %lu errors %ld\n", n, err);
  }
  if (seeds.size() <= kLastSeed) return;
  // Enough seeds reach everything; if not, the drawing has gone astray.
  for (int levels = 1; levels <= 8; ++levels) {
    EXPECT_GT(sum.hits[levels], 50u) << levels << " levels";
  }
  for (int err : {EIO, EINVAL, ERANGE, EOPNOTSUPP, EHWPOISON}) {
    EXPECT_GT(sum.errors[-err], 100u) << "errno " << err;
  }
  EXPECT_GT(hits, sum.queries / 4);
}

}  // namespace
}  // namespace dmdax::property
