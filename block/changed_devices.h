// SPDX-License-Identifier: Apache-2.0
//
// ChangedDevices: which devices and nodes of a machine may be others than when
// its reader last looked.
//
// Who shows a machine of 100,000 devices in another form (a tree of files) can
// not look at all of them after each command:
//
//   std::optional<ChangedDevices::Taken> taken = machine.changed().Take();
//   if (!taken) return LookAtAll();                // the first time
//   for (DevT dev : taken->devices) LookAt(machine.FindBdev(dev));
//
// A device that is noted may be as it was, new, or gone.  What a disk says of
// itself its partitions say too: they are not noted besides.  Until somebody
// has taken something, nothing is kept.
// Mirrors: what of struct kobj_uevent_env names a device; the kernel notes
// less. Threading: thread-safe; one reader.
#ifndef DMDAX_BLOCK_CHANGED_DEVICES_H_
#define DMDAX_BLOCK_CHANGED_DEVICES_H_

#include <optional>
#include <set>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "base/dev_t.h"

namespace dmdax {

class ChangedDevices {
 public:
  struct Taken {
    std::set<DevT> devices;
    std::set<std::string> nodes;  // paths
  };

  void Device(DevT dev);
  void Node(absl::string_view path);

  // What was noted since the last time.  Nothing, the first time: anything may
  // be another.
  std::optional<Taken> Take();

 private:
  absl::Mutex mu_;
  std::optional<Taken> noted_ ABSL_GUARDED_BY(mu_);
};

}  // namespace dmdax

#endif  // DMDAX_BLOCK_CHANGED_DEVICES_H_
