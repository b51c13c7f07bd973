// SPDX-License-Identifier: Apache-2.0
#include "fs/extents_text.h"

#include <cerrno>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/errno_status.h"
#include "base/units.h"
#include "fs/extent_lines.h"

namespace dmdax {
namespace {

// XFS_BMAP's FLAGS column is octal.
uint32_t XfsBmapFlags(const std::string& word) {
  const unsigned long bits = strtoul(word.c_str(), nullptr, 8);
  return ((bits & 010000) ? uint32_t{FIEMAP_EXTENT_UNWRITTEN} : 0) |
         ((bits & 0100000) ? uint32_t{FIEMAP_EXTENT_SHARED} : 0);
}

//   0: [0..16383]:      192..16575        0 (192..16575)     16384 010000
//   1: [16384..16391]:  hole                                     8
absl::Status XfsLine(LineScanner& scan, bool fiemap, ExtentList* list) {
  uint64_t n, first, last, pfirst, plast, total;
  absl::Status status = scan.Number(&n);
  if (status.ok()) status = scan.Expect(":");
  if (status.ok()) status = scan.Expect("[");
  if (status.ok()) status = scan.Range(&first, &last);
  if (status.ok()) status = scan.Expect("]:");
  if (!status.ok()) return status;
  if (scan.Take("hole")) return absl::OkStatus();
  const uint64_t length = last - first + 1;
  if (scan.Take("delalloc")) {
    const char* wrong = AppendExtent(first, 0, length, kSectorSize,
                                     FIEMAP_EXTENT_DELALLOC, list);
    return wrong == nullptr ? absl::OkStatus() : scan.Error(wrong);
  }
  status = scan.Range(&pfirst, &plast);
  if (!status.ok()) return status;
  if (!fiemap && !scan.Done()) {
    uint64_t ag, afirst, alast;
    status = scan.Number(&ag);
    if (status.ok()) status = scan.Expect("(");
    if (status.ok()) status = scan.Range(&afirst, &alast);
    if (status.ok()) status = scan.Expect(")");
    if (!status.ok()) return status;
  }
  uint32_t flags = 0;
  if (!scan.Done()) {
    status = scan.Number(&total);
    if (!status.ok()) return status;
    if (total != length) {
      return scan.Error(absl::StrCat("the total ", total, " is not that of ",
                                     first, "..", last));
    }
    const std::string word = scan.Word();
    flags = fiemap ? static_cast<uint32_t>(strtoul(word.c_str(), nullptr, 16))
                   : XfsBmapFlags(word);
  }
  const char* wrong =
      AppendExtent(first, pfirst, length, kSectorSize, flags, list);
  return wrong == nullptr ? absl::OkStatus() : scan.Error(wrong);
}

absl::StatusOr<ExtentList> ParseXfs(absl::string_view text, bool fiemap) {
  ExtentList list;
  size_t number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    if (!IsExtentLine(line)) {
      line = absl::StripAsciiWhitespace(line);
      if (number == 1 && absl::ConsumeSuffix(&line, ":")) {
        list.file = std::string(line);
      }
      continue;
    }
    LineScanner scan(line, number);
    absl::Status status = XfsLine(scan, fiemap, &list);
    if (!status.ok()) return status;
  }
  return list;
}

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

absl::StatusOr<ExtentList> ParseXfsBmap(absl::string_view text) {
  return ParseXfs(text, false);
}

absl::StatusOr<ExtentList> ParseXfsIoFiemap(absl::string_view text) {
  return ParseXfs(text, true);
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
