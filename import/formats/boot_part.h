// SPDX-License-Identifier: Apache-2.0
//
// Partitions that only firmware and boot loader read, by the type in the
// partition table.
// Threading: pure functions.
#ifndef DMDAX_IMPORT_FORMATS_BOOT_PART_H_
#define DMDAX_IMPORT_FORMATS_BOOT_PART_H_

#include "absl/strings/string_view.h"

namespace dmdax {

// "esp", "xbootldr", "bios_boot", "prep", as Use::type calls them, of what
// lsblk -o PARTTYPE ("c12a7328-...", "0xef") and sfdisk -d ("ef") print; "": it
// is none of them.
absl::string_view BootPart(absl::string_view parttype);

// Whether a Use::type is one of those.
bool IsBootPart(absl::string_view type);

}  // namespace dmdax

#endif  // DMDAX_IMPORT_FORMATS_BOOT_PART_H_
