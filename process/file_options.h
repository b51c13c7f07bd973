// SPDX-License-Identifier: Apache-2.0
//
// FileOptions: a regular file as it is given to the emulator, and the checks
// before it is accepted.
//
//   FileOptions f{.name = "f", .size = 16 << 20,
//                 .extents = {{.physical = 5, .length = 16 << 20}}};
//   absl::Status s = CheckFileOptions(f, {.bytes = 256 << 20});
//   // physical 5: not a multiple of 4096 bytes; nearest are 0 and 4096
//
// Units are bytes.  Threading: plain structs, pure functions.
#ifndef DMDAX_PROCESS_FILE_OPTIONS_H_
#define DMDAX_PROCESS_FILE_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "iomap/file_extents.h"

namespace dmdax {

struct FileOptions {
  std::string name;   // below the mount: "db/data"
  uint64_t size = 0;  // 0: the end of the last extent
  // An extent of type IOMAP_HOLE means the same as no extent.
  std::vector<FileExtent> extents;
  bool dax = false;  // FS_XFLAG_DAX
  // Encrypted or compressed; ext4: with verity or inline data, or its data is
  // journalled.
  bool never_dax = false;
  bool immutable = false;        // FS_IMMUTABLE_FL
  bool append_only = false;      // FS_APPEND_FL
  bool indirect_blocks = false;  // ext4 without extents
  uint64_t extsize = 0;          // extent size hint (xfs)
  // Blocks that writes to holes of this file get, by file offset.
  std::vector<FileExtent> allocate;
  bool synced = false;  // no metadata waits to be written
  // What the listing the extents come from says of the file system; 0: not.
  uint64_t s_magic = 0;
  uint64_t s_blocksize = 0;
};

// The device the file lies on.
struct FileDevice {
  std::string name;
  uint64_t bytes = 0;
  uint64_t block_size = 4096;
};

// EINVAL, as FieldError(): a name that is empty, absolute or climbs; a size
// of 2^63 or more; extents of length 0, not in whole blocks, overlapping, or
// past the end of the device.  The words name the nearest valid number.
absl::Status CheckFileOptions(const FileOptions& file,
                              const FileDevice& device);

}  // namespace dmdax

#endif  // DMDAX_PROCESS_FILE_OPTIONS_H_
