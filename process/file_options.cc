// SPDX-License-Identifier: Apache-2.0
#include "process/file_options.h"

#include <cerrno>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/path_length.h"
#include "base/round_up.h"
#include "process/field_error.h"

namespace dmdax {
namespace {

// loff_t.
constexpr uint64_t kMaxOffset = (uint64_t{1} << 63) - 1;

absl::Status CheckName(const std::string& name) {
  const auto bad = [](absl::string_view what) {
    return FieldError(EINVAL, "name", what);
  };
  if (name.empty()) return bad("a file needs a name");
  if (const std::string what = PathTooLong(name); !what.empty()) {
    return FieldError(ENAMETOOLONG, "name", what);
  }
  for (absl::string_view part : absl::StrSplit(name, '/')) {
    if (part.empty() || part == "." || part == "..") {
      return bad(absl::StrCat("name '", name.substr(0, 128),
                              "': a path below the mount, without a leading "
                              "'/', '.' and '..'"));
    }
  }
  if (name.find('\0') != std::string::npos) return bad("a NUL byte in a name");
  return absl::OkStatus();
}

bool HasBlocks(const FileExtent& e) {
  return e.type == IOMAP_MAPPED || e.type == IOMAP_UNWRITTEN;
}

// One list of extents of a file: `extent` or `allocate`.
class ExtentChecker {
 public:
  ExtentChecker(absl::string_view field, const FileDevice& device)
      : field_(field), device_(device) {}

  absl::Status Check(const std::vector<FileExtent>& extents) {
    for (size_t i = 0; i < extents.size(); ++i) {
      absl::Status s = CheckOne(extents[i], i);
      if (s.ok()) s = CheckPlace(extents, i);
      if (!s.ok()) return s;
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Bad(size_t i, absl::string_view member,
                   absl::string_view what) const {
    return FieldError(EINVAL, absl::StrCat(field_, "[", i, "].", member), what);
  }

  // CheckMultiple() of the block; of a million extents hardly one needs the
  // words of where it stands.
  absl::Status InBlocks(size_t i, absl::string_view member, uint64_t value,
                        uint64_t least = 0) const {
    if (value % device_.block_size == 0) return absl::OkStatus();
    return CheckMultiple(absl::StrCat(field_, "[", i, "]."), member, value,
                         device_.block_size, least);
  }

  absl::Status CheckOne(const FileExtent& e, size_t i) const {
    const uint64_t block = device_.block_size;
    if (e.length == 0) {
      return Bad(i, "length",
                 absl::StrCat("length 0; nearest valid length: ", block));
    }
    if (e.logical > kMaxOffset || e.length > kMaxOffset - e.logical) {
      return Bad(
          i, "length",
          absl::StrCat("logical ", e.logical, " + length ", e.length,
                       " is beyond the largest file, ", kMaxOffset, " bytes"));
    }
    absl::Status s = InBlocks(i, "logical", e.logical);
    // Inline data need not fill a block.
    if (s.ok() && e.type != IOMAP_INLINE) {
      s = InBlocks(i, "length", e.length, block);
    }
    if (!s.ok() || !HasBlocks(e)) return s;
    s = InBlocks(i, "physical", e.physical);
    if (!s.ok()) return s;
    const uint64_t room = RoundDown(device_.bytes, block);
    if (e.physical >= room) {
      return Bad(
          i, "physical",
          absl::StrCat("physical ", e.physical, ": ", device_.name, " has ",
                       device_.bytes, " bytes; nearest valid physical: ",
                       room >= e.length ? room - e.length : 0));
    }
    if (e.length > room - e.physical) {
      return Bad(i, "length",
                 absl::StrCat(
                     "physical ", e.physical, " + length ", e.length,
                     " is past the end of ", device_.name, ", ", device_.bytes,
                     " bytes; nearest valid length: ", room - e.physical));
    }
    return absl::OkStatus();
  }

  // Lists are in order, as a rule; then an extent can overlap only the one
  // before it, and nothing is kept.
  absl::Status CheckPlace(const std::vector<FileExtent>& extents, size_t i) {
    if (in_order_ && (i == 0 || extents[i - 1].end() <= extents[i].logical)) {
      return absl::OkStatus();
    }
    for (size_t j = 0; in_order_ && j < i; ++j) {
      by_logical_.emplace_hint(by_logical_.end(), extents[j].logical,
                               Taken{extents[j].end(), j});
    }
    in_order_ = false;
    return CheckOverlap(extents[i], i);
  }

  absl::Status CheckOverlap(const FileExtent& e, size_t i) {
    auto next = by_logical_.lower_bound(e.logical);
    auto other = by_logical_.end();
    if (next != by_logical_.end() && next->first < e.end()) other = next;
    // The extents so far do not overlap, so only the two neighbours can.
    if (next != by_logical_.begin()) {
      auto before = std::prev(next);
      if (before->second.end > e.logical) other = before;
    }
    if (other != by_logical_.end()) {
      return Bad(i, "logical",
                 absl::StrCat("bytes ", e.logical, " to ", e.end() - 1,
                              " of the file are also in ", field_, "[",
                              other->second.index, "], ", other->first, " to ",
                              other->second.end - 1,
                              "; nearest valid logical: ", other->second.end));
    }
    by_logical_[e.logical] = {e.end(), i};
    return absl::OkStatus();
  }

  struct Taken {
    uint64_t end;
    size_t index;
  };
  const absl::string_view field_;
  const FileDevice& device_;
  bool in_order_ = true;                  // all so far
  std::map<uint64_t, Taken> by_logical_;  // once they are not
};

}  // namespace

absl::Status CheckFileOptions(const FileOptions& file,
                              const FileDevice& device) {
  if (absl::Status s = CheckName(file.name); !s.ok()) return s;
  if (file.size > kMaxOffset) {
    return FieldError(
        EINVAL, "size",
        absl::StrCat("size ", file.size, ": at most ", kMaxOffset));
  }
  absl::Status s =
      CheckMultiple("", "extsize", file.extsize, device.block_size);
  if (s.ok()) s = ExtentChecker("extent", device).Check(file.extents);
  if (s.ok()) s = ExtentChecker("allocate", device).Check(file.allocate);
  return s;
}

}  // namespace dmdax
