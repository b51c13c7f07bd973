// SPDX-License-Identifier: Apache-2.0
//
// What a file of a mount can not be: of another file system than its extents,
// with what its type has not, or where another file or directory is.
#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "process/field_error.h"
#include "process/mount_point.h"

namespace dmdax {

absl::Status MountPoint::CheckListing(const FileOptions& file) const {
  const uint64_t block = options_.request.block_size;
  if (file.s_magic != 0 && type_->s_magic != 0 &&
      file.s_magic != type_->s_magic) {
    return FieldError(
        EINVAL, "extents_text",
        absl::StrCat("the extents are from a file system of type ",
                     absl::Hex(file.s_magic), "; ", options_.path, " is ",
                     type_->name, ", ", absl::Hex(type_->s_magic)));
  }
  // Smaller ones are units that somebody asked for: filefrag -k.
  if (file.s_blocksize > block) {
    return FieldError(
        EINVAL, "extents_text",
        absl::StrCat("the extents are in blocks of ", file.s_blocksize,
                     " bytes; ", options_.path, " has blocks of ", block));
  }
  return absl::OkStatus();
}

absl::Status MountPoint::CheckForType(const FileOptions& file) const {
  const absl::string_view type = type_->name;
  if (file.size > type_->max_bytes) {
    return FieldError(
        EFBIG, "size",
        absl::StrCat("size ", file.size, ": a file of ", type, " has at most ",
                     type_->max_bytes, " bytes"));
  }
  if (file.indirect_blocks && (type_->features & FS_FEATURE_REFLINK)) {
    return FieldError(
        EINVAL, "indirect_blocks",
        absl::StrCat("indirect_blocks: files of ", type, " have extents"));
  }
  const auto check = [&](absl::string_view field, size_t i,
                         const FileExtent& e) -> absl::Status {
    const auto bad = [&](absl::string_view member, absl::string_view what) {
      return FieldError(EINVAL, absl::StrCat(field, "[", i, "].", member),
                        what);
    };
    if (e.shared && !(type_->features & FS_FEATURE_REFLINK)) {
      return bad("shared", absl::StrCat("shared: ", type, " has no reflinks"));
    }
    if (e.type == IOMAP_INLINE && !(type_->features & FS_FEATURE_INLINE_DATA)) {
      return bad("type", absl::StrCat("INLINE: ", type, " has no inline data"));
    }
    if (e.type == IOMAP_UNWRITTEN &&
        (file.indirect_blocks || !type_->has_extents)) {
      return bad("type", "UNWRITTEN: only files with extents have such blocks");
    }
    if (e.physical != 0 && (e.type == IOMAP_HOLE || e.type == IOMAP_DELALLOC)) {
      return bad("physical",
                 absl::StrCat("physical ", e.physical,
                              ": holes and delayed blocks have none"));
    }
    return absl::OkStatus();
  };
  for (size_t i = 0; i < file.extents.size(); ++i) {
    if (absl::Status s = check("extent", i, file.extents[i]); !s.ok()) return s;
  }
  for (size_t i = 0; i < file.allocate.size(); ++i) {
    const FileExtent& e = file.allocate[i];
    if (e.type != IOMAP_MAPPED && e.type != IOMAP_UNWRITTEN) {
      return FieldError(EINVAL, absl::StrCat("allocate[", i, "].type"),
                        "what a write will get is MAPPED or UNWRITTEN blocks");
    }
    if (absl::Status s = check("allocate", i, e); !s.ok()) return s;
  }
  return absl::OkStatus();
}

absl::Status MountPoint::CheckNew(const FileOptions& file,
                                  uint64_t device_bytes, Place place) const {
  const FileDevice device{.name = bdev_.name(),
                          .bytes = device_bytes,
                          .block_size = options_.request.block_size};
  absl::Status s = CheckFileOptions(file, device);
  const bool there = place != files_.end() && place->first == file.name;
  if (!s.ok() || !there) return s;
  return FieldError(EEXIST, "name",
                    absl::StrCat("there is a file '", file.name, "' on ",
                                 options_.path, " already"));
}

absl::Status MountPoint::CheckDirectories(const std::string& name,
                                          Place place) const {
  // The same name is CheckNew()'s.
  const size_t slash = name.rfind('/');
  const MountedFile* file =
      slash == name.npos
          ? nullptr
          : FileOnTheWay(absl::string_view(name).substr(0, slash));
  if (file != nullptr) {
    return FieldError(ENOTDIR, "name",
                      absl::StrCat(name, ": ", file->path, " is a file"));
  }
  // Names that begin with this one come together, and first of them `place`.
  if (place == files_.end() || !absl::StartsWith(place->first, name)) {
    return absl::OkStatus();
  }
  const std::string below = name + "/";
  auto inner = files_.lower_bound(below);
  if (inner == files_.end() || !absl::StartsWith(inner->first, below)) {
    return absl::OkStatus();
  }
  return FieldError(EISDIR, "name",
                    absl::StrCat(name, " is a directory, where ",
                                 inner->second->path, " is"));
}

}  // namespace dmdax
