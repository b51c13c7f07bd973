// SPDX-License-Identifier: Apache-2.0
//
// What comparing one case with its recorded answer gives.
#ifndef DMDAX_TESTS_CONFORMANCE_VERDICT_H_
#define DMDAX_TESTS_CONFORMANCE_VERDICT_H_

#include <string>
#include <vector>

#include "nlohmann/json.hpp"

namespace dmdax::conformance {

using Json = nlohmann::json;

struct Difference {
  std::string step;   // "step 2: table d0"
  std::string field;  // "stdout"
  std::string kernel;
  std::string ours;
};

struct Verdict {
  std::vector<Difference> differences;
  // Why the case could not be judged; empty: it was.
  std::string unsupported;

  void Compare(const std::string& step, const std::string& field,
               const Json& kernel, const Json& ours) {
    if (kernel == ours) return;
    differences.push_back({step, field, kernel.dump(), ours.dump()});
  }
};

}  // namespace dmdax::conformance

#endif  // DMDAX_TESTS_CONFORMANCE_VERDICT_H_
