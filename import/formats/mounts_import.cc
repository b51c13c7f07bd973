// SPDX-License-Identifier: Apache-2.0
//
// /proc/mounts (also /proc/self/mountinfo, and what mount prints): file
// systems and their options.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "import/formats/input_lines.h"
#include "import/formats/lsblk_row.h"
#include "import/formats/octal_blanks.h"
#include "import/import_format.h"

namespace dmdax {
namespace {

using Words = std::vector<absl::string_view>;

Words SplitLine(absl::string_view line) {
  return absl::StrSplit(line, ' ', absl::SkipEmpty());
}

// "/dev/sda1 / ext4 rw,relatime 0 0"
bool IsMounts(const Words& w) {
  return w.size() == 6 && absl::StartsWith(w[1], "/") &&
         (absl::StartsWith(w[3], "rw") || absl::StartsWith(w[3], "ro")) &&
         w[4].size() == 1 && w[5].size() == 1;
}

// "/dev/sda1 on / type ext4 (rw,relatime)", or with a [label] behind.  A path
// may have any of its words in it: mount(8) escapes nothing.
bool ReadMount(absl::string_view line, MountFact* mount) {
  const size_t on = line.find(" on /");
  const size_t options = line.rfind(" (");
  if (on == line.npos || options == line.npos || options < on) return false;
  const absl::string_view head = line.substr(0, options);
  const size_t type = head.rfind(" type ");
  if (type == line.npos || type < on) return false;
  const absl::string_view tail = line.substr(options + 2);
  mount->source = std::string(line.substr(0, on));
  mount->path = std::string(line.substr(on + 4, type - on - 4));
  mount->type = std::string(head.substr(type + 6));
  mount->options = std::string(tail.substr(0, tail.find(')')));
  return !absl::StrContains(mount->type, ' ');
}

// "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw"
bool IsMountinfo(const Words& w) {
  for (size_t i = 6; i + 3 < w.size(); ++i) {
    if (w[i] == "-") return absl::StrContains(w[2], ":");
  }
  return false;
}

// Those of the mount and of its file system, as /proc/mounts has them: it is
// read-only if one of them is.
std::string BothOptions(absl::string_view mount, absl::string_view super) {
  if (super == "rw") return std::string(mount);
  absl::ConsumePrefix(&super, "rw,");
  return absl::StrCat(mount, ",", super);
}

bool Detect(const ImportInput& input) {
  const absl::string_view line = FirstLine(input.text);
  const Words words = SplitLine(line);
  MountFact mount;
  return IsMounts(words) || ReadMount(line, &mount) || IsMountinfo(words);
}

// As many as a kernel has for its processes: /proc/sys/fs/mount-max.
constexpr size_t kMostMounts = 100000;

absl::Status Read(const ImportInput& input, Facts* facts) {
  size_t mounts = 0;
  for (InputLines lines(input); lines.Next();) {
    if (lines.line()[0] == '#') continue;
    if (++mounts > kMostMounts) {
      return lines.place().Error(
          absl::StrCat("more than ", kMostMounts,
                       " mounts: no kernel has so many (fs.mount-max)"));
    }
    const Words w = SplitLine(lines.line());
    MountFact mount{.place = lines.place()};
    if (IsMounts(w)) {
      mount.source = WithOctalBlanks(w[0]);
      mount.path = WithOctalBlanks(w[1]);
      mount.type = std::string(w[2]);
      mount.options = OptionsWithOctalBlanks(w[3]);
    } else if (IsMountinfo(w)) {
      size_t dash = 6;
      while (w[dash] != "-") ++dash;
      if (absl::StatusOr<DevT> dev = ReadDev(w[2], mount.place); dev.ok()) {
        mount.dev = *dev;
      }
      mount.source = WithOctalBlanks(w[dash + 2]);
      mount.path = WithOctalBlanks(w[4]);
      mount.type = std::string(w[dash + 1]);
      mount.options = OptionsWithOctalBlanks(BothOptions(w[5], w[dash + 3]));
      mount.root = WithOctalBlanks(w[3]);
    } else if (!ReadMount(lines.line(), &mount)) {
      absl::Status s = facts->SkipLine(lines.place().Error(
          absl::StrCat("'device path type options 0 0' is expected, not ",
                       Quoted(lines.line()))));
      if (!s.ok()) return s;
      continue;
    }
    facts->mounts.push_back(std::move(mount));
  }
  return absl::OkStatus();
}

}  // namespace

extern const ImportFormat kMountsImport = {"mounts", "/proc/mounts", Detect,
                                           Read};

}  // namespace dmdax
