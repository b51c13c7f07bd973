// SPDX-License-Identifier: Apache-2.0
#include "tools/stdout_buffer.h"

#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <iostream>
#include <string_view>

namespace dmdax {

StdoutBuffer::StdoutBuffer()
    : by_line_(isatty(STDOUT_FILENO) == 1), before_(std::cout.rdbuf(this)) {
  setp(bytes_.data(), bytes_.data() + bytes_.size());
}

StdoutBuffer::~StdoutBuffer() {
  sync();
  std::cout.rdbuf(before_);
}

std::streambuf::int_type StdoutBuffer::overflow(int_type c) {
  if (sync() != 0) return traits_type::eof();
  if (!traits_type::eq_int_type(c, traits_type::eof())) {
    *pptr() = traits_type::to_char_type(c);
    pbump(1);
    if (by_line_ && *(pptr() - 1) == '\n' && sync() != 0) {
      return traits_type::eof();
    }
  }
  return traits_type::not_eof(c);
}

std::streamsize StdoutBuffer::xsputn(const char* text, std::streamsize size) {
  const std::streamsize put = std::streambuf::xsputn(text, size);
  const std::string_view done(text, static_cast<size_t>(put));
  if (by_line_ && done.find('\n') != done.npos) sync();
  return put;
}

int StdoutBuffer::sync() {
  const char* at = pbase();
  while (error_ == 0 && at < pptr()) {
    const ssize_t n =
        write(STDOUT_FILENO, at, static_cast<size_t>(pptr() - at));
    if (n >= 0) {
      at += n;
    } else if (errno != EINTR) {
      error_ = errno;
    }
  }
  // What cannot be written is not kept.
  setp(bytes_.data(), bytes_.data() + bytes_.size());
  return error_ == 0 ? 0 : -1;
}

}  // namespace dmdax
