// SPDX-License-Identifier: Apache-2.0
//
// StoreAttribute: what happens when a program writes a file of /sys.
//
//   StoreAttribute(session,
//   "sys/devices/virtual/block/dm-0/queue/read_ahead_kb",
//                  "512\n");
//
// EINVAL: not a value for it; ENODEV: the device has gone; ENOTSUP, which no
// kernel says: dmdax does not model this one.
// Mirrors: queue_attr_store of block/blk-sysfs.c, read_ahead_kb_store of
// mm/backing-dev.c (6.1).  Threading: as Machine.
#ifndef DMDAX_SERVER_ATTRIBUTE_H_
#define DMDAX_SERVER_ATTRIBUTE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "state/session.h"

namespace dmdax {

// `path`: from the top of the tree, no links in it.
absl::Status StoreAttribute(Session& session, const std::string& path,
                            absl::string_view text);

}  // namespace dmdax

#endif  // DMDAX_SERVER_ATTRIBUTE_H_
