// SPDX-License-Identifier: Apache-2.0
//
// DaxPiece: pages of a device that answer direct_access alike, so that
// whoever asks for all of them need not ask for each.
//
//   DaxForEachPiece(dev, pgoff_t{0}, pages, /*unit=*/512,
//                   [&](const DaxPiece& piece) { pieces.push_back(piece); });
//   // one for each row of a table; a stripe is one, however long
//
// Promise, for any two pages of a piece that lie a multiple of `repeat` apart,
// and requests of up to `unit` pages that stay inside the piece: the answers
// have the same length or errno, went through the same levels and were
// clipped by the same ones for the same reason; frames and the page offsets
// at every level differ by a multiple of `unit`.  Nothing is promised of
// requests that reach beyond the piece.
//
// Pieces are what is worked out from tables, for questions like "which 2 MiB
// of this device can be mapped at once"; answers still come from
// DaxDirectAccess().
// Threading: plain values; DaxForEachPiece() as DaxDirectAccess().
#ifndef DMDAX_DAX_DAX_PIECE_H_
#define DMDAX_DAX_DAX_PIECE_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "base/units.h"

namespace dmdax {

class DaxDevice;

struct DaxPiece {
  // What single pages of it get.
  enum class Pages : uint8_t {
    kFrames,  // each has a frame
    kError,   // none has, all for the same reason at the same level
    kAny,     // not known
  };

  uint64_t pages = 0;   // at least 1
  uint64_t repeat = 0;  // pages; a multiple of the unit, or 0: not known
  Pages single = Pages::kAny;
};

// Pages that nothing is known of.
inline DaxPiece OpaquePiece(uint64_t pages) { return {.pages = pages}; }
// Pages that all answer the same errno, of which the same level is to blame.
inline DaxPiece ErrorPiece(uint64_t pages, uint64_t unit) {
  return {pages, unit, DaxPiece::Pages::kError};
}

using DaxPieceFn = absl::FunctionRef<void(const DaxPiece& piece)>;

// The pieces of pages [first, first + pages) of `dev`, in order and without
// gaps; together they have as many pages.  `unit`: a power of two.
void DaxForEachPiece(DaxDevice* dev, pgoff_t first, uint64_t pages,
                     uint64_t unit, DaxPieceFn fn);

}  // namespace dmdax

#endif  // DMDAX_DAX_DAX_PIECE_H_
