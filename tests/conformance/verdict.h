// SPDX-License-Identifier: Apache-2.0
//
// What comparing one case with its recorded answer gives.
#ifndef DMDAX_TESTS_CONFORMANCE_VERDICT_H_
#define DMDAX_TESTS_CONFORMANCE_VERDICT_H_

#include <stdexcept>
#include <string>
#include <vector>

namespace dmdax::conformance {

// A recording that lacks a field makes a case that can not be judged; it must
// not end the program, as the JSON library's assertions do.
inline void CheckRecording(bool ok, const char* what) {
  if (!ok) throw std::out_of_range(what);
}

}  // namespace dmdax::conformance

#define JSON_ASSERT(condition) \
  ::dmdax::conformance::CheckRecording((condition), #condition)
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
  // What was not compared because it is the guest's nature, "step: why: what".
  std::vector<std::string> guest_nature;
  // Why the case could not be judged; empty: it was.
  std::string unsupported;

  // What another comparison of the same case found.
  void Add(const Verdict& other) {
    if (unsupported.empty()) unsupported = other.unsupported;
    differences.insert(differences.end(), other.differences.begin(),
                       other.differences.end());
    guest_nature.insert(guest_nature.end(), other.guest_nature.begin(),
                        other.guest_nature.end());
  }

  void GuestNature(const std::string& step, const std::string& why,
                   const std::string& what) {
    guest_nature.push_back(step + ": " + why + ": " + what);
  }

  void Compare(const std::string& step, const std::string& field,
               const Json& kernel, const Json& ours) {
    if (kernel == ours) return;
    differences.push_back({step, field, kernel.dump(), ours.dump()});
  }
};

}  // namespace dmdax::conformance

#endif  // DMDAX_TESTS_CONFORMANCE_VERDICT_H_
