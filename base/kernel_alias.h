// SPDX-License-Identifier: Apache-2.0
//
// What people call kernels, and which profile answers.
//
//   absl::StatusOr<KernelAnswer> answer = AnswerForKernel("rhel9");
//   // v5_10; "kernel rhel9 (5.14) is not a profile; v5_10 answers, ..."
//   answer->above->name;   // "v6_1"
//   answer->BothNote();
//   // "kernel rhel9 (5.14) lies between v5_10 and v6_1: both are asked"
//
// A name is that of a profile (v6_1, arm64_4_14), of a distribution (debian12),
// or a release (6.18, 5.14.0-427.el9.x86_64).  Where no profile is of that
// release, the newest profile answers that is no newer, as a target's version
// holds "since" a release: what dmdax knows of later kernels came later.  A
// vendor's kernel may carry it as a backport, which nobody recorded, so the
// answer says that it is only near.  Who can ask two asks the next newer
// profile as well: what changed between them may have come before that release
// or after it.  A distribution whose very kernel was recorded is the profile.
// Threading: constant.
#ifndef DMDAX_BASE_KERNEL_ALIAS_H_
#define DMDAX_BASE_KERNEL_ALIAS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/kernel_profile.h"

namespace dmdax {

// Whether the profile of its release was recorded with the vendor's patches.
enum class VendorPatches { kUnrecorded, kRecorded };

struct KernelAlias {
  absl::string_view name;  // "rhel9"
  KernelRelease release;   // 5.14
  VendorPatches patches = VendorPatches::kUnrecorded;
};

// Sorted by name.
absl::Span<const KernelAlias> KernelAliases();

struct KernelAnswer {
  const KernelProfile* profile;
  // A line for stderr where the profile is only the nearest; else "".
  std::string note;
  // Of a release between two profiles: the newer one, and what people call the
  // release, "rhel9 (5.14)".  Else null and "".
  const KernelProfile* above = nullptr;
  std::string between;
  // Of a release that is older than all profiles: why nobody knows what it
  // does.  Else "".
  std::string unknown = "";

  // In place of `note` where both are asked.
  std::string BothNote() const;
  // In place of `note` where `above` alone answers.
  std::string AboveNote() const;
};

// NotFound: a name nobody knows, or a kernel older than the oldest profile.
// The message says what there is.
absl::StatusOr<KernelAnswer> AnswerForKernel(absl::string_view name);
KernelAnswer AnswerForAlias(const KernelAlias& alias);
// Of what a machine runs, which may be older: then the oldest profile stands
// in, and KernelAnswer::unknown says that it has no answer of its own.
absl::StatusOr<KernelAnswer> AnswerForRelease(absl::string_view release);

}  // namespace dmdax

#endif  // DMDAX_BASE_KERNEL_ALIAS_H_
