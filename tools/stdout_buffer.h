// SPDX-License-Identifier: Apache-2.0
//
// StdoutBuffer: std::cout, which remembers why a write failed.
//
// The standard library's own buffer forgets it: an answer that is longer than
// the buffer fails long before anybody asks.
//
//   StdoutBuffer buffer;  // std::cout writes through it while it lives
//   std::cout << answer << std::flush;
//   if (buffer.error() != 0) return buffer.error();  // ENOSPC
//
// On a terminal each line is written when it ends.
// Threading: as std::cout, whose text gets mixed by two threads; here it gets
// lost too.
#ifndef DMDAX_TOOLS_STDOUT_BUFFER_H_
#define DMDAX_TOOLS_STDOUT_BUFFER_H_

#include <array>
#include <streambuf>

namespace dmdax {

class StdoutBuffer : public std::streambuf {
 public:
  StdoutBuffer();
  ~StdoutBuffer() override;
  StdoutBuffer(const StdoutBuffer&) = delete;
  StdoutBuffer& operator=(const StdoutBuffer&) = delete;

  // The errno of the first write that failed; 0: none did.
  int error() const { return error_; }

 protected:
  int_type overflow(int_type c) override;
  std::streamsize xsputn(const char* text, std::streamsize size) override;
  int sync() override;

 private:
  std::array<char, 1 << 16> bytes_;
  const bool by_line_;
  int error_ = 0;
  std::streambuf* const before_;
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_STDOUT_BUFFER_H_
