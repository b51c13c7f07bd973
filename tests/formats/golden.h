// SPDX-License-Identifier: Apache-2.0
//
// Cases of a golden file: "=== name", the input, "---", what is expected.
// "\n" around either part is not in it.  In the input, "\0" is a NUL, "\t" a
// tab and "\s" a blank that editors would cut off.
#ifndef DMDAX_TESTS_FORMATS_GOLDEN_H_
#define DMDAX_TESTS_FORMATS_GOLDEN_H_

#include <string>
#include <vector>

namespace dmdax {

struct GoldenCase {
  std::string name;
  std::string input;
  std::string expected;
};

// Of tests/formats/golden/<file>; ends the program if there are none.
std::vector<GoldenCase> ReadGolden(const std::string& file);

}  // namespace dmdax

#endif  // DMDAX_TESTS_FORMATS_GOLDEN_H_
