// SPDX-License-Identifier: Apache-2.0
//
// Task: a process that maps files and touches them, and remembers what it
// did, so that a snapshot can do it again.
//
//   Task task(/*pid=*/1, faults, mem);
//   absl::StatusOr<VmAreaStruct*> vma = task.Map(
//       {.file = file, .length = 16 << 20});
//   TouchReport report = task.Touch((*vma)->vm_start, AccessKind::kWrite);
//   report.outcome.order;        // 9: a PMD
//   report.outcome.reason;       // else why not
//
// Mirrors: mmap(2), munmap(2) and one load or store.
// Threading: thread-compatible.
#ifndef DMDAX_PROCESS_TASK_H_
#define DMDAX_PROCESS_TASK_H_

#include <sys/mman.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "mm/mm_struct.h"

namespace dmdax {

enum class AccessKind { kRead, kWrite };

enum class VmaHuge { kDefault, kHugepage, kNohugepage };  // madvise(2)

struct VmaOptions {
  std::shared_ptr<File> file;  // null: anonymous memory
  uint64_t offset = 0;         // bytes; multiple of the page size
  uint64_t length = 0;         // bytes
  uint64_t address = 0;        // bytes; 0: the kernel picks
  int prot = PROT_READ | PROT_WRITE;
  bool is_private = false;  // MAP_PRIVATE
  bool sync = false;        // MAP_SHARED_VALIDATE | MAP_SYNC
  VmaHuge huge = VmaHuge::kDefault;
};

// EINVAL with the field "flags" for a mapping that is private and sync: Map()
// would take it, as the kernel does, and leave the sync out.
absl::Status CheckMapSync(const VmaOptions& options);

struct TouchReport {
  FaultOutcome outcome;
  // Its events and calls; FaultGraph() of mm/fault_graph.h makes lines of them,
  // as function_graph prints them.
  FaultRecorder record;
  // FILE or shared memory behind the address; null: nothing is mapped.
  const VmAreaStruct* vma = nullptr;
};

// An access that was made.
struct TouchRecord {
  uint64_t address = 0;
  AccessKind kind = AccessKind::kRead;
  uint64_t sequence = 0;  // over all tasks of a machine
};

class Task {
 public:
  Task(uint32_t pid, const FaultProfile& faults, MemMap& mem);

  uint32_t pid() const { return pid_; }
  MmStruct& mm() { return mm_; }
  FaultRecorder& recorder() { return recorder_; }
  void set_comm(const std::string& comm) { mm_.comm = comm; }

  // mmap(2): EINVAL with a field for what is not aligned, else as
  // MmStruct::Mmap().  A mapping at a given address replaces what was there.
  absl::StatusOr<VmAreaStruct*> Map(const VmaOptions& options);
  // munmap(2); forgets the touches in the range.
  absl::Status Unmap(uint64_t address, uint64_t length);
  // One access; `sequence` is kept with it.
  TouchReport Touch(uint64_t address, AccessKind kind, uint64_t sequence = 0);
  // The same without reports, for a World that has many.
  void Repeat(absl::Span<const TouchRecord> touches);

  const std::vector<TouchRecord>& touches() const { return touches_; }

 private:
  const uint32_t pid_;
  const FaultProfile& faults_;
  FaultRecorder recorder_;
  MmStruct mm_;
  std::vector<TouchRecord> touches_;
};

}  // namespace dmdax

#endif  // DMDAX_PROCESS_TASK_H_
