// SPDX-License-Identifier: Apache-2.0
//
// The statuses that a bio ends with, for the files of dm/bio.
#ifndef DMDAX_DM_BIO_BIO_STATUS_H_
#define DMDAX_DM_BIO_BIO_STATUS_H_

#include "absl/status/status.h"
#include "base/units.h"
#include "block/block_device.h"

namespace dmdax {

// The errno of what has failed at `sector`.
absl::Status BioError(int err, const BlockDevice& bdev, sector_t sector);
// EOPNOTSUPP.
absl::Status BioNotSupported(const BlockDevice& bdev);
// EAGAIN, of which IsSuspended() is true.
absl::Status BioWaits(const BlockDevice& bdev);

}  // namespace dmdax

#endif  // DMDAX_DM_BIO_BIO_STATUS_H_
