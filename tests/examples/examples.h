// SPDX-License-Identifier: Apache-2.0
//
// What extract.py writes into an example, and the warnings that an example may
// give: it shows results that it does not use.
//
//   TEST_F(DmExamples, DmIoctl) {
//     Machine& machine = this->machine();
//   #include "tests/examples/dm/dm_ioctl.inc"
//   }
#ifndef DMDAX_TESTS_EXAMPLES_EXAMPLES_H_
#define DMDAX_TESTS_EXAMPLES_EXAMPLES_H_

#include <concepts>
#include <string>

#include "absl/strings/string_view.h"
#include "tests/testing.h"

#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wunused-variable"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#pragma GCC diagnostic ignored "-Wunused-value"
#pragma GCC diagnostic ignored "-Wunused-result"
#pragma GCC diagnostic ignored "-Wshadow=local"

namespace dmdax {

// Numbers compare as numbers, units by their value, texts as texts, and a
// status by its errno.
int64_t AsSaid(std::integral auto x) { return static_cast<int64_t>(x); }
inline std::string AsSaid(absl::string_view x) { return std::string(x); }
inline int64_t AsSaid(const absl::Status& x) { return ErrnoOf(x); }
template <typename T>
auto AsSaid(const T& x) -> decltype(AsSaid(x.value())) {
  return AsSaid(x.value());
}
#define DMDAX_SAID(expression, value) \
  EXPECT_EQ(::dmdax::AsSaid(expression), ::dmdax::AsSaid(value))

// `call, MustBeOk{}`: the call may return anything or nothing, but no error.
struct MustBeOk {};
inline void operator,(const absl::Status& s, MustBeOk) {
  EXPECT_THAT(s, IsOk());
}
template <typename T>
T operator,(absl::StatusOr<T> s, MustBeOk) {
  EXPECT_THAT(s, IsOk());
  return *std::move(s);
}

}  // namespace dmdax

#endif  // DMDAX_TESTS_EXAMPLES_EXAMPLES_H_
