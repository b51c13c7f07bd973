// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/server/serving.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc < 2) return 2;
  dmdax::dmdax_command = std::filesystem::absolute(argv[1]);
  return RUN_ALL_TESTS();
}
