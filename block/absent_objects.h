// SPDX-License-Identifier: Apache-2.0
//
// AbsentObjects: what a machine has, though it was not loaded.
//
// A state may hold 100,000 devices, and a question is mostly about one.  The
// machine is then made of the part that is needed, and whoever looks for
// something that is not there asks here whether it was only not loaded:
//
//   if (absent != nullptr) absent->Need(AbsentObjects::By::kDiskName, "pmem1");
//
// What has been needed in vain is loaded before everything is done once more,
// from the start (state/part/run_on_part.h), so the one who asks may go on as
// if there were no such thing.
// Mirrors nothing.  Threading: thread-compatible.
#ifndef DMDAX_BLOCK_ABSENT_OBJECTS_H_
#define DMDAX_BLOCK_ABSENT_OBJECTS_H_

#include "absl/strings/string_view.h"

namespace dmdax {

class AbsentObjects {
 public:
  enum class By {
    kDmName,    // a mapped device: "home"
    kDmUuid,    // a mapped device
    kDmMinor,   // a mapped device: "3"
    kDev,       // a block device: "259:0"
    kDiskName,  // a block device: "pmem0", "dm-3"
    kNode,      // a path without "." and "//": "/dev/mapper/home"
  };
  virtual ~AbsentObjects() = default;

  // Whether there is one that is not loaded.
  virtual bool Has(By by, absl::string_view name) = 0;
  // If there is, the answer that is being worked out is not the right one.
  virtual void Need(By by, absl::string_view name) = 0;
  // As Need() of all that is not loaded: a list was asked for.
  virtual void NeedAll() = 0;
  // As Need() of all mounts, device-dax and processes, and what lies below.
  virtual void NeedUserSpace() = 0;
};

}  // namespace dmdax

#endif  // DMDAX_BLOCK_ABSENT_OBJECTS_H_
