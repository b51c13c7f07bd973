// SPDX-License-Identifier: Apache-2.0
#include "process/block_claims.h"

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "process/field_error.h"
#include "process/mount_point.h"

namespace dmdax {
namespace {

bool HasBlocks(const FileExtent& e) {
  return e.type == IOMAP_MAPPED || e.type == IOMAP_UNWRITTEN;
}

BlockSharing SharingOf(const FileExtent& e) {
  return e.shared ? BlockSharing::kShared : BlockSharing::kOwned;
}

// Whether both can not have their blocks.
bool Disagree(const FileExtent& a, const FileExtent& b) {
  return HasBlocks(a) && HasBlocks(b) && !(a.shared && b.shared) &&
         a.physical < b.physical + b.length &&
         b.physical < a.physical + a.length;
}

// One file's claim.  Who is in the way is looked for only when somebody is.
class Claim {
 public:
  Claim(const FileOptions& file, const MountedFiles& files, UsedBlocks& used)
      : file_(file), files_(files), used_(used) {}

  absl::Status Extents() {
    for (size_t i = 0; i < file_.extents.size(); ++i) {
      const FileExtent& e = file_.extents[i];
      if (!HasBlocks(e)) continue;
      absl::Status s = Take(e, "extent", i);
      if (!s.ok()) return s;
    }
    return absl::OkStatus();
  }

  absl::Status Promises() {
    if (file_.allocate.empty()) return absl::OkStatus();
    FileExtents has;
    for (const FileExtent& e : file_.extents) {
      if (e.type != IOMAP_HOLE) has.Insert(e);
    }
    for (size_t i = 0; i < file_.allocate.size(); ++i) {
      if (absl::Status s = Promise(has, i); !s.ok()) return s;
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Promise(const FileExtents& has, size_t i) {
    const FileExtent& promise = file_.allocate[i];
    if (!HasBlocks(promise)) return absl::OkStatus();
    const uint64_t moved = promise.physical - promise.logical;
    for (uint64_t pos = promise.logical; pos < promise.end();) {
      FileExtent part = has.Find(pos);
      part.length = std::min(part.length, promise.end() - pos);
      pos += part.length;
      if (HasBlocks(part) && part.physical - part.logical == moved) continue;
      part.type = promise.type;
      part.physical = part.logical + moved;
      part.shared = promise.shared;
      if (absl::Status s = Take(part, "allocate", i); !s.ok()) return s;
    }
    return absl::OkStatus();
  }

  absl::Status Take(const FileExtent& e, const char* field, size_t i) {
    if (used_.Refuses(SharingOf(e), e.physical, e.length)) {
      return FieldError(
          EINVAL, absl::StrCat(field, "[", i, "].physical"),
          absl::StrCat("physical ", e.physical, " to ",
                       e.physical + e.length - 1, " are also those of ",
                       WhoHas(e, field, i),
                       "; only extents that are both shared (reflinked) can "
                       "have the same blocks"));
    }
    used_.Add(SharingOf(e), e.physical, e.length);
    return absl::OkStatus();
  }

  static std::string Place(const FileExtent& e) {
    return absl::StrCat(", ", e.physical, " to ", e.physical + e.length - 1);
  }

  // The first of `list` up to `end`, or "".
  static std::string FindIn(const std::vector<FileExtent>& list, size_t end,
                            const char* field, const FileExtent& e) {
    for (size_t i = 0; i < end; ++i) {
      if (!Disagree(e, list[i])) continue;
      return absl::StrCat(field, "[", i, "]", Place(list[i]));
    }
    return "";
  }

  std::string WhoHas(const FileExtent& e, absl::string_view field,
                     size_t i) const {
    const bool promise = field == "allocate";
    std::string who =
        FindIn(file_.extents, promise ? file_.extents.size() : i, "extent", e);
    if (who.empty() && promise) who = FindIn(file_.allocate, i, "allocate", e);
    if (!who.empty()) return who;
    for (const auto& [name, file] : files_) {
      for (const FileExtent& other : file->inode.extents.All()) {
        if (!Disagree(e, other)) continue;
        return absl::StrCat(file->path, " at offset ", other.logical,
                            Place(other));
      }
      for (const FileExtent& other : file->options.allocate) {
        if (!Disagree(e, other)) continue;
        return absl::StrCat(file->path, ", which are promised to it at offset ",
                            other.logical, Place(other));
      }
    }
    return "the file system itself";
  }

  const FileOptions& file_;
  const MountedFiles& files_;
  UsedBlocks& used_;
};

}  // namespace

absl::Status ClaimBlocks(const FileOptions& file, const MountedFiles& files,
                         UsedBlocks& used) {
  Claim claim(file, files, used);
  absl::Status s = claim.Extents();
  return s.ok() ? claim.Promises() : s;
}

void KeepBlocks(const std::vector<FileExtent>& extents,
                const std::vector<FileExtent>& allocate, UsedBlocks& used) {
  for (const std::vector<FileExtent>* list : {&extents, &allocate}) {
    for (const FileExtent& e : *list) {
      if (HasBlocks(e)) used.Add(SharingOf(e), e.physical, e.length);
    }
  }
}

}  // namespace dmdax
