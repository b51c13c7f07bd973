// SPDX-License-Identifier: Apache-2.0
//
// MappedReads: long reads of devices, from the file that has the bytes straight
// into the task's memory.
//
//   MappedReads reads(machine);
//   size_t done = reads.Read(file, offset, memory, address, size);
//   // the rest by message; 0 where there is no lease (server/protocol.h)
//
// A message is two copies, one of them into memory that nobody needs, and takes
// half as long again as a read of the file does.  A copy from a window on the
// file is one.
//
// Holes are left to messages: looked at through a window they become pages.
// Threading: thread-safe.
#ifndef DMDAX_RUN_NOTIFY_MAPPED_READ_H_
#define DMDAX_RUN_NOTIFY_MAPPED_READ_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "run/notify/machine_client.h"
#include "run/notify/open_files.h"
#include "run/notify/target_memory.h"

namespace dmdax::run {

class MappedReads {
 public:
  explicit MappedReads(MachineClient& machine) : machine_(machine) {}

  // Whether it may be the way for `size` bytes.
  bool IsWorth(const OpenFile& file, uint64_t size);
  // How many of the bytes; what an error kept back is the server's to say.
  size_t Read(const OpenFile& file, uint64_t offset, const TargetMemory& memory,
              uint64_t address, size_t size);

 private:
  class Page;
  class Window;
  // A run of a device that is a run of a file; or, with no length, that there
  // is none in this generation.
  struct Lease {
    uint64_t handle = 0, offset = 0, length = 0, file_offset = 0;
    uint64_t generation = 0;
    std::shared_ptr<const Fd> fd;
    std::shared_ptr<const Window> window;
  };

  std::shared_ptr<Page> ThePage();
  std::optional<Lease> Find(const OpenFile& file, uint64_t offset,
                            uint64_t size, const Page& page);
  // Of the lease's file, with the byte at `at`; null: it cannot be mapped.
  std::shared_ptr<const Window> WindowAt(const Lease& lease, uint64_t at);

  MachineClient& machine_;
  absl::Mutex lock_;
  uint64_t epoch_ ABSL_GUARDED_BY(lock_) = 0;
  std::shared_ptr<Page> page_ ABSL_GUARDED_BY(lock_);
  std::list<Lease> leases_ ABSL_GUARDED_BY(lock_);  // the latest first
};

}  // namespace dmdax::run

#endif  // DMDAX_RUN_NOTIFY_MAPPED_READ_H_
