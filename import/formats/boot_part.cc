// SPDX-License-Identifier: Apache-2.0
#include "import/formats/boot_part.h"

#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace dmdax {
namespace {

struct BootType {
  absl::string_view type, gpt, dos;
};
// Mirrors: the Discoverable Partitions Specification, and the types that the
// UEFI specification and GRUB's manual give.
constexpr BootType kTypes[] = {
    {"esp", "c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "ef"},
    {"xbootldr", "bc13c2ff-59e6-4262-a352-b275fd6f7172", "ea"},
    {"bios_boot", "21686148-6449-6e6f-744e-656564454649", ""},
    {"prep", "9e1a2d38-c612-4316-aa26-8b49521e5a8b", "41"},
};

}  // namespace

absl::string_view BootPart(absl::string_view parttype) {
  absl::ConsumePrefix(&parttype, "0x");
  for (const BootType& known : kTypes) {
    if (!parttype.empty() && (absl::EqualsIgnoreCase(parttype, known.gpt) ||
                              absl::EqualsIgnoreCase(parttype, known.dos))) {
      return known.type;
    }
  }
  return "";
}

bool IsBootPart(absl::string_view type) {
  for (const BootType& known : kTypes) {
    if (type == known.type) return true;
  }
  return false;
}

}  // namespace dmdax
