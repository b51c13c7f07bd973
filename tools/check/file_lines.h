// SPDX-License-Identifier: Apache-2.0
//
// Lines that give many files of a fresh file system their blocks: each line has
// a loop, and the sizes and paths of as many files as a terminal takes in a
// line.
//
// Threading: thread-compatible.
#ifndef DMDAX_TOOLS_CHECK_FILE_LINES_H_
#define DMDAX_TOOLS_CHECK_FILE_LINES_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tools/check/cure.h"

namespace dmdax {

class FileLines {
 public:
  struct Options {
    std::string fs;         // "ext4" or "xfs"
    std::string at;         // where the file system is mounted
    std::string disk = "";  // ext4: what KernelNameWord() has of the device
  };
  enum class DaxFlag { kNone, kSet };

  explicit FileLines(Options options) : options_(std::move(options)) {}

  // Whether a line can have the name: read ends at a line break.
  static bool Takes(const std::string& path) {
    return path.find('\n') == path.npos;
  }
  // `path` as it is typed.
  void Add(const std::string& path, uint64_t size, DaxFlag flag);
  std::vector<CureStep> Steps();

 private:
  std::string Line(const std::string& words, DaxFlag flag) const;
  void End(DaxFlag flag);

  const Options options_;
  std::string words_[2];  // of the line that is not full yet, by flag
  std::vector<CureStep> steps_;
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_FILE_LINES_H_
