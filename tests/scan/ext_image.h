// SPDX-License-Identifier: Apache-2.0
//
// ExtImage: a file system that mke2fs makes of a tree of files.
//
//   ExtImage image("-t ext4 -O ^has_journal", "8M");
//   image.Debugfs("fallocate /new 0 100");
//   absl::StatusOr<ScannedFileSystem> fs = image.Scan();
//
// What is in the tree Tree() says; it is made once.
#ifndef DMDAX_TESTS_SCAN_EXT_IMAGE_H_
#define DMDAX_TESTS_SCAN_EXT_IMAGE_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "process/scan/ext_scan.h"

namespace dmdax {

// The regular files of the tree and what is in them.  "db/a" is a name of
// "data" too; a symbolic link and a FIFO are not in the list.
const std::map<std::string, std::string>& TreeFiles();

class ExtImage {
 public:
  // mke2fs with these words; "": a device of zeros.
  ExtImage(const std::string& words, const std::string& size);

  // Runs a request of debugfs on it, which may write; what that prints.
  std::string Debugfs(const std::string& request);

  std::string& bytes() { return bytes_; }
  const std::string& bytes() const { return bytes_; }
  absl::StatusOr<ScannedFileSystem> Scan();
  // The same, where a read of this byte is EIO.
  absl::StatusOr<ScannedFileSystem> ScanWithBadByte(uint64_t bad);

 private:
  void Load();

  std::string path_;
  std::string bytes_;
};

// A file as its extents have it, holes and unwritten ones as zeros.
std::string ContentOf(const ScannedFile& file, const std::string& image);
// The file of this name; fails the test if there is none.
ScannedFile FindScanned(const ScannedFileSystem& fs, const std::string& name);

}  // namespace dmdax

#endif  // DMDAX_TESTS_SCAN_EXT_IMAGE_H_
