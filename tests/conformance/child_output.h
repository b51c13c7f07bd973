// SPDX-License-Identifier: Apache-2.0
//
// ChildOutput: what the programs print that a command runs (`dmsetup ls
// --exec`), which would go to the terminal.
//
//   ChildOutput output;
//   RunDmsetup(ctl, {"ls", "--exec", "echo"}, "");
//   output.Take();  // "/dev/mapper/d0\n"
//
// Threading: one at a time, and nobody else writes to descriptor 1 meanwhile.
#ifndef DMDAX_TESTS_CONFORMANCE_CHILD_OUTPUT_H_
#define DMDAX_TESTS_CONFORMANCE_CHILD_OUTPUT_H_

#include <string>

#include "base/fd.h"

namespace dmdax::conformance {

class ChildOutput {
 public:
  ChildOutput();
  ~ChildOutput() { Take(); }
  ChildOutput(const ChildOutput&) = delete;
  ChildOutput& operator=(const ChildOutput&) = delete;

  // All of it so far; descriptor 1 is what it was again.
  std::string Take();

 private:
  Fd file_, saved_;
};

}  // namespace dmdax::conformance

#endif  // DMDAX_TESTS_CONFORMANCE_CHILD_OUTPUT_H_
