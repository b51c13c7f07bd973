// SPDX-License-Identifier: Apache-2.0
//
// AccountIo: what dm-stats counts of a read or write that a mapped device gets.
//
// Mirrors: dm_io_acct, start_io_acct and end_io_acct of drivers/md/dm.c, and
// where dm_split_and_process_bio cuts.
// Threading: as DmStats.
#ifndef DMDAX_DM_BIO_ACCOUNT_IO_H_
#define DMDAX_DM_BIO_ACCOUNT_IO_H_

#include "dm/mapped_device.h"

namespace dmdax {

// `count` sectors at `sector` of `md`, whose live table is `table`.
void AccountIo(const KernelProfile& profile, MappedDevice& md,
               const DmTable& table, ReqOp op, sector_t sector, uint64_t count);

}  // namespace dmdax

#endif  // DMDAX_DM_BIO_ACCOUNT_IO_H_
