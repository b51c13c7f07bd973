// SPDX-License-Identifier: Apache-2.0
//
// A device as lsblk prints it, whether in JSON or in pairs.
#ifndef DMDAX_IMPORT_FORMATS_LSBLK_ROW_H_
#define DMDAX_IMPORT_FORMATS_LSBLK_ROW_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "import/facts.h"

namespace dmdax {

struct LsblkRow {
  // By the column's name in JSON, "maj:min"; "" if there is none.
  std::function<std::string(absl::string_view key)> text;
  std::function<Place(absl::string_view key)> place;
  std::vector<std::string> mountpoints;
  std::string parent;  // the path of what it is below in the tree
};

// "/dev/pmem0", "/dev/mapper/vg-home".
std::string LsblkPath(const LsblkRow& row);

absl::Status SayLsblkRow(const LsblkRow& row, Facts* facts);

// "259:0" at `place`; EINVAL for anything else.
absl::StatusOr<DevT> ReadDev(absl::string_view text, const Place& place);

// Whether lsblk's TYPE is one that it gives mapped devices.
bool IsMappedType(absl::string_view type);

}  // namespace dmdax

#endif  // DMDAX_IMPORT_FORMATS_LSBLK_ROW_H_
