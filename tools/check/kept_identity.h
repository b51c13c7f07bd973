// SPDX-License-Identifier: Apache-2.0
//
// The UUID and the label of what is made anew: fstab, the boot and others know
// it by them.  The list itself reads them before anything goes, as no World has
// them, so that a device on which there is nothing to keep ends it there.
//
//   uuid_vg__home=$(blkid -p -s UUID -o value /dev/mapper/vg-home) && ...
//   mkfs.ext4 -U $uuid_vg__home -L "$label_vg__home" ...
//
// Threading: pure functions.
#ifndef DMDAX_TOOLS_CHECK_KEPT_IDENTITY_H_
#define DMDAX_TOOLS_CHECK_KEPT_IDENTITY_H_

#include <string>

#include "block/block_device.h"
#include "state/session.h"
#include "tools/check/cure.h"

namespace dmdax {

// What reads them, about the same as the step that makes it anew.
CureStep IdentityStep(const Session& session, const std::string& about,
                      const BlockDevice& bdev);

// Words of a shell that have them.
std::string UuidWord(const Session& session, const BlockDevice& bdev);
std::string LabelWord(const Session& session, const BlockDevice& bdev);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_KEPT_IDENTITY_H_
