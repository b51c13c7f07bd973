// SPDX-License-Identifier: Apache-2.0
//
// What of an answer is the nature of the guest that gave it, and no statement
// about the device-mapper: what a module logs at its first use in a boot, what
// depends on the host's processor, how long an I/O took.  Such is named, one
// by one, and not compared.
#ifndef DMDAX_TESTS_CONFORMANCE_GUEST_NATURE_H_
#define DMDAX_TESTS_CONFORMANCE_GUEST_NATURE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/kernel_profile.h"
#include "tests/conformance/verdict.h"

namespace dmdax::conformance {

// Why a line of the log is the guest's, or "".
std::string GuestLine(absl::string_view line);

// `lines` without the guest's.  They are named in `verdict` if it is given.
Json WithoutGuestLines(const std::string& where, const Json& lines,
                       Verdict* verdict);

// What @stats_print said, with zeros where it counts time.
Json WithoutTimes(const std::string& where, const Json& stdout_text,
                  Verdict* verdict);

// `kernel`, with the number that a vdo device of `ours` has: they go on over
// all cases of a boot.  `*first`: that of the first of this case, once it is
// known.
Json WithOurVdoNumbers(const std::string& where, const Json& kernel,
                       const Json& ours, std::optional<int>* first,
                       Verdict& verdict);

// The target type that the guest's kernel was built without, though others of
// its release have it; "": none.  From there on its answers are about nothing.
std::string MissingType(const Json& recorded, const KernelProfile& profile);

// The hash that the guest has no module of though its kernel has it, as the
// target said of the step's table; "": none.
std::string MissingHash(const Json& step, const Json& recorded);

// Takes out of `devs` the devices that nobody can open any more and a kernel
// thread has not removed yet: their attributes are null.  Whether there were
// any.
bool DropHalfRemoved(const std::string& where, Json* devs, Verdict& verdict);

// Whether a command that was stopped for taking too long had done what it was
// to do, and had only to exit, in a guest that got no time.
bool WasAboutToEnd(const Json& recorded);

// Whether a command was stopped for taking too long though it waited for
// nothing in the kernel: how far it had come is the guest's.
bool WasStoppedAtWork(const Json& recorded);

// Whether the guest lost the trace of a mapping: a touch counted a fault, and
// nothing was recorded of it.
bool TraceIsLost(const Json& steps);

// Why the guest can not mount what mkfs made, or "".
std::string MountIsGuests(const Json& mount);

// Our lines without those that the kernel's rate limit may have suppressed: of
// the kinds that have one, what `kernel` lacks.
Json WithoutSuppressed(const std::string& where, const Json& kernel,
                       const Json& ours, Verdict& verdict);

// Lines "type version" of the target types that are there: those of modules
// that were loaded on demand stand before the others, those used last first,
// and some were loaded by earlier cases.  True if there are such: then both
// sides are sorted, and the kernel's without what only earlier cases had use
// for.
bool WithoutLoadOrder(const std::string& where, const Json& env,
                      const KernelProfile& profile,
                      std::vector<std::string>* kernel,
                      std::vector<std::string>* ours, Verdict& verdict);

// `once`, if `kernel` is that again and again, as dmsetup does with --interval
// until it is killed; else `kernel`.
std::string WithoutRepeats(const std::string& where, const std::string& kernel,
                           const std::string& once, Verdict& verdict);

}  // namespace dmdax::conformance

#endif  // DMDAX_TESTS_CONFORMANCE_GUEST_NATURE_H_
