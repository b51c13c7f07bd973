// SPDX-License-Identifier: Apache-2.0
#include "tools/check/ends_first.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "base/one_line.h"
#include "fs/mount_words.h"
#include "process/mount_point.h"
#include "state/world.pb.h"
#include "tools/check/fs_steps.h"

namespace dmdax {
namespace {

bool IsUnmounted(const CureSteps& steps, absl::string_view path) {
  const std::vector<absl::string_view> above = PathsAbove(path);
  return std::any_of(above.begin(), above.end(), [&](absl::string_view at) {
    return steps.Has(CureStage::kUnmount, std::string(at));
  });
}

bool UsesUnmounted(const CureSteps& steps, const proto::MountBeside& beside) {
  if (beside.type() == "swap" || beside.type() == "loop") {
    return IsUnmounted(steps, beside.path());
  }
  // What lies in the mount itself is unmounted with it.
  if (beside.type() != "overlay" ||
      steps.Has(CureStage::kUnmount, beside.path())) {
    return false;
  }
  for (absl::string_view key : {"lowerdir", "upperdir", "workdir"}) {
    const auto directories = MountValue(beside.options(), key);
    if (!directories) continue;
    for (absl::string_view one : absl::StrSplit(*directories, ':')) {
      if (IsUnmounted(steps, one)) return true;
    }
  }
  return false;
}

}  // namespace

std::string EndsFirst(const StandsOn& stands_on, const CureSteps& steps) {
  constexpr size_t kMost = 4;
  if (InRescue(steps)) return "";
  std::vector<std::string> words;
  for (const proto::MountBeside& beside : stands_on.world().mount_beside()) {
    if (!UsesUnmounted(steps, beside)) continue;
    if (words.size() == kMost) {
      words.push_back("others");
      break;
    }
    words.push_back(absl::StrCat(beside.type() == "swap" ? "swap in "
                                 : beside.type() == "loop"
                                     ? OneLine(beside.source()) + " in "
                                     : "the overlay on ",
                                 OneLine(beside.path())));
  }
  if (words.empty()) return "";
  return absl::StrCat("end first what is in use there: ",
                      absl::StrJoin(words, ", "));
}

}  // namespace dmdax
