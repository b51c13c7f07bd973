// SPDX-License-Identifier: Apache-2.0
//
// DevDaxRequest: a device-dax as it is asked for, and what is checked before
// it is made.
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

// EINVAL, as FieldError(): an empty name or one with a slash, no ranges, an
// align that the kernel does not have, ranges that are not multiples of it or
// overlap.
absl::Status CheckDevDaxOptions(const DevDaxOptions& options,
                                const FaultProfile& faults);

}  // namespace dmdax

#endif  // DMDAX_PROCESS_DEV_DAX_OPTIONS_H_
