// SPDX-License-Identifier: Apache-2.0
//
// What a recorded case did with programs other than dmsetup, as far as it
// changes the machine or its mapped devices: the recorded effect is applied,
// the program is not imitated.
#ifndef DMDAX_TESTS_CONFORMANCE_SHELL_STEPS_H_
#define DMDAX_TESTS_CONFORMANCE_SHELL_STEPS_H_

#include <string>

#include "state/session.h"
#include "tests/conformance/verdict.h"

namespace dmdax::conformance {

// One step of `pre`, `after_dm` or `mid`, with its recorded result.  Returns
// why it can not be applied, or "".
//
//   dmsetup   run; `dmsetup table` after an lvm command also creates what the
//             recording shows (LVM2 made it)
//   exec      `echo N > /sys/block/<disk>/queue/max_sectors_kb` is done; lvm,
//             mount and dd change nothing that is compared here
//   ndctl     nothing: the recording lists the namespaces that resulted
//   loop      adds the loop device
std::string RunCaseStep(Session& session, const Json& step,
                        const Json& recorded);

// What `sh -c` of a table's step printed.
struct ShellOutput {
  bool known = true;  // false: it is not what RunSysfsShell() knows
  int rc = 0;
  std::string out;
};

// `echo N > /sys/block/<disk>/queue/max_sectors_kb; cat ...`.
ShellOutput RunSysfsShell(Session& session, const std::string& line);

// A touch's shell line: dmsetup and echo, joined by ; && and |.
std::string RunShell(Session& session, const std::string& line);

}  // namespace dmdax::conformance

#endif  // DMDAX_TESTS_CONFORMANCE_SHELL_STEPS_H_
