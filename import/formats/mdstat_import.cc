// SPDX-License-Identifier: Apache-2.0
//
// /proc/mdstat: which devices md arrays are made of.
//
//   Personalities : [raid0] [raid1]
//   md0 : active raid0 pmem1[1] pmem0[0]
//         16773120 blocks super 1.2 512k chunks
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "import/formats/input_lines.h"
#include "import/import_format.h"

namespace dmdax {
namespace {

bool Detect(const ImportInput& input) {
  return absl::StartsWith(FirstLine(input.text), "Personalities :");
}

absl::Status Read(const ImportInput& input, Facts* facts) {
  for (InputLines lines(input); lines.Next();) {
    LineWords words = lines.Words();
    const std::string name(words.Word());
    if (!absl::StartsWith(name, "md") || words.Word() != ":") continue;
    Disk& disk = facts->DiskNamed(name, lines.place());
    for (absl::string_view word = words.Word(); !word.empty();
         word = words.Word()) {
      const size_t slot = word.find('[');
      if (slot != word.npos && slot > 0) {
        facts->below[absl::StrCat("/dev/", name)].insert(
            absl::StrCat("/dev/", word.substr(0, slot)));
      } else if ((absl::StartsWith(word, "raid") || word == "linear") &&
                 !disk.type) {
        disk.type = Fact<std::string>{std::string(word), words.place()};
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

extern const ImportFormat kMdstatImport = {"mdstat", "/proc/mdstat", Detect,
                                           Read};

}  // namespace dmdax
