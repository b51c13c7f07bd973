// SPDX-License-Identifier: Apache-2.0
#include "tests/property/seeds.h"

#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace dmdax::property {

std::vector<uint64_t> Seeds(uint64_t first, uint64_t last) {
  if (const char* text = getenv("DMDAX_PROPERTY_SEEDS"); text != nullptr) {
    const std::vector<std::string> ends = absl::StrSplit(text, '-');
    if (ends.size() > 2 || !absl::SimpleAtoi(ends.front(), &first) ||
        !absl::SimpleAtoi(ends.back(), &last) || first > last) {
      fprintf(stderr, "DMDAX_PROPERTY_SEEDS=%s: give N or FIRST-LAST\n", text);
      exit(1);
    }
  }
  std::vector<uint64_t> seeds;
  for (uint64_t seed = first; seed <= last; ++seed) seeds.push_back(seed);
  return seeds;
}

}  // namespace dmdax::property
