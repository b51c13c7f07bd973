// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/recorded/inode_events.h"

#include <cstdio>
#include <string>

#include "absl/strings/match.h"
#include "tests/conformance/fed_blocks.h"

namespace dmdax::conformance {
namespace {

// "dev 259:3 ino ...".
DevT DevOf(const std::string& event) {
  const size_t at = event.find(" dev ");
  DevT dev{};
  if (at == std::string::npos) {
    sscanf(event.c_str() + event.find("dev "), "dev %u:%u", &dev.major_nr,
           &dev.minor_nr);
  } else {
    sscanf(event.c_str() + at, " dev %u:%u", &dev.major_nr, &dev.minor_nr);
  }
  return dev;
}

}  // namespace

void TakeFromEvents(DaxInode& inode, const Json& recorded) {
  bool first = true;
  for (const Json& event : recorded.value("events", Json::array())) {
    const std::string text = event;
    if (absl::StrContains(text, " ino ")) {
      inode.i_ino = HexAfter(text, " ino ");
      // A device that the emulator does not have (btt).
      if (inode.dax_dev == nullptr) inode.s_dev = DevOf(text);
    }
    if (!absl::StartsWith(text, "iomap_iter_dstmap") || !first) continue;
    first = false;
    // A delayed allocation changes nothing that is logged.
    if (!absl::StrContains(text, "NEW") || !inode.s_dax) {
      inode.datasync_dirty = absl::StrContains(text, "DIRTY");
    }
  }
}

}  // namespace dmdax::conformance
