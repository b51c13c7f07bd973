// SPDX-License-Identifier: Apache-2.0
//
// Runs each command line of tests/dmsetup/*.txt twice, on equal machines: by
// the real dmsetup under `dmdax run`, and by `dmdax` under the name
// dmsetup.  Output, errors and exit code must be the same to the byte.
//
// A script is shell commands, one a line; `machine` starts a new machine.  A
// dmsetup of another version than ours has other words: nothing is compared
// with it, which is said.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/golden/script.h"

namespace dmdax::golden {
namespace {

constexpr char kRealDmsetup[] = "/usr/sbin/dmsetup";

std::string dmdax_command;

// Nodes are looked through in the order of a directory, which is the host's
// file system's: these two verbs tell so.
std::string InAnyOrder(const std::string& line, const std::string& text) {
  if (!absl::StrContains(line, "mknodes") &&
      !absl::StrContains(line, "remove_all")) {
    return text;
  }
  std::vector<std::string> lines = SplitLines(text);
  std::sort(lines.begin(), lines.end());
  return absl::StrJoin(lines, "\n");
}

// A machine with one of the two commands called `dmsetup`.
class Side {
 public:
  enum Machine { kStays, kIsLoadedEachTime };
  Side(Machine machine, std::string setup)
      : shell_(dmdax_command, {"examples"}),
        machine_(machine),
        setup_(std::move(setup)) {
    shell_.Run("dmdax machine load examples/oracle.textproto", false);
    if (machine_ != kStays) return;
    // Otherwise each `dmdax run` makes a machine, and waits for its end.
    shell_.Run(
        "dmdax serve < /dev/null > .serve 2> .serve.err &\n"
        "echo $! > .serve.pid\n"
        "for i in $(seq 500); do [ -s .serve ] && break; sleep 0.02; done",
        false);
  }
  ~Side() {
    if (machine_ == kStays) shell_.Run("kill $(cat .serve.pid)", false);
  }
  Shell::Result Run(const std::string& command) const {
    return shell_.Run(
        absl::StrCat("export DM_DISABLE_UDEV=1\n", setup_, "\n", command),
        false);
  }
  std::string LibraryVersion() const {
    return Run("dmsetup version | grep Library").out;
  }

 private:
  Shell shell_;
  const Machine machine_;
  const std::string setup_;
};

class DifferentialTest : public testing::Test {
 public:
  explicit DifferentialTest(std::string path) : path_(std::move(path)) {}

  void NewMachine() {
    real_ = std::make_unique<Side>(
        Side::kStays,
        "dmsetup() { PATH=/usr/sbin:$PATH dmdax run -- dmsetup \"$@\"; }");
    ours_ = std::make_unique<Side>(
        Side::kIsLoadedEachTime,
        "mkdir -p .as; ln -sf ../.bin/dmdax .as/dmsetup; PATH=$PWD/.as:$PATH");
  }

  void TestBody() override {
    // Under another name nothing would be compared.
    ASSERT_TRUE(std::filesystem::exists(kRealDmsetup)) << "tools/setup.sh";
    NewMachine();
    const std::string their_version = real_->LibraryVersion();
    ASSERT_TRUE(absl::StartsWith(their_version, "Library version:"));
    if (const std::string our_version = ours_->LibraryVersion();
        their_version != our_version) {
      GTEST_SKIP() << "not compared: dmsetup here says " << their_version
                   << "ours " << our_version;
    }
    int compared = 0, line_number = 0;
    for (const std::string& line : SplitLines(ReadFile(path_))) {
      ++line_number;
      if (line.empty() || line[0] == '#') continue;
      if (line == "machine") {
        NewMachine();
        continue;
      }
      const Shell::Result real = real_->Run(line);
      const Shell::Result ours = ours_->Run(line);
      const std::string where =
          absl::StrCat(path_, ":", line_number, ": ", line);
      EXPECT_EQ(InAnyOrder(line, real.out), InAnyOrder(line, ours.out))
          << where;
      EXPECT_EQ(InAnyOrder(line, real.err), InAnyOrder(line, ours.err))
          << where;
      EXPECT_EQ(real.rc, ours.rc) << where;
      ++compared;
    }
    EXPECT_GT(compared, 0) << path_;
    RecordProperty("compared", compared);
    printf("%s: %d command lines compared\n", path_.c_str(), compared);
  }

 private:
  const std::string path_;
  std::unique_ptr<Side> real_, ours_;
};

}  // namespace
}  // namespace dmdax::golden

int main(int argc, char** argv) {
  using dmdax::golden::DifferentialTest;
  testing::InitGoogleTest(&argc, argv);
  if (argc < 3) return 2;
  dmdax::golden::dmdax_command = argv[1];
  for (int i = 2; i < argc; ++i) {
    const std::string path = argv[i];
    const std::string name = std::filesystem::path(path).stem();
    testing::RegisterTest("Dmsetup", name.c_str(), nullptr, nullptr, __FILE__,
                          __LINE__,
                          [path] { return new DifferentialTest(path); });
  }
  return RUN_ALL_TESTS();
}
