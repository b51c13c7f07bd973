// SPDX-License-Identifier: Apache-2.0
//
// What a target keeps on its metadata device: a superblock, by which it knows
// the device again, and its state as bytes behind it.  The superblock begins
// as the kernel's do; what follows is our own form, not the kernel's.
//
// Mirrors: __superblock_all_zeroes and sb_check of dm-thin-metadata.c,
// dm-cache-metadata.c, dm-era-target.c, dm-clone-metadata.c (4.14 to 7.2).
#ifndef DMDAX_DM_TARGETS_PERSISTENT_METADATA_IMAGE_H_
#define DMDAX_DM_TARGETS_PERSISTENT_METADATA_IMAGE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dm/device_mapper.h"
#include "dm/targets/persistent/transaction_manager.h"

namespace dmdax {

// A superblock: le32 checksum, le32 flags, le64 block number, 16 bytes of
// uuid, le64 magic.
struct SuperblockFormat {
  absl::string_view log_prefix;  // DM_MSG_PREFIX of the metadata's file
  uint64_t magic;
  // What the check says of a block number other than 0, and of a magic.
  absl::string_view check = "sb_check failed";
  absl::string_view wanted = ": wanted ";
};

// The state; nothing when the device begins with 4096 zero bytes.  ENOTBLK,
// EILSEQ: there is something else, and the log says so; DmNotModelled(): it
// has the kernel's magic, but is not ours.
absl::StatusOr<std::optional<std::string>> ReadMetadataImage(
    const DmTarget& ti, const DmDev& dev, const SuperblockFormat& format);
// EIO: the device took not all of it.  What it had is there still, as the
// kernel writes the superblock last.
absl::Status WriteMetadataImage(const DmDev& dev,
                                const SuperblockFormat& format,
                                absl::string_view state);
// The same of a state of which the first `written` bytes are there already, as
// a whole state that was written before and what was appended to it.  A version
// that reads no appended ones does not know it.
absl::Status AppendToMetadataImage(const DmDev& dev,
                                   const SuperblockFormat& format,
                                   absl::string_view state, size_t written);
// Whether a state of so many bytes has room there.
bool HasRoomForImage(const DmDev& dev, size_t bytes);

// What an aborted transaction goes back to: the state on the device, or
// `committed`, which was written last, where the device has no room for our
// form.  Nothing: it can not be read.
std::optional<std::string> ReadLastCommit(const DmTarget& ti, const DmDev& dev,
                                          const SuperblockFormat& format,
                                          const std::string& committed);

// Blocks of 4096 bytes on a metadata device.
inline uint64_t MetadataBlocks(const DmDev& dev) {
  return dev.bdev->nr_sectors() / kPageSectors;
}

// What the kernel logs when a metadata device is full, as `tm` found.
void LogNoMetadataSpace(Machine& machine, const TransactionManager& tm);

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_PERSISTENT_METADATA_IMAGE_H_
