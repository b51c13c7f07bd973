// SPDX-License-Identifier: Apache-2.0
#include "dax/dax_piece.h"

#include "dax/dax_device.h"

namespace dmdax {

void DaxForEachPiece(DaxDevice* dev, pgoff_t first, uint64_t pages,
                     uint64_t unit, DaxPieceFn fn) {
  if (pages == 0) return;
  // The checks with which DaxDirectAccess() begins.
  if (dev == nullptr || !dev->alive() || dev->ops() == nullptr) {
    return fn(ErrorPiece(pages, unit));
  }
  dev->ops()->ForEachPiece(first, pages, unit, fn);
}

}  // namespace dmdax
