// SPDX-License-Identifier: Apache-2.0
#include "tests/preload/control.h"

#include <stdlib.h>

#include <filesystem>

int main(int argc, char** argv) {
  if (getenv("LD_PRELOAD") == nullptr) {
    if (argc < 2) return 2;
    std::string state = testing::TempDir() + "control_node_XXXXXX";
    if (mkdtemp(state.data()) == nullptr) return 1;
    setenv("DMDAX_STATE", state.c_str(), 1);
    // AddressSanitizer would be the first library.
    const char* const options = getenv("ASAN_OPTIONS");
    setenv("ASAN_OPTIONS",
           ((options != nullptr ? std::string(options) + ":" : "") +
            "verify_asan_link_order=0")
               .c_str(),
           1);
    setenv("LD_PRELOAD", std::filesystem::absolute(argv[1]).c_str(), 1);
    execv("/proc/self/exe", argv);
    return 1;
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
