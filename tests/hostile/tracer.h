// SPDX-License-Identifier: Apache-2.0
//
// Tracer: a command that is killed at one of its system calls, or in which one
// of them fails.
//
//   scratch.traced = true;
//   Traced t = Trace(scratch.Start({"create", "d0", "--notable"}),
//                    {.at = 17, .error = ENOSPC, .which = &IsWriting});
//   // t.harmed: there were 18 calls that write
#ifndef DMDAX_TESTS_HOSTILE_TRACER_H_
#define DMDAX_TESTS_HOSTILE_TRACER_H_

#include <sys/types.h>

#include <string>

namespace dmdax::hostile {

struct Call {
  long nr = -1;
  // What its first argument is open as, for those that take a descriptor.
  std::string file;
};

struct Harm {
  // Of the calls that `which` takes, the one with this number, from 0 on.
  int at = -1;
  // What it fails with, without having been made; 0: SIGKILL before it is.
  int error = 0;
  // Null: all.
  bool (*which)(const Call& call) = nullptr;
  // Those after it, too.
  bool and_later = false;
};

struct Traced {
  int rc = -1;     // exit status, or -1 if it was killed
  int signal = 0;  // that killed it
  bool harmed = false;
  Call call;  // the first one that was harmed
};

// `pid` has asked to be traced and is about to run a program (Scratch).
Traced Trace(pid_t pid, const Harm& harm);

// The calls that make a change and may fail for want of space or a bad disk.
bool IsWriting(const Call& call);
// fsync(2) and fdatasync(2).
bool IsSync(const Call& call);

}  // namespace dmdax::hostile

#endif  // DMDAX_TESTS_HOSTILE_TRACER_H_
