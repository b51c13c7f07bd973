// SPDX-License-Identifier: Apache-2.0
//
// DevDaxRequest: a device-dax as it is requested, and the checks before it is
// made.
//
//   DevDaxOptions options{.name = "dax0.0", .align = 5,
//                         .ranges = {{.start = 0, .size = 2 << 20}}};
//   absl::Status s = CheckDevDaxOptions(options, faults);
//   // EINVAL, field "align": align 5: 4096, 2097152 or 1073741824
//
// Units are bytes.  Threading: plain structs, pure functions.
#ifndef DMDAX_PROCESS_DEV_DAX_OPTIONS_H_
#define DMDAX_PROCESS_DEV_DAX_OPTIONS_H_

#include <string>

#include "absl/status/status.h"
#include "dax/device_dax.h"

namespace dmdax {

struct DevDaxRequest {
  DevDaxOptions options;
  std::string pmem;  // whose data is its one range, or ""
};

// EINVAL, as FieldError(), for a name that a disk could not have either: "."
// and "..", or with blanks, control characters or bytes beyond ASCII.
absl::Status CheckDevDaxName(const std::string& name);

// EINVAL, as FieldError(): an empty name or one with a slash, no ranges, an
// align that the kernel does not have, ranges that are not multiples of it,
// overlap or end beyond 2^52, where physical addresses end.
absl::Status CheckDevDaxOptions(const DevDaxOptions& options,
                                const FaultProfile& faults);

}  // namespace dmdax

#endif  // DMDAX_PROCESS_DEV_DAX_OPTIONS_H_
