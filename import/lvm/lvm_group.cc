// SPDX-License-Identifier: Apache-2.0
#include "import/lvm/lvm_group.h"

#include <algorithm>

namespace dmdax {

uint64_t LvmSegment::Number(const std::string& key) const {
  auto it = numbers.find(key);
  return it == numbers.end() ? 0 : it->second;
}

std::string LvmSegment::Text(const std::string& key) const {
  auto it = texts.find(key);
  return it == texts.end() ? "" : it->second;
}

namespace {

bool IsIn(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

bool LvmLv::Has(const std::string& status_flag) const {
  return IsIn(status, status_flag);
}

bool LvmLv::HasFlag(const std::string& flag) const { return IsIn(flags, flag); }

bool LvmGroup::Has(const std::string& status_flag) const {
  return IsIn(status, status_flag);
}

bool LvmGroup::HasFlag(const std::string& flag) const {
  return IsIn(flags, flag);
}

}  // namespace dmdax
