// SPDX-License-Identifier: Apache-2.0
#include "iomap/known_holes.h"

#include <gtest/gtest.h>

namespace dmdax {
namespace {

TEST(KnownHoles, AWholeGapIsRemembered) {
  KnownHoles holes;
  EXPECT_EQ(holes.EndOf(100, 0, 1000), 1000u);
  EXPECT_EQ(holes.EndOf(0, 0, 1000), 1000u);
}

// As 6.1 answered: a hole punched into a hole ends what was known before it.
TEST(KnownHoles, APunchEndsTheHoleBesideIt) {
  KnownHoles holes;
  holes.EndOf(0, 0, 1000);
  holes.Forget(600, 800);
  EXPECT_EQ(holes.EndOf(500, 0, 1000), 600u);
  EXPECT_EQ(holes.EndOf(900, 0, 1000), 1000u);
  // Inside of it the gap is found anew, and known from then on.
  EXPECT_EQ(holes.EndOf(700, 0, 1000), 1000u);
  EXPECT_EQ(holes.EndOf(500, 0, 1000), 1000u);
}

TEST(KnownHoles, NewExtentsEndAHoleWhateverIsKnown) {
  KnownHoles holes;
  holes.EndOf(0, 0, 1000);
  EXPECT_EQ(holes.EndOf(100, 0, 300), 300u);
}

}  // namespace
}  // namespace dmdax
