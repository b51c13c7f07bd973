// SPDX-License-Identifier: Apache-2.0
//
// Booted: the machine of a World's text, in a kernel.
//
//   const Session session = Booted(kRandomHardware, "v6_1");
//
// What is wrong with the text fails the test.
// Threading: none.
#ifndef DMDAX_TESTS_PROPERTY_BOOTED_H_
#define DMDAX_TESTS_PROPERTY_BOOTED_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "formats/world_format.h"
#include "state/world_load.h"
#include "tests/testing.h"

namespace dmdax {

inline Session Booted(const std::string& text, const std::string& kernel) {
  absl::StatusOr<ParsedWorld> world = ParseWorld(text, "w");
  EXPECT_THAT(world, IsOk());
  world->world.set_kernel(kernel);
  absl::StatusOr<Session> session = LoadWorld(world->world, world->source);
  EXPECT_THAT(session, IsOk());
  return *std::move(session);
}

}  // namespace dmdax

#endif  // DMDAX_TESTS_PROPERTY_BOOTED_H_
