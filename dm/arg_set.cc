// SPDX-License-Identifier: Apache-2.0
#include "dm/arg_set.h"

#include <algorithm>

#include "dm/device_mapper.h"

namespace dmdax {

const std::string* DmArgSet::Shift() {
  if (argv_.empty()) return nullptr;
  const std::string* word = &argv_.front();
  argv_.remove_prefix(1);
  return word;
}

void DmArgSet::Consume(size_t n) {
  argv_.remove_prefix(std::min(n, argv_.size()));
}

absl::StatusOr<uint32_t> DmArgSet::ReadArg(const DmArg& arg) {
  const std::string* word = Shift();
  if (word == nullptr) return DmError(arg.error);
  absl::StatusOr<uint32_t> value = SscanfU32(*word, overflow_);
  if (!value.ok() || *value < arg.min || *value > arg.max) {
    return DmError(arg.error);
  }
  return value;
}

absl::StatusOr<uint32_t> DmArgSet::ReadArgGroup(const DmArg& arg) {
  absl::StatusOr<uint32_t> count = ReadArg(arg);
  if (count.ok() && *count > argc()) return DmError(arg.error);
  return count;
}

}  // namespace dmdax
