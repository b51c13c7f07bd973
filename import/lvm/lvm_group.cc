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

bool LvmLv::Has(const std::string& status_flag) const {
  return std::find(status.begin(), status.end(), status_flag) != status.end();
}

}  // namespace dmdax
