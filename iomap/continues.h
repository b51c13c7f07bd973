// SPDX-License-Identifier: Apache-2.0
//
// Continues: whether one extent of a file goes on where another ends, so that
// both could be one.
//
// Mirrors: nothing; ext4_can_extents_be_merged and xfs_bmap_is_mergeable are
// those of the file systems.
// Threading: pure functions.
#ifndef DMDAX_IOMAP_CONTINUES_H_
#define DMDAX_IOMAP_CONTINUES_H_

#include <cstdint>

#include "iomap/file_extents.h"

namespace dmdax {

// Whether extents of the type have blocks.
inline bool HasPlace(uint16_t type) {
  return type == IOMAP_MAPPED || type == IOMAP_UNWRITTEN;
}

// `b` goes on in the file and, unless they are holes, on the device.
inline bool Continues(const FileExtent& a, const FileExtent& b) {
  return a.end() == b.logical && a.type == b.type && a.shared == b.shared &&
         (!HasPlace(a.type) || a.physical + a.length == b.physical);
}

}  // namespace dmdax

#endif  // DMDAX_IOMAP_CONTINUES_H_
