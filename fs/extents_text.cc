// SPDX-License-Identifier: Apache-2.0
#include "fs/extents_text.h"

#include <cerrno>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "fs/extent_lines.h"

namespace dmdax {
namespace {

template <typename T>
T Load(const char* at) {
  T value;
  memcpy(&value, at, sizeof(value));
  return value;
}

}  // namespace

FileExtent FiemapExtent(uint64_t logical, uint64_t physical, uint64_t length,
                        uint32_t flags) {
  FileExtent extent{.logical = logical,
                    .physical = physical,
                    .length = length,
                    .type = IOMAP_MAPPED,
                    .shared = (flags & FIEMAP_EXTENT_SHARED) != 0};
  if (flags & FIEMAP_EXTENT_UNWRITTEN) extent.type = IOMAP_UNWRITTEN;
  if (flags & (FIEMAP_EXTENT_DELALLOC | FIEMAP_EXTENT_UNKNOWN)) {
    extent.type = IOMAP_DELALLOC;
  }
  if (flags & FIEMAP_EXTENT_DATA_INLINE) extent.type = IOMAP_INLINE;
  return extent;
}

absl::StatusOr<ExtentFormat> DetectExtentFormat(absl::string_view text) {
  if (absl::StrContains(text, "logical_offset:") ||
      absl::StrContains(text, "File size of ")) {
    return ExtentFormat::kFilefrag;
  }
  if (absl::StrContains(text, "AG-OFFSET")) return ExtentFormat::kXfsBmap;
  if (absl::StrContains(text, "BLOCK-RANGE")) {
    return ExtentFormat::kXfsIoFiemap;
  }
  return ErrnoError(EINVAL,
                    "line 1, column 1: this is no output of filefrag -v, "
                    "xfs_bmap -v or xfs_io's fiemap -v");
}

absl::StatusOr<ExtentList> ParseExtents(absl::string_view text) {
  absl::StatusOr<ExtentFormat> format = DetectExtentFormat(text);
  if (!format.ok()) return format.status();
  switch (*format) {
    case ExtentFormat::kFilefrag:
      return ParseFilefrag(text);
    case ExtentFormat::kXfsBmap:
      return ParseXfsBmap(text);
    case ExtentFormat::kXfsIoFiemap:
      break;
  }
  return ParseXfsIoFiemap(text);
}

absl::StatusOr<ExtentList> ParseFiemap(absl::Span<const char> bytes) {
  // struct fiemap is 32 bytes, struct fiemap_extent 56.
  constexpr size_t kHeader = 32;
  constexpr size_t kExtent = 56;
  if (bytes.size() < kHeader) {
    return ErrnoError(EINVAL, absl::StrCat("a struct fiemap has 32 bytes, not ",
                                           bytes.size()));
  }
  const uint32_t mapped = Load<uint32_t>(bytes.data() + 20);
  if ((bytes.size() - kHeader) / kExtent < mapped) {
    return ErrnoError(
        EINVAL, absl::StrCat("fm_mapped_extents is ", mapped, ", but only ",
                             (bytes.size() - kHeader) / kExtent, " follow"));
  }
  ExtentList list;
  for (uint32_t i = 0; i < mapped; ++i) {
    const char* at = bytes.data() + kHeader + i * kExtent;
    const char* wrong = AppendExtent(Load<uint64_t>(at), Load<uint64_t>(at + 8),
                                     Load<uint64_t>(at + 16), 1,
                                     Load<uint32_t>(at + 40), &list);
    if (wrong != nullptr) {
      return ErrnoError(EINVAL, absl::StrCat("fm_extents[", i, "]: ", wrong));
    }
  }
  return list;
}

}  // namespace dmdax
