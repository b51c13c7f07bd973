// SPDX-License-Identifier: Apache-2.0
//
// ReadInput: reads a file, a pipe or standard input as a whole, or refuses it.
//
//   absl::StatusOr<std::string> table = ReadInput("home.table");
//   absl::StatusOr<std::string> world = ReadInput("-");  // standard input
//
// A read that fails in the middle is an error and never a shorter input,
// because half a machine looks like a machine.  A directory is an error too.
// The bound is checked while reading, so an endless input takes no more memory
// than the bound.
//
// Errors: the errno of open(2) or read(2), with the path and the cause in the
// message; EFBIG above the bound; a UsageError() for standard input that
// somebody has asked for before, as its bytes are gone.
// Threading: thread-safe, as far as nobody else reads the same descriptor.
#ifndef DMDAX_BASE_READ_INPUT_H_
#define DMDAX_BASE_READ_INPUT_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace dmdax {

// The most that one input may have, in bytes: 1 GiB.
inline constexpr uint64_t kMaxInput = uint64_t{1} << 30;

// How errors and positions call an input: "<stdin>" for "-".
std::string InputName(const std::string& path);

// All of the file at `path`, or of standard input for "-"; at most `limit`
// bytes.  ENOENT for an empty path.
absl::StatusOr<std::string> ReadInput(const std::string& path,
                                      uint64_t limit = kMaxInput);

// For who reads standard input without ReadInput(): OK the first time in a
// process, a UsageError() ever after.
absl::Status TakeStandardInput();

// All that is left of `fd`, which errors call `name`.
absl::StatusOr<std::string> ReadFd(int fd, absl::string_view name,
                                   uint64_t limit = kMaxInput);

// Up to `size` bytes, fewer only at the end of the input; for a caller that
// works a block at a time.
absl::StatusOr<size_t> ReadBlock(int fd, absl::string_view name, char* data,
                                 size_t size);

}  // namespace dmdax

#endif  // DMDAX_BASE_READ_INPUT_H_
