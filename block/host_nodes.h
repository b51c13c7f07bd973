// SPDX-License-Identifier: Apache-2.0
//
// HostNodes: device nodes below neither /dev nor /sys, for a machine that
// programs run on: they make some wherever they like.
//
// The host has one tree of files, so this is one function for all machines of
// the process.  Its errors are stat(2)'s, and ENOTBLK.
// Mirrors: the path walk of lookup_bdev, block/bdev.c (6.1).
// Threading: set it before other threads ask.
#ifndef DMDAX_BLOCK_HOST_NODES_H_
#define DMDAX_BLOCK_HOST_NODES_H_

#include <string>

#include "absl/status/statusor.h"
#include "base/dev_t.h"

namespace dmdax {

using HostNodes = absl::StatusOr<DevT> (*)(const std::string& path);

// Null, as at first: there are none.
void SetHostNodes(HostNodes look);
HostNodes GetHostNodes();

}  // namespace dmdax

#endif  // DMDAX_BLOCK_HOST_NODES_H_
