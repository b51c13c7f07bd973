// SPDX-License-Identifier: Apache-2.0
//
// Cases of the corpus that are known to differ, and why: a list that can only
// become shorter.  A case in it that agrees is an error, as is one that is not
// in the corpus.
//
//   # a comment
//   <id> <kernel> [<kernel> ...]: <why>
//
// with a blank line between two entries, so that two people who take out
// neighbours do not meet.  With DMDAX_UPDATE_OPEN_CASES=1 in the environment
// `bazel run //tests/conformance` takes out what agrees; nothing adds a line
// but a person.
#ifndef DMDAX_TESTS_CONFORMANCE_OPEN_CASES_H_
#define DMDAX_TESTS_CONFORMANCE_OPEN_CASES_H_

#include <map>
#include <set>
#include <string>
#include <vector>

namespace dmdax::conformance {

class OpenCases {
 public:
  // Reads `path`; false, with a word on stderr, if it is not of that form.
  bool Read(const std::string& path);

  // Whether the case is listed; it is then counted as met.
  bool Has(const std::string& kernel, const std::string& id);
  // A listed case that agrees.
  void Agreed(const std::string& kernel, const std::string& id);

  // How many listed cases differed as they should.
  int count() const { return met_ - static_cast<int>(agreed_.size()); }
  // Prints what is wrong with the list; the number of errors.
  int Complain() const;
  // Writes the list without what agreed.
  bool WriteShrunk(const std::string& path) const;

 private:
  struct Entry {
    std::set<std::string> kernels;  // "6.1"
    std::string why;
  };
  std::vector<std::string> header_;
  std::map<std::string, Entry> entries_;
  std::map<std::string, std::set<std::string>> seen_;
  std::vector<std::pair<std::string, std::string>> agreed_;  // kernel, id
  int met_ = 0;
};

}  // namespace dmdax::conformance

#endif  // DMDAX_TESTS_CONFORMANCE_OPEN_CASES_H_
