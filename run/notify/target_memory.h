// SPDX-License-Identifier: Apache-2.0
//
// TargetMemory: the memory of a task that waits in a notified system call.
//
//   TargetMemory memory(notification.pid);
//   absl::StatusOr<std::string> path = memory.ReadString(address);
//
// The task cannot go on meanwhile: it waits killable (listener.h).  Another
// thread of its process can change the bytes, and so be answered for others
// than it sent; no program does that to its own calls.
//
// Errors: EFAULT as the kernel's copy_from_user(); ESRCH, it is gone;
// ENAMETOOLONG of a string of 4096 bytes or more.  Needs what ptrace(2) needs,
// which a parent has.  Threading: thread-safe.
// Mirrors: strncpy_from_user and copy_to_user, lib/strncpy_from_user.c.
#ifndef DMDAX_RUN_NOTIFY_TARGET_MEMORY_H_
#define DMDAX_RUN_NOTIFY_TARGET_MEMORY_H_

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace dmdax::run {

class TargetMemory {
 public:
  explicit TargetMemory(pid_t tid) : tid_(tid) {}

  // As many of the bytes as there are memory for.
  size_t ReadSome(uint64_t address, absl::Span<char> out) const;
  size_t WriteSome(uint64_t address, absl::Span<const char> bytes) const;
  // All of the bytes.
  absl::Status Read(uint64_t address, absl::Span<char> out) const;
  absl::Status Write(uint64_t address, absl::Span<const char> bytes) const;
  // Up to the first NUL.
  absl::StatusOr<std::string> ReadString(uint64_t address) const;

  template <typename T>
  absl::StatusOr<T> ReadObject(uint64_t address) const {
    T object{};
    absl::Status status =
        Read(address,
             absl::MakeSpan(reinterpret_cast<char*>(&object), sizeof(object)));
    if (!status.ok()) return status;
    return object;
  }
  template <typename T>
  absl::Status WriteObject(uint64_t address, const T& object) const {
    return Write(address,
                 absl::MakeConstSpan(reinterpret_cast<const char*>(&object),
                                     sizeof(object)));
  }

 private:
  const pid_t tid_;
};

}  // namespace dmdax::run

#endif  // DMDAX_RUN_NOTIFY_TARGET_MEMORY_H_
