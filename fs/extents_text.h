// SPDX-License-Identifier: Apache-2.0
//
// ParseExtents: reads the extents of a file from what the usual programs print.
//
//   filefrag -v f              e2fsprogs
//   xfs_bmap -v f              xfsprogs
//   xfs_io -c "fiemap -v" f    xfsprogs
//   struct fiemap, raw         the FS_IOC_FIEMAP ioctl's own bytes
//
//   absl::StatusOr<ExtentList> list = ParseExtents(text);
//   if (list.ok())
//     for (const FileExtent& e : list->extents) inode.extents.Insert(e);
//
// Errors say where: "line 4, column 12: a number is expected, not 'x'".
// Numbers are turned into bytes; holes are left out.  filefrag's block size
// and file size come from its heading; without one 4096 is taken.  A text that
// contradicts itself is refused: a range that is not as long as it says, a line
// that is missing or cut, a number of extents or blocks that does not fit.  So
// is a line that none of these programs prints; one that begins with '#' is
// left out.
#ifndef DMDAX_FS_EXTENTS_TEXT_H_
#define DMDAX_FS_EXTENTS_TEXT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "iomap/file_extents.h"

namespace dmdax {

struct ExtentList {
  std::vector<FileExtent> extents;  // ascending, without holes
  uint64_t file_size = 0;           // bytes; 0 when the text does not say
  std::string file;                 // as printed; may be empty
  // Of the file system, as filefrag says; 0 when the text does not.
  uint64_t s_magic = 0;
  uint64_t s_blocksize = 0;  // bytes; another unit with filefrag -b or -k
  // Some bytes are encrypted or compressed: the inode never has DAX.
  bool never_dax = false;
  // The text says that the extents are on the data device of an xfs, and not on
  // its realtime device.
  bool on_data_device = false;
};

enum class ExtentFormat { kFilefrag, kXfsBmap, kXfsIoFiemap };

// Recognises the format by its heading.  InvalidArgument: it is none of them.
absl::StatusOr<ExtentFormat> DetectExtentFormat(absl::string_view text);

absl::StatusOr<ExtentList> ParseFilefrag(absl::string_view text);
absl::StatusOr<ExtentList> ParseXfsBmap(absl::string_view text);
absl::StatusOr<ExtentList> ParseXfsIoFiemap(absl::string_view text);
// DetectExtentFormat() and the parser for it.
absl::StatusOr<ExtentList> ParseExtents(absl::string_view text);

// struct fiemap with fm_mapped_extents extents behind it, little endian.
absl::StatusOr<ExtentList> ParseFiemap(absl::Span<const char> bytes);

// FIEMAP_EXTENT_* of include/uapi/linux/fiemap.h: those that say something of
// an extent's type or place.  A set of bits.
enum FiemapFlags : uint32_t {
  FIEMAP_EXTENT_UNKNOWN = 0x2,
  FIEMAP_EXTENT_DELALLOC = 0x4,
  FIEMAP_EXTENT_ENCODED = 0x8,
  FIEMAP_EXTENT_DATA_ENCRYPTED = 0x80,
  FIEMAP_EXTENT_DATA_INLINE = 0x200,
  FIEMAP_EXTENT_UNWRITTEN = 0x800,
  FIEMAP_EXTENT_SHARED = 0x2000,
};

// An extent with the type and the shared mark that the flags stand for.
FileExtent FiemapExtent(uint64_t logical, uint64_t physical, uint64_t length,
                        uint32_t flags);

}  // namespace dmdax

#endif  // DMDAX_FS_EXTENTS_TEXT_H_
