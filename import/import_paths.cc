// SPDX-License-Identifier: Apache-2.0
#include "import/import_paths.h"

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace dmdax {
namespace {

// Of these a sosreport has many, and some look like what they are not.
bool InUnusedPart(const std::vector<absl::string_view>& parts, size_t i) {
  const absl::string_view top = parts[i];
  const auto rest = [&](size_t k) {
    return i + k < parts.size() ? parts[i + k] : absl::string_view();
  };
  for (absl::string_view unused : {"var", "usr", "boot", "run", "dev",
                                   "sos_logs", "sos_reports", "sos_strings"}) {
    if (top == unused) return true;
  }
  if (top == "etc") {
    return rest(1) != "fstab" && (rest(1) != "lvm" || rest(2) != "backup");
  }
  if (top != "proc") return false;
  for (absl::string_view used : {"iomem", "partitions", "devices", "mounts",
                                 "mdstat", "cmdline", "version", "swaps"}) {
    if (rest(1) == used) return false;
  }
  return rest(1) != "self" || (rest(2) != "mounts" && rest(2) != "mountinfo");
}

bool IsSys(const std::vector<absl::string_view>& parts) {
  return parts[0] == "sys" || (parts.size() > 1 && parts[1] == "sys");
}

}  // namespace

bool IsImportPath(absl::string_view path) {
  const std::vector<absl::string_view> parts =
      absl::StrSplit(path, '/', absl::SkipEmpty());
  if (parts.empty()) return false;
  // A report's top is one level down, below its name.
  for (size_t i = 0; i < std::min<size_t>(2, parts.size() - 1); ++i) {
    if (InUnusedPart(parts, i)) return false;
  }
  // Of sysfs nothing but disks and persistent memory is read.
  if (!IsSys(parts)) return true;
  return absl::StrContains(path, "/block/") || absl::StrContains(path, "/nd") ||
         absl::StrContains(path, "/region");
}

bool IsImportDirectory(absl::string_view path) {
  if (IsImportPath(absl::StrCat(path, "/x"))) return true;
  // Of sysfs those that lead to disks and persistent memory.
  const std::vector<absl::string_view> parts =
      absl::StrSplit(path, '/', absl::SkipEmpty());
  return !parts.empty() && IsSys(parts) &&
         (parts.back() == "sys" || parts.back() == "block" ||
          parts.back() == "devices" || parts.back() == "bus");
}

NamedAs NamedFor(absl::string_view path) {
  const absl::string_view name = path.substr(path.rfind('/') + 1);
  for (absl::string_view word : {"xfs_bmap", "filefrag", "fiemap"}) {
    if (absl::StrContains(name, word)) return NamedAs::kExtents;
  }
  // Whatever was done to them since.
  for (absl::string_view word : {"status", "history"}) {
    if (absl::StrContains(name, word)) return NamedAs::kNothing;
  }
  for (absl::string_view word : {"uname", "cmdline"}) {
    if (absl::StrContains(name, word)) return NamedAs::kHarmless;
  }
  for (absl::string_view word : {"iomem", "devices", "version"}) {
    if (name == word) return NamedAs::kHarmless;
  }
  if (absl::StrContains(name, "dmsetup") &&
      (absl::StrContains(name, "table") || absl::StrContains(name, "info"))) {
    return NamedAs::kTables;
  }
  for (absl::string_view word :
       {"dmsetup", "lsblk", "ndctl", "daxctl", "findmnt", "parted", "xfs_info",
        "vgcfgbackup", "losetup"}) {
    if (absl::StrContains(name, word)) return NamedAs::kAnswers;
  }
  for (absl::string_view word :
       {"mounts", "mountinfo", "swaps", "partitions", "mdstat"}) {
    if (name == word) return NamedAs::kAnswers;
  }
  return absl::StrContains(path, "lvm/backup/") ? NamedAs::kAnswers
                                                : NamedAs::kNothing;
}

std::optional<std::string> ResolveLink(absl::string_view path,
                                       absl::string_view target) {
  if (absl::StartsWith(target, "/")) return std::nullopt;
  std::vector<absl::string_view> names =
      absl::StrSplit(path, '/', absl::SkipEmpty());
  if (!names.empty()) names.pop_back();
  for (absl::string_view name :
       absl::StrSplit(target, '/', absl::SkipEmpty())) {
    if (name == ".") continue;
    if (name != "..") {
      names.push_back(name);
    } else if (names.empty()) {
      return std::nullopt;
    } else {
      names.pop_back();
    }
  }
  return absl::StrJoin(names, "/");
}

}  // namespace dmdax
