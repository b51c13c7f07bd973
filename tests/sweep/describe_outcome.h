// SPDX-License-Identifier: Apache-2.0
//
// DescribeOutcome: what two sweeps must say alike of a slot, in words.
#ifndef DMDAX_TESTS_SWEEP_DESCRIBE_OUTCOME_H_
#define DMDAX_TESTS_SWEEP_DESCRIBE_OUTCOME_H_

#include <string>

#include "absl/strings/str_cat.h"
#include "mm/fault_reason.h"
#include "process/sweep/dax_sweep.h"

namespace dmdax {

inline std::string DescribeOutcome(const SweepOutcome& o) {
  std::string text = o.sig != 0 ? absl::StrCat("signal ", o.sig, " ", o.si_code)
                                : absl::StrCat("order ", o.order);
  if (o.zero_page) absl::StrAppend(&text, " zero page");
  if (!o.reason) return text;
  absl::StrAppend(&text, " ", FaultReasonName(o.reason.code), " (tried ",
                  o.reason.order, ") errno ", o.reason.err);
  if (o.reason.level.has_value()) {
    absl::StrAppend(&text, " at ", LevelText(o.reason.level));
  }
  return text;
}

}  // namespace dmdax

#endif  // DMDAX_TESTS_SWEEP_DESCRIBE_OUTCOME_H_
