// SPDX-License-Identifier: Apache-2.0
//
// The cure of rows that begin within a page, where the kernel says no more than
// that there is no DAX, or that a page has no address.
#include "tools/check/cure.h"
#include "tools/check/off_page.h"

namespace dmdax {

std::optional<Cure> CureOffPage(const CureRequest& request,
                                proto::World& world) {
  BlockDevice* const bdev = request.subject.bdev;
  if (bdev == nullptr) return std::nullopt;
  const OffPage off =
      OffPageOf(request.session, *bdev, {{0, bdev->nr_sectors()}});
  if (!off.row) return std::nullopt;
  const FaultReason reason{.code = off.past == 0 ? FaultReasonCode::kRunChunk
                                                 : FaultReasonCode::kPfnTarget,
                           .level = off.row};
  return FindCure({.reason = reason,
                   .session = request.session,
                   .subject = request.subject,
                   .order = request.order,
                   .machine = request.machine,
                   .stands_on = request.stands_on,
                   .used_end = request.used_end},
                  world);
}

}  // namespace dmdax
