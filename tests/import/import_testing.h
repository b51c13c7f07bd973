// SPDX-License-Identifier: Apache-2.0
//
// Imports texts as if they were files.
#ifndef DMDAX_TESTS_IMPORT_IMPORT_TESTING_H_
#define DMDAX_TESTS_IMPORT_IMPORT_TESTING_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "import/import.h"

namespace dmdax {

struct NamedText {
  std::string name;
  std::string text;
};

inline absl::StatusOr<Imported> TryImport(const std::vector<NamedText>& inputs,
                                          const std::string& as = "") {
  Importer importer;
  for (const NamedText& in : inputs) {
    absl::Status s = importer.AddBytes(in.text, in.name, as);
    if (!s.ok()) return s;
  }
  return importer.Finish();
}

// What must be imported; an empty World and a failure if it is not.
inline Imported Import(const std::vector<NamedText>& inputs) {
  absl::StatusOr<Imported> machine = TryImport(inputs);
  EXPECT_TRUE(machine.ok()) << machine.status();
  return machine.ok() ? *std::move(machine) : Imported();
}

inline std::string Notes(const Imported& machine) {
  return absl::StrJoin(machine.notes, "\n");
}

inline std::string ErrorOf(const std::vector<NamedText>& inputs,
                           const std::string& as = "") {
  absl::StatusOr<Imported> machine = TryImport(inputs, as);
  EXPECT_FALSE(machine.ok());
  return machine.ok() ? "" : std::string(machine.status().message());
}

}  // namespace dmdax

#endif  // DMDAX_TESTS_IMPORT_IMPORT_TESTING_H_
