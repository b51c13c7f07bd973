// SPDX-License-Identifier: Apache-2.0
#include "tests/preload/control.h"

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <vector>

int main(int argc, char** argv) {
  if (getenv("DMDAX_SOCKET") == nullptr) {
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
    const std::string dmdax = std::filesystem::absolute(argv[1]);
    const std::string self = std::filesystem::canonical("/proc/self/exe");
    std::vector<std::string> words = {dmdax, "run", "--", self};
    words.insert(words.end(), argv + 1, argv + argc);
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    execv(dmdax.c_str(), arguments.data());
    return 1;
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
