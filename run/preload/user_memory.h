// SPDX-License-Identifier: Apache-2.0
//
// copy_from_user() and copy_to_user(): memory of the process behind a pointer
// that may lead nowhere, which is EFAULT and not the end of the process.
//
//   char head[312];
//   size_t n = ReadUser(pointer, head, sizeof(head));   // fewer: EFAULT
//   bool written = WriteUser(pointer, head, n);
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

}  // namespace dmdax::preload

#endif  // DMDAX_RUN_PRELOAD_USER_MEMORY_H_
