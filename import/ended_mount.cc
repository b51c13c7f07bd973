// SPDX-License-Identifier: Apache-2.0
#include "import/ended_mount.h"

#include <iterator>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "fs/mount_words.h"
#include "import/guess.h"

namespace dmdax {
namespace {

struct EndedMount {
  absl::string_view word, what;
};
constexpr EndedMount kEndedMounts[] = {
    {"shutdown", "was shut down: mmap() of its files fails with EIO"},
    {"emergency_ro", "had an error: a write to its mapped files is a SIGBUS"},
};

// Null: the word is an option.
const EndedMount* FindEnded(const FileSystemType& type,
                            absl::string_view word) {
  if (!absl::StartsWith(type.name, "ext")) return nullptr;
  const auto* const at = absl::c_find_if(
      kEndedMounts, [&](const EndedMount& e) { return e.word == word; });
  return at == std::end(kEndedMounts) ? nullptr : at;
}

}  // namespace

bool SaysMountHasEnded(const FileSystemType& type, absl::string_view word) {
  return FindEnded(type, word) != nullptr;
}

void GuessEnded(const FileSystemType& type, const MountFact& m, Facts* facts) {
  for (absl::string_view option : MountWords(m.options)) {
    const EndedMount* const ended = FindEnded(type, option);
    if (ended == nullptr) continue;
    facts->Guess(m.place,
                 MakeGuess(proto::Guess::DAX, m.path,
                           absl::StrCat(m.path, " ", ended->what,
                                        " until it is unmounted and mounted "
                                        "again (",
                                        option, " in its options)"),
                           "a mount that works",
                           "/proc/mounts, when it is mounted again"));
    return;
  }
}

}  // namespace dmdax
