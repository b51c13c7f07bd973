// SPDX-License-Identifier: Apache-2.0
//
// RunDmsetup: one dmsetup command line against an emulated kernel.
//
//   DmsetupResult r = RunDmsetup(ctl, {"create", "d0"}, "0 8 zero\n");
//   r.rc;    // 0
//   r.err;   // ""
//
// Output bytes and exit codes are those of dmsetup 1.02.185.  Why the kernel
// refused something is in ctl.machine().log(), as it is in dmesg.
#ifndef DMDAX_TOOLS_DMSETUP_DMSETUP_H_
#define DMDAX_TOOLS_DMSETUP_DMSETUP_H_

#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "dm/dm_ioctl.h"
#include "tools/dmsetup/facts.h"

namespace dmdax {

struct DmsetupResult {
  int rc = 0;
  std::string out;
  std::string err;
  // More than dmsetup says: "<stdin>:2:3: 'x' is not a length in sectors".
  std::vector<std::string> hints;
  // What the kernel would have done and we do not model: "not modelled: ...".
  std::vector<std::string> not_modelled;
  int ioctl_errno = 0;  // of the last ioctl that failed
  // The command waits for an event (`wait`); out, err and rc are not final.
  bool would_block = false;
  // dmsetup would say that again and again (--interval without --count); rc is
  // 0.
  bool endless = false;
};

// The bytes of the files that a command line names, by path.  Whoever runs a
// line twice passes them on: a pipe can not be read again.
using DmsetupFiles = std::map<std::string, std::string>;

// `args` are the words after the program's name; `input` is what standard
// input holds; `program` is the name that getopt's messages begin with;
// `waited`: the same line has been run before and would_block; `files`, if
// given: what a run before this one has read, to which this one adds;
// `facts`, if given: gets what `out` says of devices and targets, for programs.
DmsetupResult RunDmsetup(DmCtl& ctl, absl::Span<const std::string> args,
                         std::string input,
                         const std::string& program = "dmsetup",
                         bool waited = false, DmsetupFiles* files = nullptr,
                         DmsetupFacts* facts = nullptr);

// Whether this command line reads standard input (create and load without a
// table, a file or --notable).
bool DmsetupReadsInput(absl::Span<const std::string> args);

// Whether this verb leaves the machine as it is; false for what is no verb.
bool DmsetupOnlyAsks(absl::string_view verb);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_DMSETUP_H_
