// SPDX-License-Identifier: Apache-2.0
//
// FileExtents: a file as a list of extents.
//
//   FileExtents extents;
//   extents.Insert({.logical = 0, .physical = 18874368, .length = 8 << 20,
//                   .type = IOMAP_UNWRITTEN});
//   extents.Find(4096).physical;   // 18878464: the part from 4096 on
//   extents.Remove(4096, 4096);    // a hole: the extent is cut in two
//
// Units are bytes; extents are multiples of the 4096-byte block except the
// kinds a file system may report shorter (inline).  Extents never overlap;
// neighbours that continue each other on disk are joined.
// Threading: thread-compatible.
#ifndef DMDAX_IOMAP_FILE_EXTENTS_H_
#define DMDAX_IOMAP_FILE_EXTENTS_H_

#include <cstdint>
#include <vector>

#include "absl/container/btree_map.h"
#include "iomap/iomap.h"

namespace dmdax {

struct FileExtent {
  uint64_t logical = 0;   // bytes in the file
  uint64_t physical = 0;  // bytes on the file system's device
  uint64_t length = 0;    // bytes
  uint16_t type = IOMAP_MAPPED;
  bool shared = false;  // reflinked

  uint64_t end() const { return logical + length; }
  friend bool operator==(const FileExtent&, const FileExtent&) = default;
};

class FileExtents {
 public:
  // What lies at `pos`: the rest of an extent from there on, or a hole up to
  // the next extent (length 2^63 - pos if no extent follows).
  FileExtent Find(uint64_t pos) const;

  // The same, but an extent comes whole.
  FileExtent Around(uint64_t pos) const;

  // The last extent that ends at `pos` or before it; of length 0 at 0 if there
  // is none.
  FileExtent Before(uint64_t pos) const;

  // Replaces whatever was there.
  void Insert(const FileExtent& extent);
  // Makes a hole.
  void Remove(uint64_t logical, uint64_t length);
  // Changes the type of what is mapped in the range; holes stay.
  void SetType(uint64_t logical, uint64_t length, uint16_t type);

  // Whether an extent is of this IomapType.
  bool Has(uint16_t type) const;
  std::vector<FileExtent> All() const;
  bool empty() const { return extents_.empty(); }

  // To go through them in order; each `second` is an extent.  Valid until they
  // change.
  using Iterator = absl::btree_map<uint64_t, FileExtent>::const_iterator;
  Iterator begin() const { return extents_.begin(); }
  Iterator end() const { return extents_.end(); }
  // The first that begins behind `pos`.
  Iterator Behind(uint64_t pos) const { return extents_.upper_bound(pos); }

 private:
  // A file may have a million, so they lie side by side; what changes the map
  // makes every other iterator invalid.
  using Map = absl::btree_map<uint64_t, FileExtent>;

  // SetType() of [from, to) of one extent; what follows that.
  Map::iterator SetTypeIn(Map::iterator it, uint64_t from, uint64_t to,
                          uint16_t type);

  Map extents_;  // by logical
};

}  // namespace dmdax

#endif  // DMDAX_IOMAP_FILE_EXTENTS_H_
