// SPDX-License-Identifier: Apache-2.0
//
// NumberName(): what a disk is called of which only the number is known.
//
// Mirrors nothing.  Threading: pure function.
#ifndef DMDAX_IMPORT_NUMBER_NAME_H_
#define DMDAX_IMPORT_NUMBER_NAME_H_

#include <string>

#include "absl/strings/str_cat.h"
#include "base/dev_t.h"

namespace dmdax {

// "disk259_0"; no node has that name.
inline std::string NumberName(DevT dev) {
  return absl::StrCat("disk", dev.major_nr, "_", dev.minor_nr);
}

}  // namespace dmdax

#endif  // DMDAX_IMPORT_NUMBER_NAME_H_
