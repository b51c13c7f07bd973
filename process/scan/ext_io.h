// SPDX-License-Identifier: Apache-2.0
//
// ExtIo: the bytes of a device as an io_manager of libext2fs, for reading.
//
// libext2fs says of a read that failed only that it did; the first error of
// `read` is kept and told instead.  What lies behind the end of the device is a
// short read, which only damage asks for.
// Threading: thread-compatible.
#ifndef DMDAX_PROCESS_SCAN_EXT_IO_H_
#define DMDAX_PROCESS_SCAN_EXT_IO_H_

#include <ext2fs/ext2fs.h>

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "process/scan/ext_scan.h"

namespace dmdax {

class ExtIo {
 public:
  ExtIo(uint64_t size, ReadBytes read) : size_(size), read_(read) {}

  uint64_t size() const { return size_; }
  errcode_t Read(uint64_t at, absl::Span<char> bytes);
  // ext2fs_open2(); `*fs` reads from here, and goes first.
  errcode_t Open(const std::string& name, ext2_filsys* fs);

  // Why something failed: the first read that did, or EUCLEAN with the words
  // of libext2fs.
  absl::Status StatusOf(errcode_t error) const;
  // OK, or the error of the first read that failed.
  const absl::Status& read_error() const { return read_error_; }

 private:
  const uint64_t size_;
  const ReadBytes read_;
  absl::Status read_error_;
};

}  // namespace dmdax

#endif  // DMDAX_PROCESS_SCAN_EXT_IO_H_
