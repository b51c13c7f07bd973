// SPDX-License-Identifier: Apache-2.0
#include "run/preload/mounts.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "run/preload/libc.h"

namespace dmdax::preload {
namespace {

// "36 35 98:0 /mnt ...": the third word of a line, a byte at a time.
class Filter {
 public:
  explicit Filter(int out) : out_(out) {}
  void Take(char c) {
    if (word_ == 2 && c == ':') number_is_zero_ = length_ == 1 && last_ == '0';
    // Devices of file systems without a disk have major 0.
    if (word_ == 2 && c == ':' && !number_is_zero_) {
      used_ -= length_;
      Put('0');
    }
    if (word_ == 2 && c != ':' && c != ' ' && seen_colon_ == false) ++length_;
    last_ = c;
    Put(c);
    if (c == ':' && word_ == 2) seen_colon_ = true;
    if (c == ' ') ++word_;
    if (c == '\n') {
      word_ = 0;
      length_ = 0;
      seen_colon_ = false;
      Flush();
    }
  }
  void Flush() {
    [[maybe_unused]] const ssize_t ignored = NEXT(write)(out_, line_, used_);
    used_ = 0;
  }

 private:
  void Put(char c) {
    // A line that is longer goes on its way; its numbers are behind us.
    if (used_ == sizeof(line_)) Flush();
    line_[used_++] = c;
  }

  const int out_;
  char line_[4096];
  size_t used_ = 0, length_ = 0;
  int word_ = 0;
  char last_ = 0;
  bool number_is_zero_ = false, seen_colon_ = false;
};

}  // namespace

bool IsMountInfo(const char* path) {
  int pid;
  char end;
  if (path == nullptr || strncmp(path, "/proc/", 6) != 0) return false;
  return strcmp(path, "/proc/self/mountinfo") == 0 ||
         (sscanf(path, "/proc/%d/mountinf%c", &pid, &end) == 2 &&
          strcmp(strrchr(path, '/'), "/mountinfo") == 0);
}

int OpenMountInfo(const char* path, int flags) {
  const int in = NEXT(openat)(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
  if (in < 0) return in;
  const int out = memfd_create(
      "mountinfo", (flags & O_CLOEXEC) != 0 ? unsigned{MFD_CLOEXEC} : 0u);
  if (out >= 0) {
    Filter filter(out);
    char bytes[4096];
    ssize_t n;
    while ((n = NEXT(read)(in, bytes, sizeof(bytes))) > 0) {
      for (ssize_t i = 0; i < n; ++i) filter.Take(bytes[i]);
    }
    filter.Flush();
    NEXT(lseek)(out, 0, SEEK_SET);
  }
  NEXT(close)(in);
  return out;
}

}  // namespace dmdax::preload
