// SPDX-License-Identifier: Apache-2.0
//
// ChangedDevices: which devices and nodes of a machine may be others than when
// a reader last looked.
//
// Who shows a machine of 100,000 devices in another form (a tree of files, rows
// of a state) can not look at all of them after each command:
//
//   std::optional<ChangedDevices::Taken> taken =
//       machine.changed().Take(ChangedDevices::Reader::kTree);
//   if (!taken) return LookAtAll();                // the first time
//   for (DevT dev : taken->devices) LookAt(machine.FindBdev(dev));
//
// A device that is noted may be as it was, new, or gone.  What a disk says of
// itself its partitions say too: they are not noted besides.  Until a reader
// has taken something, nothing is kept for it.
// Mirrors: what of struct kobj_uevent_env names a device; the kernel notes
// less.
// Threading: thread-safe; each reader is one.
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
  enum class Reader {
    kTree,   // shows what programs see of a device
    kState,  // keeps all of it
  };
  struct Taken {
    std::set<DevT> devices;
    std::set<std::string> nodes;  // paths
    // A disk or a partition has come or gone, which may have been another's.
    bool disks = false;
    // A file system was asked to do something, so that it, its files or what is
    // mapped of them may be others.
    bool above = false;
  };

  void Device(DevT dev);
  void Node(absl::string_view path);
  // What of a device kState alone sees: its bytes, or what targets remember.
  void Inside(DevT dev);
  // A disk or a partition comes or goes.
  void Disks();
  // What stands on a device is asked to do something.
  void Above();

  // What was noted for it since the last time.  Nothing, the first time:
  // anything may be another.
  std::optional<Taken> Take(Reader reader);

 private:
  absl::Mutex mu_;
  std::optional<Taken> tree_ ABSL_GUARDED_BY(mu_);
  std::optional<Taken> state_ ABSL_GUARDED_BY(mu_);
};

// Where a device notes by itself that something of it is another, so that
// nobody who changes it has to.
class DeviceNotes {
 public:
  // Null, as at first: nowhere.
  void set(ChangedDevices* changed, DevT dev) {
    changed_ = changed;
    dev_ = dev;
  }
  void Device() const {
    if (changed_ != nullptr) changed_->Device(dev_);
  }
  void Inside() const {
    if (changed_ != nullptr) changed_->Inside(dev_);
  }
  void Above() const {
    if (changed_ != nullptr) changed_->Above();
  }

 private:
  ChangedDevices* changed_ = nullptr;
  DevT dev_;
};

}  // namespace dmdax

#endif  // DMDAX_BLOCK_CHANGED_DEVICES_H_
