// SPDX-License-Identifier: Apache-2.0
//
// Runs the scripts tests/golden/*.txt.  To write down what the commands print
// now, and read the difference before it is committed:
//
//   DMDAX_UPDATE_GOLDEN=1 bazel run //tests/golden:golden_test
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "tests/golden/script.h"

namespace dmdax::golden {
namespace {

std::string dmdax_command;

class ScriptTest : public testing::Test {
 public:
  explicit ScriptTest(std::string path) : path_(std::move(path)) {}

  void TestBody() override {
    std::vector<Step> steps = ParseScript(ReadFile(path_));
    ASSERT_FALSE(steps.empty()) << path_;
    Shell shell(dmdax_command, {"examples", "tests"});
    for (Step& step : steps) {
      if (step.command_lines.empty()) continue;
      const std::vector<std::string> now =
          Shell::Expected(shell.Run(step.Command(), /*merge=*/false));
      if (Updates()) {
        step.expected = now;
        continue;
      }
      EXPECT_EQ(absl::StrJoin(now, "\n"), absl::StrJoin(step.expected, "\n"))
          << path_ << ":" << step.line << ": $ " << step.Command();
    }
    if (Updates()) Write(PrintScript(steps));
  }

 private:
  static bool Updates() { return getenv("DMDAX_UPDATE_GOLDEN") != nullptr; }

  void Write(const std::string& text) const {
    // Set by `bazel run`; under `bazel test` the sources are read-only.
    const char* workspace = getenv("BUILD_WORKSPACE_DIRECTORY");
    ASSERT_NE(workspace, nullptr) << "use bazel run to update";
    std::ofstream(std::string(workspace) + "/" + path_) << text;
  }

  const std::string path_;
};

}  // namespace
}  // namespace dmdax::golden

int main(int argc, char** argv) {
  using dmdax::golden::ScriptTest;
  testing::InitGoogleTest(&argc, argv);
  if (argc < 3) return 2;
  dmdax::golden::dmdax_command = argv[1];
  for (int i = 2; i < argc; ++i) {
    const std::string path = argv[i];
    const std::string name = std::filesystem::path(path).stem();
    testing::RegisterTest("Golden", name.c_str(), nullptr, nullptr, __FILE__,
                          __LINE__, [path] { return new ScriptTest(path); });
  }
  return RUN_ALL_TESTS();
}
