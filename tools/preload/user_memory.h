// SPDX-License-Identifier: Apache-2.0
//
// copy_from_user() and copy_to_user(): memory of the process behind a pointer
// that may lead nowhere, which is EFAULT and not the end of the process.
//
//   std::string request = ReadUser(pointer, 312);  // shorter: EFAULT
//   bool written = WriteUser(pointer, request);
#ifndef DMDAX_TOOLS_PRELOAD_USER_MEMORY_H_
#define DMDAX_TOOLS_PRELOAD_USER_MEMORY_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace dmdax::preload {

// As many of the bytes as can be read.
std::string ReadUser(const void* pointer, size_t size);
// Whether all of `bytes` could be written.
bool WriteUser(void* pointer, absl::string_view bytes);

}  // namespace dmdax::preload

#endif  // DMDAX_TOOLS_PRELOAD_USER_MEMORY_H_
