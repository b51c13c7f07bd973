// SPDX-License-Identifier: Apache-2.0
//
// main() of a test of the command, whose path is its argument.
#include <gtest/gtest.h>

#include "tests/hostile/child.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc != 2) return 2;
  dmdax::hostile::Scratch::dmdax = argv[1];
  return RUN_ALL_TESTS();
}
