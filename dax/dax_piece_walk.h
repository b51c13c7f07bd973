// SPDX-License-Identifier: Apache-2.0
//
// DaxPieceWalk: what one walk down a stack of devices may cost, and what it
// knows already.
//
// Where both legs of a stripe are the same device, a walk looks into it twice,
// and twice as often at each level below.  So the pieces of a device into which
// a walk looks again and again are worked out once, all of them, and each later
// look takes its part.  Of a device that has too many of them nothing is kept,
// and a walk that looks far more often than there are pages ends by saying that
// it does not know the rest.
//
// Threading: of one walk, in one thread.
#ifndef DMDAX_DAX_DAX_PIECE_WALK_H_
#define DMDAX_DAX_DAX_PIECE_WALK_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/node_hash_map.h"
#include "absl/functional/function_ref.h"
#include "base/units.h"
#include "dax/dax_piece.h"

namespace dmdax {

class DaxPieceWalk {
 public:
  // For pieces of `pages` pages; 0: the fewest looks that any walk may take.
  explicit DaxPieceWalk(uint64_t pages);

  // Counts a look into a device.  False: there were too many.
  bool Look();
  // Counts a row whose pieces are worked out, or a row of chunks: as a look,
  // and for itself.  False: there are too many of them, for all or for what
  // they are wanted for.
  bool Row();

  // Hands on the pieces of pages [first, first + pages) of `device`, which has
  // `nr_pages`, if they are known: how many, each of which counts as a look; or
  // 0.  `all` works out all that the device has.
  uint64_t Known(const void* device, pgoff_t first, uint64_t pages,
                 uint64_t nr_pages, absl::FunctionRef<void(DaxPieceFn)> all,
                 DaxPieceFn fn);

 private:
  struct Device {
    uint64_t looks = 0;
    bool given_up = false;  // or just being worked out
    std::vector<DaxPiece> pieces;
    std::vector<uint64_t> ends;  // of them, in pages
  };

  void WorkOut(absl::FunctionRef<void(DaxPieceFn)> all, Device& device);
  static uint64_t Cut(const Device& device, uint64_t begin, uint64_t end,
                      DaxPieceFn fn);

  uint64_t looks_left_;
  uint64_t rows_left_;
  // A device stays where it is while those below it come in.
  absl::node_hash_map<const void*, Device> devices_;
};

}  // namespace dmdax

#endif  // DMDAX_DAX_DAX_PIECE_WALK_H_
