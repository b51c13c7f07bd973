// SPDX-License-Identifier: Apache-2.0
//
// /proc/devices: the major number of device-mapper.
#include "absl/strings/match.h"
#include "import/formats/input_lines.h"
#include "import/import_format.h"

namespace dmdax {
namespace {

bool Detect(const ImportInput& input) {
  return absl::StartsWith(FirstLine(input.text), "Character devices:");
}

absl::Status Read(const ImportInput& input, Facts* facts) {
  for (InputLines lines(input); lines.Next();) {
    LineWords words = lines.Words();
    if (absl::EndsWith(lines.line(), "devices:")) continue;
    absl::StatusOr<uint64_t> major = words.Number("a major number");
    if (!major.ok()) return major.status();
    if (words.Rest() != "device-mapper") continue;
    absl::Status s = Facts::Say(facts->dm_major, static_cast<uint32_t>(*major),
                                lines.place(), "device-mapper", "major");
    if (!s.ok()) return s;
  }
  return absl::OkStatus();
}

}  // namespace

extern const ImportFormat kDevicesImport = {"devices", "/proc/devices", Detect,
                                            Read};

}  // namespace dmdax
