// SPDX-License-Identifier: Apache-2.0
//
// dmsetup command lines: each line of the input is one, its words split at
// blanks; what follows "--" in a line is standard input, '|' its line ends.
// So `create --concise`, selections, reports and tables are all met.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "dm/device_mapper.h"
#include "tests/fuzz/fuzz_machine.h"
#include "tests/fuzz/mutator.h"
#include "tests/fuzz/reader.h"
#include "tools/dmsetup/command.h"
#include "tools/dmsetup/dmsetup.h"
#include "tools/dmsetup/option_table.h"

namespace {

// The words that a command line may have: the verbs' and the options' own
// tables, names, and tables of the targets.
std::vector<std::string> Pool(const dmdax::KernelProfile& profile) {
  std::vector<std::string> pool = {"d0", "d1", "u0", "name", "all", "0", "8"};
  for (const dmdax::DmsetupCommand* verb : dmdax::DmsetupCommands()) {
    pool.emplace_back(verb->name);
  }
  for (const dmdax::OptionRow& option : dmdax::OptionTable()) {
    pool.push_back(absl::StrCat("--", option.name));
  }
  for (const char c : absl::string_view(dmdax::kShortOptions)) {
    if (c != ':') pool.push_back(absl::StrCat("-", std::string(1, c)));
  }
  for (const dmdax::TargetType* type : dmdax::KnownTargetTypes(profile)) {
    pool.push_back(absl::StrCat("create d1 -- 0 ", type->example.length, " ",
                                type->name, " ", type->example.params));
  }
  return pool;
}

}  // namespace

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
    if (result.rc == 0) ++dmdax::fuzz::accepted;
    dmdax::fuzz::Check(result.rc == 0 || result.rc == 1 || result.would_block);
  }
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size,
                                          size_t max_size, unsigned seed) {
  dmdax::fuzz::Mutator mutator(seed);
  if (size < 2 || mutator.OneIn(16)) {
    return LLVMFuzzerMutate(data, size, max_size);
  }
  const std::string text(reinterpret_cast<char*>(data) + 1, size - 1);
  std::vector<std::string> lines = absl::StrSplit(text, '\n');
  const std::vector<std::string> pool =
      Pool(dmdax::fuzz::ProfileNumber(data[0]));
  const size_t at = mutator.Below(lines.size());
  if (mutator.OneIn(6)) {
    lines.insert(lines.begin() + static_cast<ptrdiff_t>(at),
                 pool[mutator.Below(pool.size())]);
  } else if (mutator.OneIn(8) && lines.size() > 1) {
    lines.erase(lines.begin() + static_cast<ptrdiff_t>(at));
  } else {
    std::vector<std::string> words = absl::StrSplit(lines[at], ' ');
    do {
      mutator.Mutate(words, pool);
    } while (mutator.OneIn(3));
    lines[at] = absl::StrJoin(words, " ");
  }
  const std::string kernel(1, static_cast<char>(data[0]));
  return dmdax::fuzz::PutMutated(kernel + absl::StrJoin(lines, "\n"), data,
                                 size, max_size);
}
