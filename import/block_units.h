// SPDX-License-Identifier: Apache-2.0
//
// BlockUnits: the block sizes of file systems, where only lists of extents say
// them.
//
// Each file is added with its mount, and then all is settled.
//
// What filefrag counts in is the file system's block, but with -b or -k: then
// it is whatever was asked for, and nothing in its text says so.  What another
// input says (xfs_info, blkid) counts, and a list that cannot be one of a file
// there is left out.  Where none says it, blocks of another size than 4096 are
// a guess; a mount with DAX has blocks of 4096, or it would have none.
// Threading: thread-compatible.
#ifndef DMDAX_IMPORT_BLOCK_UNITS_H_
#define DMDAX_IMPORT_BLOCK_UNITS_H_

#include <cstdint>
#include <map>
#include <string>

#include "import/facts.h"
#include "state/world.pb.h"

namespace dmdax {

class BlockUnits {
 public:
  explicit BlockUnits(const Facts& facts);

  // Why the file cannot be on that mount, with both places; "": it can.
  std::string Add(const FileFact& file, const proto::Mount& mount);
  // Gives mounts their block sizes.
  void Settle(Facts* facts, proto::World* world) const;

 private:
  struct Said {
    uint64_t bytes = 0;
    std::string by;  // "xfs_info:6:1"
  };
  struct Seen {
    uint64_t unit = 0;      // the smallest of its files
    Place place;            // of that
    bool odd = false;       // blocks that do not begin at multiples of 4096
    bool has_4096 = false;  // of some file
  };

  std::map<std::string, Said> said_;  // by device
  std::map<std::string, Seen> seen_;  // by mount
};

}  // namespace dmdax

#endif  // DMDAX_IMPORT_BLOCK_UNITS_H_
