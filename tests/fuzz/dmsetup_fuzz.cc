// SPDX-License-Identifier: Apache-2.0
//
// dmsetup command lines: each line of the input is one, its words split at
// blanks; what follows "--" in a line is standard input, '|' its line ends.
// So `create --concise`, selections, reports and tables are all met.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "tests/fuzz/fuzz_machine.h"
#include "tests/fuzz/reader.h"
#include "tools/dmsetup/dmsetup.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  dmdax::fuzz::Reader in(data, size);
  const dmdax::KernelProfile& profile = dmdax::fuzz::ProfileNumber(in.U8());
  const dmdax::Session session = dmdax::fuzz::FuzzMachine(profile);
  const std::vector<std::string> lines = absl::StrSplit(in.Rest(), '\n');
  for (size_t i = 0; i < std::min<size_t>(lines.size(), 8); ++i) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(lines[i], absl::MaxSplits(" -- ", 1));
    const std::vector<std::string> words =
        absl::StrSplit(parts.first, ' ', absl::SkipEmpty());
    const dmdax::DmsetupResult result = RunDmsetup(
        *session.ctl, words, absl::StrReplaceAll(parts.second, {{"|", "\n"}}));
    dmdax::fuzz::Check(result.rc == 0 || result.rc == 1 || result.would_block);
  }
  return 0;
}
