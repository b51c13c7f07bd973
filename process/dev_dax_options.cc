// SPDX-License-Identifier: Apache-2.0
#include "process/dev_dax_options.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/nearest.h"
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

// Beyond it a page frame has no number: as for a pmem (dax/pmem.cc).
constexpr uint64_t kPhysEnd = uint64_t{1} << 52;

// Multiples of the alignment, at least one, below the end of memory.
absl::Status CheckRange(const std::string& path, const DevDaxRange& r,
                        uint64_t align) {
  const uint64_t last = kPhysEnd - align;
  absl::Status s = CheckMultiple(path, "start", r.start, align, 0, last);
  if (!s.ok()) return s;
  const auto beyond = [&](absl::string_view field, uint64_t value,
                          uint64_t least, uint64_t most) {
    return FieldError(
        EINVAL, absl::StrCat(path, field),
        absl::StrCat(field, " ", value, ": physical addresses end at 2^52; ",
                     NearestMultiples(value, align, least, most)));
  };
  if (r.start > last) {
    return beyond("start", r.start, 0,
                  kPhysEnd - std::clamp(r.size, align, kPhysEnd));
  }
  const uint64_t room = kPhysEnd - r.start;
  s = CheckMultiple(path, "size", r.size, align, align, room);
  if (!s.ok()) return s;
  if (r.size == 0) {
    return FieldError(
        EINVAL, path + "size",
        absl::StrCat("size ", r.size, "; nearest valid size: ", align));
  }
  return r.size > room ? beyond("size", r.size, align, room) : s;
}

absl::Status CheckRanges(const DevDaxOptions& options) {
  struct Taken {
    uint64_t end;
    size_t index;
  };
  std::map<uint64_t, Taken> taken;  // by start
  for (size_t i = 0; i < options.ranges.size(); ++i) {
    const std::string path = absl::StrCat("range[", i, "].");
    const DevDaxRange& r = options.ranges[i];
    absl::Status s = CheckRange(path, r, options.align);
    if (!s.ok()) return s;
    auto next = taken.lower_bound(r.start);
    auto other = taken.end();
    if (next != taken.end() && next->first < r.start + r.size) other = next;
    if (next != taken.begin() && std::prev(next)->second.end > r.start) {
      other = std::prev(next);
    }
    if (other != taken.end()) {
      return FieldError(EINVAL, path + "start",
                        absl::StrCat("start ", r.start, " + size ", r.size,
                                     ": overlaps range[", other->second.index,
                                     "] of ", options.name, ", ", other->first,
                                     " to ", other->second.end - 1));
    }
    taken[r.start] = {r.start + r.size, i};
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckDevDaxName(const std::string& name) {
  if (absl::Status s = CheckName(name); !s.ok()) return s;
  if (name == "." || name == "..") {
    return FieldError(EINVAL, "name",
                      absl::StrCat("name '", name, "': that is a directory"));
  }
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (absl::ascii_isgraph(byte)) continue;
    return FieldError(
        EINVAL, "name",
        absl::StrFormat("name '%s': character 0x%02x",
                        absl::CHexEscape(name.substr(0, 128)), byte));
  }
  return absl::OkStatus();
}

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
