// SPDX-License-Identifier: Apache-2.0
//
// Fd: a file descriptor of the host that closes itself.
//
//   const Fd fd(open("/dev/null", O_RDONLY | O_CLOEXEC));
//   if (!fd.ok()) return ErrnoError(errno, "cannot open");
//
// Threading: thread-compatible.
#ifndef DMDAX_BASE_FD_H_
#define DMDAX_BASE_FD_H_

#include <unistd.h>

#include <utility>

namespace dmdax {

class Fd {
 public:
  // Takes over `fd`; a negative number is no descriptor.
  explicit Fd(int fd = -1) : fd_(fd) {}
  ~Fd() { Reset(); }
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    Reset();
    fd_ = std::exchange(other.fd_, -1);
    return *this;
  }

  bool ok() const { return fd_ >= 0; }
  int get() const { return fd_; }

 private:
  void Reset() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

  int fd_;
};

}  // namespace dmdax

#endif  // DMDAX_BASE_FD_H_
