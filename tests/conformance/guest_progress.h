// SPDX-License-Identifier: Apache-2.0
//
// How far the guest's kernel threads had come when dmsetup asked: none of that
// is a statement about the device-mapper, and it is named, not compared.
// Threading: functions of their arguments.
#ifndef DMDAX_TESTS_CONFORMANCE_GUEST_PROGRESS_H_
#define DMDAX_TESTS_CONFORMANCE_GUEST_PROGRESS_H_

#include <string>

#include "absl/functional/function_ref.h"
#include "tests/conformance/verdict.h"

namespace dmdax::conformance {

// `dmsetup status` without how far mirrors have come that are not in sync, and
// integrity where it recalculates tags.
Json WithoutProgress(const std::string& where, const Json& stdout_text,
                     Verdict* verdict);

// What `dmsetup status` said, with our number of the metadata blocks that era
// uses, if its worker, which was in the middle of a digest, had come a little
// less far, or further.
Json WithOurEraBlocks(const std::string& where, const Json& kernel,
                      const Json& ours, Verdict& verdict);

// What `dmsetup info` said, with our number of the events of a mirror if it is
// one more or less: its daemon may find that all is in sync before its table is
// live, and then nobody hears it.
Json WithOurFirstEvents(
    const std::string& where, const Json& kernel, const Json& ours,
    absl::FunctionRef<bool(const std::string& name)> has_mirror,
    Verdict& verdict);

}  // namespace dmdax::conformance

#endif  // DMDAX_TESTS_CONFORMANCE_GUEST_PROGRESS_H_
