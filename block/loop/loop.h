// SPDX-License-Identifier: Apache-2.0
//
// LoopDriver: /dev/loop-control and the loop devices, over files of the host.
//
//   LoopDriver loops(machine);
//   int n = *loops.Control({.command = LOOP_CTL_GET_FREE});  // 0; /dev/loop0
//   BlockDevice* loop0 = machine.FindBdevByName("loop0");
//   loops.Ioctl(*loop0, FMODE_READ | FMODE_WRITE,
//               {.command = LOOP_SET_FD, .fd = fd});
//   loop0->nr_sectors();                                     // of the file
//
// The bytes of a loop device are those of its file, read with pread(2) and
// written with pwrite(2).  A loop device that a World has without a file is
// one that LOOP_CTL_GET_FREE finds.  What has been set is said in the machine's
// BlockOptions::loop, and is all that has to be kept of it.
//
// Mirrors: drivers/block/loop.c (6.1).
// Threading: thread-safe.
#ifndef DMDAX_BLOCK_LOOP_LOOP_H_
#define DMDAX_BLOCK_LOOP_LOOP_H_

#include <linux/loop.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "base/fd.h"
#include "block/block_device.h"
#include "block/block_ioctl.h"
#include "block/machine.h"

namespace dmdax {

class LoopDriver {
 public:
  // Files of loop devices, by number.
  struct OpenFile {
    std::string path;
    Fd fd;
  };
  using Files = std::map<int, OpenFile>;
  // Takes the loop devices that the machine has.  What a file is in
  // (BlockOptions::loop) gets the one of `files` with its path, or else the one
  // that is there now; one that can not be opened is EIO for whoever reads or
  // writes.
  explicit LoopDriver(Machine& machine, Files files = {});
  ~LoopDriver();
  LoopDriver(const LoopDriver&) = delete;
  LoopDriver& operator=(const LoopDriver&) = delete;

  // ioctl(2) of /dev/loop-control: LOOP_CTL_ADD, _REMOVE, _GET_FREE; the number
  // of the device.  ENOSYS: another command; EEXIST, ENODEV, EBUSY.
  absl::StatusOr<int> Control(const BlockIoctl& request);

  // For the next driver, of another machine with the same devices; this one's
  // loop devices have none then.
  Files TakeFiles();

  // Those whose file could not be opened, each as a line for people.
  std::vector<std::string> Unopened() const;

  // Whether `bdev` is a whole loop device.
  bool Owns(const BlockDevice& bdev) const;

  // The LOOP_* commands of such a device, opened with `mode` (FMODE_*).
  // ENXIO: no file is in it; EBUSY: one is; EINVAL; ENOTTY: no such command.
  absl::StatusOr<int> Ioctl(BlockDevice& bdev, unsigned mode,
                            const BlockIoctl& request);

  // The last opener has closed it: LO_FLAGS_AUTOCLEAR.
  void Closed(BlockDevice& bdev);

 private:
  struct Loop;
  Loop* Find(const BlockDevice& bdev) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::StatusOr<Loop*> Add(int number) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Loop devices that the machine has and the driver does not know yet.
  void Adopt(Files files) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Restore(Loop& loop, const LoopBacking& backing, OpenFile open_file)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Tells the machine what has been set.
  void Publish(const Loop& loop) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // The parts of Ioctl().
  absl::Status Configure(Loop& loop, unsigned mode, const loop_config& config,
                         int fd) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status ChangeFd(Loop& loop, int fd) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status SetStatus(Loop& loop, const loop_info64& info)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status SetNumber(Loop& loop, const BlockIoctl& request)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  loop_info64 StatusOf(const Loop& loop) const;
  void Clear(Loop& loop) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void UseFile(Loop& loop) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Place(Loop& loop) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status DoIoctl(Loop& loop, BlockDevice& bdev, unsigned mode,
                       const BlockIoctl& request)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ReadPartitions(Loop& loop) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Machine& machine_;
  mutable absl::Mutex mu_;
  std::map<int, std::unique_ptr<Loop>> loops_ ABSL_GUARDED_BY(mu_);
  std::vector<std::string> unopened_ ABSL_GUARDED_BY(mu_);
};

}  // namespace dmdax

#endif  // DMDAX_BLOCK_LOOP_LOOP_H_
