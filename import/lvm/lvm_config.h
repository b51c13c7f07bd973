// SPDX-License-Identifier: Apache-2.0
//
// LVM2's configuration language, which its metadata is written in:
//
//   name { key = 1  list = [ "a", 2 ]  section { ... } }   # comment
//
//   absl::StatusOr<LvmSection> root = ParseLvmConfig(input);
//   const LvmSection* vg = root->Section("vg");
//
// Errors: EINVAL with the place and what is expected; at most 64 levels.
// Threading: pure function.
#ifndef DMDAX_IMPORT_LVM_LVM_CONFIG_H_
#define DMDAX_IMPORT_LVM_LVM_CONFIG_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "import/import_input.h"

namespace dmdax {

struct LvmValue {
  enum Kind { kNumber, kText, kList } kind = kText;
  uint64_t number = 0;
  std::string text;
  std::vector<LvmValue> list;
  Place place;
};

struct LvmSection {
  std::string name;  // empty: the root
  std::vector<std::pair<std::string, LvmValue>> values;
  std::vector<LvmSection> sections;
  Place place;

  // Null: there is none.
  const LvmValue* Value(absl::string_view key) const;
  const LvmSection* Section(absl::string_view key) const;
};

absl::StatusOr<LvmSection> ParseLvmConfig(const ImportInput& input);

}  // namespace dmdax

#endif  // DMDAX_IMPORT_LVM_LVM_CONFIG_H_
