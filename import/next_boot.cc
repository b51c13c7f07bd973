// SPDX-License-Identifier: Apache-2.0
#include "import/next_boot.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "fs/dax_words.h"
#include "fs/file_system_type.h"
#include "fs/mount_words.h"
#include "import/build_world.h"

namespace dmdax {
namespace {

// How the mount gives files DAX; that nothing is said is "dax=inode" where a
// kernel has it, and "no DAX" on older ones.
std::string ModeOf(absl::string_view options) {
  if (!DaxForAll(options).empty()) return "dax=always";
  return HasMountWord(options, "dax=never") ? "dax=never" : "";
}

std::string WithMode(const std::string& mode) {
  return mode.empty() ? "without dax=always" : absl::StrCat("with ", mode);
}

}  // namespace

void NoteNextBoot(const proto::World& world, const MountTable& table,
                  Facts* facts) {
  for (const proto::Mount& mount : world.mount()) {
    const absl::StatusOr<const FileSystemType*> type =
        FindFileSystemType(mount.type());
    if (!mount.type().empty() && (!type.ok() || !(*type)->no_dax.empty())) {
      continue;
    }
    // The last line of a path is the one that is to be seen.
    const MountFact* next = nullptr;
    for (const MountFact& line : facts->fstab) {
      if (line.path == mount.path()) next = &line;
    }
    if (next == nullptr || HasMountWord(next->options, "noauto") ||
        !MayHavePmem(*facts, world, mount.device())) {
      continue;
    }
    const std::string now = ModeOf(mount.options());
    const std::string then = ModeOf(next->options);
    const auto seen = table.seen().find(mount.path());
    if (seen != table.seen().end() && seen->second->options.empty()) {
      facts->Note(
          next->place,
          absl::StrCat("after the next boot ", mount.path(), " is mounted ",
                       WithMode(then), "; no input says how it is now"));
      continue;
    }
    if (now == then) continue;
    facts->Note(next->place,
                absl::StrCat(mount.path(), " is mounted ", WithMode(now),
                             " now, and ", WithMode(then),
                             " after the next boot: what is said of its files "
                             "ends then"));
  }
}

}  // namespace dmdax
