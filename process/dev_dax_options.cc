// SPDX-License-Identifier: Apache-2.0
#include "process/dev_dax_options.h"

#include <cerrno>
#include <iterator>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "process/field_error.h"

namespace dmdax {
namespace {

absl::Status CheckName(const std::string& name) {
  if (!name.empty() && !absl::StrContains(name, '/') &&
      !absl::StrContains(name, '\0')) {
    return absl::OkStatus();
  }
  return FieldError(EINVAL, "name",
                    absl::StrCat("name '", name.substr(0, 128),
                                 "': a device name as in dax3.0"));
}

absl::Status CheckAlign(uint64_t align, const FaultProfile& faults) {
  if (DaxAlignValid(faults, align)) return absl::OkStatus();
  return FieldError(
      EINVAL, "align",
      absl::StrCat(
          "align ", align, ": ", faults.page_size(), ", ", faults.pmd_size(),
          faults.has_pud_thp ? absl::StrCat(" or ", faults.pud_size()) : ""));
}

absl::Status CheckRanges(const DevDaxOptions& options) {
  std::map<uint64_t, uint64_t> taken;  // start -> end
  for (size_t i = 0; i < options.ranges.size(); ++i) {
    const std::string path = absl::StrCat("range[", i, "].");
    const DevDaxRange& r = options.ranges[i];
    absl::Status s = CheckMultiple(path, "start", r.start, options.align);
    if (s.ok()) s = CheckMultiple(path, "size", r.size, options.align);
    if (!s.ok()) return s;
    if (r.size == 0 || r.start + r.size < r.start) {
      return FieldError(EINVAL, path + "size",
                        absl::StrCat("size ", r.size,
                                     "; nearest valid size: ", options.align));
    }
    auto next = taken.lower_bound(r.start);
    const bool overlaps =
        (next != taken.end() && next->first < r.start + r.size) ||
        (next != taken.begin() && std::prev(next)->second > r.start);
    if (overlaps) {
      return FieldError(
          EINVAL, path + "start",
          absl::StrCat("start ", r.start, ": overlaps another range of ",
                       options.name));
    }
    taken[r.start] = r.start + r.size;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckDevDaxOptions(const DevDaxOptions& options,
                                const FaultProfile& faults) {
  if (absl::Status s = CheckName(options.name); !s.ok()) return s;
  if (options.ranges.empty()) {
    return FieldError(EINVAL, "", absl::StrCat(options.name, ": no range"));
  }
  if (absl::Status s = CheckAlign(options.align, faults); !s.ok()) return s;
  return CheckRanges(options);
}

}  // namespace dmdax
