// SPDX-License-Identifier: Apache-2.0
//
// What of an answer is the nature of the guest that gave it, and no statement
// about the device-mapper: what a module logs at its first use in a boot, what
// depends on the host's processor, how long an I/O took.  Such is named, one
// by one, and not compared.
#ifndef DMDAX_TESTS_CONFORMANCE_GUEST_NATURE_H_
#define DMDAX_TESTS_CONFORMANCE_GUEST_NATURE_H_

#include <string>

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

// `dmsetup status` without how far mirrors have come that are not in sync.
Json WithoutProgress(const std::string& where, const Json& stdout_text,
                     Verdict* verdict);

// The target type that the guest's kernel was built without, though others of
// its release have it; "": none.  From there on its answers are about nothing.
std::string MissingType(const Json& recorded, const KernelProfile& profile);

// Our lines without those that the kernel's rate limit may have suppressed: of
// the kinds that have one, what `kernel` lacks.
Json WithoutSuppressed(const std::string& where, const Json& kernel,
                       const Json& ours, Verdict& verdict);

// `dmsetup targets`: types of modules that were loaded on demand stand before
// the others, those used last first.  Sorted if there are such, else as it is.
Json WithoutLoadOrder(const std::string& where, const Json& env,
                      const Json& stdout_text, Verdict* verdict);

}  // namespace dmdax::conformance

#endif  // DMDAX_TESTS_CONFORMANCE_GUEST_NATURE_H_
