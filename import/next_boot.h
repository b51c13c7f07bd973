// SPDX-License-Identifier: Apache-2.0
//
// NoteNextBoot: mounts of the World that /etc/fstab has with another DAX: what
// is true of them now will not be after a boot.
// Threading: thread-compatible.
#ifndef DMDAX_IMPORT_NEXT_BOOT_H_
#define DMDAX_IMPORT_NEXT_BOOT_H_

#include "import/facts.h"
#include "import/mount_table.h"
#include "state/world.pb.h"

namespace dmdax {

void NoteNextBoot(const proto::World& world, const MountTable& table,
                  Facts* facts);

}  // namespace dmdax

#endif  // DMDAX_IMPORT_NEXT_BOOT_H_
