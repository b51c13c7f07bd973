// SPDX-License-Identifier: Apache-2.0
//
// Seeds: which random worlds a property test visits.
//
//   DMDAX_PROPERTY_SEEDS=17          one, to replay a failure
//   DMDAX_PROPERTY_SEEDS=1000-4999   a range, for a long run
//   (not set)                        the test's own
//
//   for (uint64_t seed : Seeds(0, 199)) ...
#ifndef DMDAX_TESTS_PROPERTY_SEEDS_H_
#define DMDAX_TESTS_PROPERTY_SEEDS_H_

#include <cstdint>
#include <vector>

namespace dmdax::property {

// The seeds of the environment, else first .. last.  Stops the program when
// the variable can not be read.
std::vector<uint64_t> Seeds(uint64_t first, uint64_t last);

}  // namespace dmdax::property

#endif  // DMDAX_TESTS_PROPERTY_SEEDS_H_
