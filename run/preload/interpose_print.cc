// SPDX-License-Identifier: Apache-2.0
//
// What libc writes to a descriptor itself, past write(2).
#include <execinfo.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "run/preload/file.h"
#include "run/preload/libc.h"

extern "C" {
// What the compiler puts in their place with _FORTIFY_SOURCE.
int __dprintf_chk(int fd, int level, const char* format, ...);
int __vdprintf_chk(int fd, int level, const char* format, va_list args);
}

namespace {

// All of it: how many bytes, or -1 with errno.
int WriteAll(int fd, const char* text, int size) {
  for (int done = 0; done < size;) {
    const ssize_t n = write(fd, text + done, static_cast<size_t>(size - done));
    if (n < 0) return -1;
    done += static_cast<int>(n);
  }
  return size;
}

int Print(int fd, const char* format, va_list args) {
  char* text = nullptr;
  const int size = vasprintf(&text, format, args);
  if (size < 0) return size;
  const int result = WriteAll(fd, text, size);
  free(text);
  return result;
}

}  // namespace

using namespace dmdax::preload;  // for what is in front of libc's names

EXPORT int vdprintf(int fd, const char* format, va_list args) {
  if (FileOf(fd)) return Print(fd, format, args);
  return NEXT(vdprintf)(fd, format, args);
}
EXPORT int dprintf(int fd, const char* format, ...) {
  va_list args;
  va_start(args, format);
  const int result = vdprintf(fd, format, args);
  va_end(args);
  return result;
}
EXPORT int __vdprintf_chk(int fd, int level, const char* format, va_list args) {
  if (FileOf(fd)) return Print(fd, format, args);
  return NEXT(__vdprintf_chk)(fd, level, format, args);
}
EXPORT int __dprintf_chk(int fd, int level, const char* format, ...) {
  va_list args;
  va_start(args, format);
  const int result = __vdprintf_chk(fd, level, format, args);
  va_end(args);
  return result;
}
EXPORT void backtrace_symbols_fd(void* const* frames, int count,
                                 int fd) noexcept {
  if (!FileOf(fd)) return NEXT(backtrace_symbols_fd)(frames, count, fd);
  char** const names = NEXT(backtrace_symbols)(frames, count);
  for (int i = 0; names != nullptr && i < count; ++i) {
    dprintf(fd, "%s\n", names[i]);
  }
  free(names);
}
