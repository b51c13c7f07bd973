// SPDX-License-Identifier: Apache-2.0
//
// A pattern of =~, up to the first line end, and texts to match, one a line.
// None may crash, take long or take much memory.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "tests/fuzz/fuzz_machine.h"
#include "tests/fuzz/reader.h"
#include "tools/dmsetup/report/dm_regex.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::vector<std::string> lines =
      absl::StrSplit(dmdax::fuzz::Reader(data, size).Rest(), '\n');
  std::string err;
  const std::optional<dmdax::DmRegex> regex =
      dmdax::DmRegex::Compile(lines[0], err);
  // What is refused is explained.
  dmdax::fuzz::Check(regex.has_value() ||
                     absl::EndsWith(err, "Couldn't parse regex\n"));
  if (!regex) return 0;
  for (size_t i = 1; i < std::min<size_t>(lines.size(), 8); ++i) {
    const bool matches = regex->Matches(lines[i]);
    dmdax::fuzz::Check(matches == regex->Matches(lines[i]));
  }
  return 0;
}
