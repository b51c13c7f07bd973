// SPDX-License-Identifier: Apache-2.0
//
// GoogleMock matchers for absl::Status and absl::StatusOr.
//
//   EXPECT_THAT(KstrtoU32("8"), IsOkAndHolds(8u));
//   EXPECT_THAT(status, HasErrno(EINVAL));
//   EXPECT_THAT(status, HasErrno(EINVAL, HasSubstr("device sector")));
//   EXPECT_THAT(status, StatusIs(absl::StatusCode::kDataLoss));
#ifndef DMDAX_TESTS_TESTING_H_
#define DMDAX_TESTS_TESTING_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/errno_status.h"

namespace dmdax {

inline const absl::Status& GetStatus(const absl::Status& s) { return s; }
template <typename T>
const absl::Status& GetStatus(const absl::StatusOr<T>& s) {
  return s.status();
}

MATCHER(IsOk, negation ? "is an error" : "is OK") {
  *result_listener << GetStatus(arg).ToString();
  return GetStatus(arg).ok();
}

MATCHER_P(IsOkAndHolds, inner, "is OK and its value matches") {
  if (!arg.ok()) {
    *result_listener << arg.status().ToString();
    return false;
  }
  return testing::ExplainMatchResult(inner, *arg, result_listener);
}

MATCHER_P(StatusIs, code, "has the status code") {
  *result_listener << GetStatus(arg).ToString();
  return GetStatus(arg).code() == code;
}

MATCHER_P2(StatusIs, code, message, "has the status code and message") {
  *result_listener << GetStatus(arg).ToString();
  return GetStatus(arg).code() == code &&
         testing::ExplainMatchResult(
             message, std::string(GetStatus(arg).message()), result_listener);
}

MATCHER_P(HasErrno, err, "carries the errno " + ErrnoName(err)) {
  *result_listener << GetStatus(arg).ToString();
  return ErrnoOf(GetStatus(arg)) == err;
}

MATCHER_P2(HasErrno, err, message,
           "carries the errno " + ErrnoName(err) + " and the message") {
  *result_listener << GetStatus(arg).ToString();
  return ErrnoOf(GetStatus(arg)) == err &&
         testing::ExplainMatchResult(
             message, std::string(GetStatus(arg).message()), result_listener);
}

}  // namespace dmdax

#endif  // DMDAX_TESTS_TESTING_H_
