// SPDX-License-Identifier: Apache-2.0
//
// What the recorded events of a mapping say of its file.
#ifndef DMDAX_TESTS_CONFORMANCE_RECORDED_INODE_EVENTS_H_
#define DMDAX_TESTS_CONFORMANCE_RECORDED_INODE_EVENTS_H_

#include "iomap/dax_inode.h"
#include "tests/conformance/verdict.h"

namespace dmdax::conformance {

// Inode number and the log's state are the kernel's own business.
void TakeFromEvents(DaxInode& inode, const Json& recorded);

}  // namespace dmdax::conformance

#endif  // DMDAX_TESTS_CONFORMANCE_RECORDED_INODE_EVENTS_H_
