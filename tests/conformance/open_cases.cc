// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/open_cases.h"

#include <fstream>
#include <iostream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace dmdax::conformance {

bool OpenCases::Read(const std::string& path) {
  std::ifstream file(path);
  if (!file) {
    std::cerr << "conformance: cannot read " << path << "\n";
    return false;
  }
  for (std::string line; std::getline(file, line);) {
    if (line.empty()) continue;
    if (line[0] == '#') {
      header_.push_back(line);
      continue;
    }
    const size_t colon = line.find(": ");
    std::vector<std::string> words =
        absl::StrSplit(line.substr(0, colon), ' ', absl::SkipEmpty());
    if (colon == line.npos || words.size() < 2) {
      std::cerr << "conformance: " << path
                << ": not `id kernel...: why`: " << line << "\n";
      return false;
    }
    Entry& entry = entries_[words[0]];
    entry.kernels.insert(words.begin() + 1, words.end());
    entry.why = line.substr(colon + 2);
  }
  return true;
}

bool OpenCases::Has(const std::string& kernel, const std::string& id) {
  auto it = entries_.find(id);
  if (it == entries_.end() || !it->second.kernels.contains(kernel)) {
    return false;
  }
  seen_[id].insert(kernel);
  ++met_;
  return true;
}

void OpenCases::Agreed(const std::string& kernel, const std::string& id) {
  agreed_.emplace_back(kernel, id);
}

int OpenCases::Complain() const {
  int errors = 0;
  for (const auto& [kernel, id] : agreed_) {
    std::cout << kernel << " " << id
              << ": agrees, but open_cases.txt says that it differs: take it "
                 "out (DMDAX_UPDATE_OPEN_CASES=1 does)\n";
    ++errors;
  }
  for (const auto& [id, entry] : entries_) {
    for (const std::string& kernel : entry.kernels) {
      auto it = seen_.find(id);
      if (it != seen_.end() && it->second.contains(kernel)) continue;
      std::cout << kernel << " " << id
                << ": in open_cases.txt, but not in the corpus\n";
      ++errors;
    }
  }
  return errors;
}

bool OpenCases::WriteShrunk(const std::string& path) const {
  std::map<std::string, Entry> left = entries_;
  for (const auto& [kernel, id] : agreed_) {
    left[id].kernels.erase(kernel);
    if (left[id].kernels.empty()) left.erase(id);
  }
  std::ofstream file(path);
  for (const std::string& line : header_) file << line << "\n";
  for (const auto& [id, entry] : left) {
    file << "\n"
         << id << " " << absl::StrJoin(entry.kernels, " ") << ": " << entry.why
         << "\n";
  }
  return static_cast<bool>(file);
}

}  // namespace dmdax::conformance
