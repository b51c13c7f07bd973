// SPDX-License-Identifier: Apache-2.0
//
// What the `sh:` commands of a case do to the file that a process has mapped.
//
//   OtherProcess shell(fs, inode, recorded, verdict);
//   shell.Run("map 0 sh:sync", "sync");  // true: it was about the file
//
// Commands are those of ShellChanges().  They act in another process, so
// nothing of it is in the trace.
#ifndef DMDAX_TESTS_CONFORMANCE_RECORDED_OTHER_PROCESS_H_
#define DMDAX_TESTS_CONFORMANCE_RECORDED_OTHER_PROCESS_H_

#include <deque>
#include <string>

#include "fs/file_system.h"
#include "iomap/dax_inode.h"
#include "tests/conformance/recorded/file_change.h"
#include "tests/conformance/verdict.h"

namespace dmdax::conformance {

class OtherProcess {
 public:
  // `recorded`: of the map, whose stderr has what the commands printed.
  OtherProcess(FileSystem& fs, DaxInode& inode, const Json& recorded,
               Verdict& verdict);

  // False: `line` is not about the file.
  // `step`: what is recorded of it.
  bool Run(const std::string& where, const std::string& line, const Json& step);

 private:
  bool Does(const std::string& where, const std::string& line,
            const Json& step);
  // False: it did not get through, and its program ends.
  bool Apply(const std::string& where, const FileChange& change);
  void Fallocate(const std::string& where, const FileChange& change);

  FileSystem& fs_;
  DaxInode& inode_;
  Verdict& verdict_;
  std::deque<Json> answers_;  // of the recording program, in order
  bool removed_ = false;      // the file has no name any more
};

}  // namespace dmdax::conformance

#endif  // DMDAX_TESTS_CONFORMANCE_RECORDED_OTHER_PROCESS_H_
