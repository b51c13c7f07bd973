// SPDX-License-Identifier: Apache-2.0
//
// Whether a target that keeps metadata on a device would format that device.
// If so, its answers follow from the table alone.  Existing metadata is not
// read, and a table that depends on it is not modelled.
#ifndef DMDAX_DM_TARGETS_FRESH_METADATA_H_
#define DMDAX_DM_TARGETS_FRESH_METADATA_H_

#include "absl/status/status.h"
#include "dm/device_mapper.h"

namespace dmdax {

// OK: the device begins with 4096 zero bytes.  DmNotModelled(): it has other
// bytes.  EIO: they can not be read.
absl::Status RequireFreshMetadata(const DmDev& dev, sector_t start);

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_FRESH_METADATA_H_
