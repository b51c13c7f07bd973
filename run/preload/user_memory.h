// SPDX-License-Identifier: Apache-2.0
//
// copy_from_user() and copy_to_user(): memory of the process behind a pointer
// that may lead nowhere, which is EFAULT and not the end of the process.
//
//   char head[312];
//   size_t n = ReadUser(pointer, head, sizeof(head));   // fewer: EFAULT
//   bool written = WriteUser(pointer, head, n);
//
// Each is a system call.  A call that reads a head and is going to write it
// back has two of three in one:
//
//   const UserHead u = ReadUserHead(pointer, head, sizeof(head), 12);
//   if (!u.writable) return EFAULT;      // before anything is done
//   WriteUserHead(pointer, head, n);
//
// Threading: thread-safe, async-signal-safe.
#ifndef DMDAX_RUN_PRELOAD_USER_MEMORY_H_
#define DMDAX_RUN_PRELOAD_USER_MEMORY_H_

#include <cstddef>

namespace dmdax::preload {

// As many of the bytes as can be read.
size_t ReadUser(const void* pointer, void* to, size_t size);
// Whether all of the bytes could be written.
bool WriteUser(void* pointer, const void* from, size_t size);

struct UserHead {
  size_t size;    // as many of the bytes as can be read
  bool writable;  // the first of them could be written
};
// The first `written` bytes are written as they are, the kernel's way to see
// whether they can be.
UserHead ReadUserHead(void* pointer, void* to, size_t size, size_t written);
// WriteUser() of memory that has been found writable: where all is in one page
// with its first byte, no system call is needed to know that it still is.  Not
// for who has waited meanwhile.
bool WriteUserHead(void* pointer, const void* from, size_t size);

}  // namespace dmdax::preload

#endif  // DMDAX_RUN_PRELOAD_USER_MEMORY_H_
