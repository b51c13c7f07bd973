// SPDX-License-Identifier: Apache-2.0
#include "base/read_input.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/fd.h"
#include "base/usage_error.h"

namespace dmdax {
namespace {

constexpr size_t kBlock = 256 << 10;

absl::Status CannotRead(absl::string_view name) {
  const int err = errno;
  return ErrnoError(err,
                    absl::StrCat("cannot read '", name, "': ", ErrnoText(err)));
}

}  // namespace

std::string InputName(const std::string& path) {
  return path == "-" ? "<stdin>" : path;
}

absl::StatusOr<size_t> ReadBlock(int fd, absl::string_view name, char* data,
                                 size_t size) {
  size_t done = 0;
  while (done < size) {
    const ssize_t n = read(fd, data + done, size - done);
    if (n == 0) break;
    if (n > 0) {
      done += static_cast<size_t>(n);
    } else if (errno != EINTR) {
      return CannotRead(name);
    }
  }
  return done;
}

absl::StatusOr<std::string> ReadFd(int fd, absl::string_view name,
                                   uint64_t limit) {
  std::string all;
  std::vector<char> block(kBlock);
  while (true) {
    absl::StatusOr<size_t> n = ReadBlock(fd, name, block.data(), block.size());
    if (!n.ok()) return n.status();
    if (*n > limit - all.size()) {
      return ErrnoError(EFBIG,
                        absl::StrCat("'", name, "' has more than ", limit,
                                     " bytes, which is the most dmdax reads"));
    }
    all.append(block.data(), *n);
    if (*n < block.size()) return all;
  }
}

absl::Status TakeStandardInput() {
  static std::atomic<bool> taken{false};
  if (!taken.exchange(true)) return absl::OkStatus();
  return UsageError("standard input is asked for twice");
}

absl::StatusOr<std::string> ReadInput(const std::string& path, uint64_t limit) {
  if (path == "-") {
    if (absl::Status s = TakeStandardInput(); !s.ok()) return s;
    return ReadFd(STDIN_FILENO, InputName(path), limit);
  }
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.ok()) return CannotRead(path);
  return ReadFd(fd.get(), path, limit);
}

}  // namespace dmdax
