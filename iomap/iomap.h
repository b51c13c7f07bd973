// SPDX-License-Identifier: Apache-2.0
//
// Iomap: the answer of a file system to "where on the device is this part of
// the file?", and the loop that asks.
//
//   IomapIter iter{.inode = &inode, .pos = 0, .len = 4096, .flags = IOMAP_DAX};
//   while (IomapIterNext(iter, ops, recorder) > 0) {
//     Use(iter.iomap);
//     iter.processed = 4096;
//   }
//
// Units are bytes; addr counts from the start of the DaxDevice (a partition's
// start is added by the file system).
// Mirrors: include/linux/iomap.h, fs/iomap/iter.c (6.1).
#ifndef DMDAX_IOMAP_IOMAP_H_
#define DMDAX_IOMAP_IOMAP_H_

#include <cstdint>
#include <string>

#include "dax/dax_device.h"
#include "mm/fault_event.h"

namespace dmdax {

struct DaxInode;

inline constexpr uint64_t IOMAP_NULL_ADDR = ~uint64_t{0};

// Types of a piece of a file.
enum IomapType : uint16_t {
  IOMAP_HOLE = 0,
  IOMAP_DELALLOC = 1,
  IOMAP_MAPPED = 2,
  IOMAP_UNWRITTEN = 3,
  IOMAP_INLINE = 4,
};

// Flags of the answer.  A set of bits.
enum IomapFlags : uint16_t {
  IOMAP_F_NEW = 1 << 0,
  IOMAP_F_DIRTY = 1 << 1,
  IOMAP_F_SHARED = 1 << 2,
  IOMAP_F_MERGED = 1 << 3,
  IOMAP_F_FOLIO_BATCH = 1 << 13,  // the dirty folios come with it
};

// Flags of the question.  A set of bits.
enum IomapRequest : unsigned {
  IOMAP_WRITE = 1 << 0,
  IOMAP_ZERO = 1 << 1,
  IOMAP_FAULT = 1 << 3,
  IOMAP_DIRECT = 1 << 4,
  IOMAP_DAX = 1 << 8,
};

struct Iomap {
  // Makes each field on its own.  GCC 12 clears a constant of this size, and
  // what has it as a member, by `rep stos`, which takes as long as a fault's
  // search for the extent.
  Iomap() {}  // NOLINT(modernize-use-equals-default)

  uint64_t addr = IOMAP_NULL_ADDR;  // bytes on dax_dev
  uint64_t offset = 0;              // bytes in the file
  uint64_t length = 0;              // bytes
  uint16_t type = IOMAP_HOLE;
  uint16_t flags = 0;
  DaxDevice* dax_dev = nullptr;  // for IOMAP_DAX
  DevT bdev{};                   // else
};

class IomapOps {
 public:
  virtual ~IomapOps() = default;
  // ->iomap_begin: fills in `iomap` (and `srcmap` for a copy on write) for a
  // piece that contains `pos`; 0 or -errno.
  virtual int Begin(DaxInode& inode, uint64_t pos, uint64_t length,
                    unsigned flags, Iomap* iomap, Iomap* srcmap) = 0;
  // ->iomap_end: `written` bytes were used; 0 or -errno.
  virtual int End(DaxInode&, uint64_t, uint64_t, int64_t, unsigned, Iomap&) {
    return 0;
  }
  // What the kernel calls the two for a request with these IomapRequest
  // flags.  A call of kNone is not recorded.
  virtual FaultFunction BeginFunction(unsigned) const {
    return FaultFunction::kNone;
  }
  virtual FaultFunction EndFunction(unsigned) const {
    return FaultFunction::kNone;
  }
};

struct IomapIter {
  DaxInode* inode = nullptr;
  uint64_t pos = 0;       // bytes
  uint64_t len = 0;       // bytes left
  unsigned flags = 0;     // IomapRequest
  int64_t processed = 0;  // bytes done in this round, or -errno
  Iomap iomap;
  Iomap srcmap;
  bool started = false;
  // IOMAP_F_STALE: the piece is looked up once more, though nothing was done.
  bool stale = false;

  // iomap_length(): what is left of the current piece.
  uint64_t length() const {
    const uint64_t end = iomap.offset + iomap.length;
    return end - pos < len ? end - pos : len;
  }
};

// iomap_iter(): 1 with a piece to work on, 0 at the end, -errno.
int IomapIterNext(IomapIter& iter, IomapOps& ops, FaultRecorder* recorder);

// "hole", "mapped" ...
std::string IomapTypeName(uint16_t type);

}  // namespace dmdax

#endif  // DMDAX_IOMAP_IOMAP_H_
