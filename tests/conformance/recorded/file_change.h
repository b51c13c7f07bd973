// SPDX-License-Identifier: Apache-2.0
//
// What the steps of a recorded mapping do to the file, read from their words.
//
//   for (const FileChange& change : *ShellChanges("sync")) Do(change);
//   std::vector<std::vector<FileChange>> changes =
//       ChangesOfSteps(test["maps"][0]["touch"], result["maps"][0]);
//   changes[3];   // what the recording's step 3 changed
//
// Ours are operations of the mapping's own process ("punch@0:4096") and the
// generator's `sh:` commands, which run in another one.
#ifndef DMDAX_TESTS_CONFORMANCE_RECORDED_FILE_CHANGE_H_
#define DMDAX_TESTS_CONFORMANCE_RECORDED_FILE_CHANGE_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "tests/conformance/verdict.h"

namespace dmdax::conformance {

struct FileChange {
  enum class Kind { kTruncate, kWrite, kFallocate, kFsync, kSync } kind;
  uint64_t offset = 0;  // bytes; of a truncate the new size
  uint64_t length = 0;  // bytes
  int mode = 0;         // FALLOC_FL_*
};

// The mode of "falloc", "punch" and "zero", or nothing.
std::optional<int> FallocateMode(const std::string& op);

// What a shell command does to /mnt/f, in order: dd of zeros, the recording
// program's own fallocate, sync, and what leaves a file that is open as it is.
// Nothing: it is not about the file.
std::optional<std::vector<FileChange>> ShellChanges(const std::string& line);

// What the fallocate commands of a recorded map printed, in order.
std::deque<Json> FallocateAnswers(const Json& recorded);

// The changes that succeeded, by step.  Once the file has lost its name, shell
// commands do not reach it.
std::vector<std::vector<FileChange>> ChangesOfSteps(const Json& touches,
                                                    const Json& recorded);

// Whether one of the touches takes the file's name away.
bool RemovesFile(const Json& touches);

}  // namespace dmdax::conformance

#endif  // DMDAX_TESTS_CONFORMANCE_RECORDED_FILE_CHANGE_H_
