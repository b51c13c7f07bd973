// SPDX-License-Identifier: Apache-2.0
//
// OpenFiles: which open device of the machine a pipe stands for.  The pipe's
// inode says it, in whichever process and under whichever number it is
// (docs/protocol.md, "Why a descriptor is a pipe").
//
//   OpenFiles files(machine);
//   files.Remember(inode, {.handle = 7, .kind = DMDAX_KIND_BLOCK});
//   files.Find(inode)->handle;   // 7
//
// A stand-in is for descriptor numbers that the filter lets pass, such as 3: a
// pipe on which whatever the kernel does fails, and never succeeds with other
// bytes than the device's.  A copy of it at a number that is notified is the
// device.  While there is one, the device is kept open here.
//
// Threading: thread-safe.
#ifndef DMDAX_RUN_NOTIFY_OPEN_FILES_H_
#define DMDAX_RUN_NOTIFY_OPEN_FILES_H_

#include <cstdint>
#include <map>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "base/fd.h"
#include "run/notify/machine_client.h"

namespace dmdax::run {

struct OpenFile {
  uint64_t handle = 0;
  uint32_t kind = 0;  // enum dmdax_kind; 0: the server could not say
  uint64_t dev = 0;   // DMDAX_DEV
  int flags = 0;      // open(2)'s
  bool is_stand_in = false;
  // It was opened with O_PATH.
  bool is_path = false;
  bool IsControl() const;
  // The errno of all that can be done with its bytes, or 0.
  int Error() const;
};

class OpenFiles {
 public:
  explicit OpenFiles(MachineClient& machine);

  void Remember(uint64_t inode, const OpenFile& file);
  // Of a pipe with DMDAX_FD_MODE.
  OpenFile Find(uint64_t inode);

  // `real` is a copy of the device's descriptor.
  absl::StatusOr<Fd> MakeStandIn(const OpenFile& file, Fd real);
  // Closes the devices whose last stand-in is gone.  It is to be called before
  // anything is asked of the machine, and when watch_fd() can be read.
  void Reap();
  int watch_fd() const { return watch_.get(); }

 private:
  struct StandIn {
    OpenFile file;
    Fd real;
    Fd end;  // our end of the pipe
  };
  MachineClient& machine_;
  const Fd watch_;  // an epoll set of the ends
  absl::Mutex lock_;
  uint64_t epoch_ ABSL_GUARDED_BY(lock_) = 0;
  std::map<uint64_t, OpenFile> known_ ABSL_GUARDED_BY(lock_);
  std::map<uint64_t, StandIn> stand_ins_ ABSL_GUARDED_BY(lock_);
};

}  // namespace dmdax::run

#endif  // DMDAX_RUN_NOTIFY_OPEN_FILES_H_
