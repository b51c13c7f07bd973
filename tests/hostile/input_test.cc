// SPDX-License-Identifier: Apache-2.0
//
// Input that can not be read, or is not there: an error with its cause, and
// nothing changes.  Half a machine looks like a machine, and none like one too.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "tests/hostile/child.h"

namespace dmdax::hostile {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr char kWorld[] =
    "pmem { name: \"pmem0\" base: 0x100000000 size: 0x40000000 }\n"
    "mapped_device { name: \"d0\" table { target { length: 8 zero {} } } }\n"
    "mount { device: \"/dev/pmem0\" path: \"/m\" type: \"ext4\" }\n";

class InputTest : public testing::Test {
 protected:
  InputTest() {
    const ChildResult r = scratch_.Run({"machine", "load", "-"}, kWorld);
    EXPECT_EQ(r.rc, 0) << r.err;
    before_ = Export();
    EXPECT_NE(before_, "");
  }
  // Nothing was changed, whatever the test did.
  ~InputTest() override { EXPECT_EQ(Export(), before_); }

  std::string Export() { return scratch_.Run({"export"}).out; }
  void ExpectRefused(const ChildResult& r, const std::string& why) {
    EXPECT_EQ(r.rc, 1) << r.out << r.signal;
    EXPECT_THAT(r.err, HasSubstr(why));
  }
  // Every verb that reads a file named `file`.
  std::vector<std::vector<std::string>> Readers(const std::string& file) {
    return {{"machine", "load", "--replace", file},
            {"--world", file, "ls"},
            {"--world", file, "translate", "d0", "0"},
            {"--world", file, "machine", "list"},
            {"convert", file},
            {"convert", "--as-world", file},
            {"file", "add", "/m/f", "--extents", file}};
  }

  Scratch scratch_;
  std::string before_;
};

TEST_F(InputTest, ADirectory) {
  const std::string dir = scratch_.File("dir");
  fs::create_directory(dir);
  for (const auto& command : Readers(dir)) {
    SCOPED_TRACE(command[0]);
    ExpectRefused(scratch_.Run(command), "Is a directory");
  }
  // To dmsetup it is an empty table: tests/dmsetup/verbs_test.cc.
}

TEST_F(InputTest, NoFile) {
  for (const auto& command : Readers("/nosuch")) {
    SCOPED_TRACE(command[0]);
    ExpectRefused(scratch_.Run(command), "No such file or directory");
  }
  // What a script says whose variable is unset.
  for (const auto& command : Readers("")) {
    SCOPED_TRACE(command[0]);
    const ChildResult r = scratch_.Run(command);
    EXPECT_EQ(r.rc, 2) << r.out << r.signal;
    EXPECT_THAT(r.err, HasSubstr(" is empty; dmdax "));
  }
}

TEST_F(InputTest, AFileWhoseReadsFail) {
  // Its address 0 is mapped to nothing.
  for (const auto& command : Readers("/proc/self/mem")) {
    SCOPED_TRACE(command[0]);
    ExpectRefused(scratch_.Run(command), "Input/output error");
  }
}

TEST_F(InputTest, ClosedStandardInput) {
  scratch_.close_input = true;
  for (const auto& command : Readers("-")) {
    SCOPED_TRACE(command[0]);
    ExpectRefused(scratch_.Run(command), "Bad file descriptor");
  }
  ExpectRefused(scratch_.Run({"create", "d1"}), "Bad file descriptor");
  ExpectRefused(scratch_.Run({"translate", "pmem0", "-"}),
                "Bad file descriptor");
  ExpectRefused(scratch_.Run({"translate", "pmem0", "-", "--raw"}),
                "Bad file descriptor");
}

TEST_F(InputTest, ADirectoryAsStandardInput) {
  for (const auto& command : Readers("-")) {
    SCOPED_TRACE(command[0]);
    ExpectRefused(scratch_.RunFile(command, "/tmp"), "Is a directory");
  }
  ExpectRefused(scratch_.RunFile({"create", "d1"}, "/tmp"), "Is a directory");
  ExpectRefused(scratch_.RunFile({"translate", "pmem0", "-"}, "/tmp"),
                "Is a directory");
}

// What a pipe gives whose writer has failed.
TEST_F(InputTest, EmptyInput) {
  for (const char* nothing : {"", "\n", " \t\n", "\xef\xbb\xbf# a comment"}) {
    ExpectRefused(scratch_.Run({"convert"}, nothing), "is empty");
    ExpectRefused(scratch_.Run({"convert", "--as-world"}, nothing), "is empty");
    ExpectRefused(scratch_.Run({"machine", "load", "--replace", "-"}, nothing),
                  "is empty");
    ExpectRefused(scratch_.Run({"--world", "-", "ls"}, nothing), "is empty");
  }
  for (const char* nothing : {"", "\n", " \t\n"}) {
    ExpectRefused(
        scratch_.Run({"file", "add", "/m/f", "--extents", "-"}, nothing),
        "is empty");
  }
}

// Its bytes are gone when the second asks, so there would be half an answer.
TEST_F(InputTest, StandardInputTwice) {
  const std::vector<std::vector<std::string>> commands = {
      {"--world", "-", "translate", "pmem0", "-"},
      {"translate", "pmem0", "-", "-"},
      {"--world", "-", "create", "d1"}};
  // A World, and pages and a table too.
  const std::string world = "# 0\npmem { name: \"pmem0\" size: 4096 }\n";
  for (const auto& command : commands) {
    SCOPED_TRACE(command[0]);
    const ChildResult r = scratch_.Run(command, world);
    EXPECT_EQ(r.rc, 2) << r.signal;
    EXPECT_EQ(r.out, "");
    EXPECT_THAT(r.err,
                HasSubstr(": standard input is asked for twice; dmdax "));
  }
}

// Its end never comes; memory has a bound all the same.
TEST_F(InputTest, EndlessInput) {
  if (kSanitized) return;  // a gigabyte takes too long
  for (const auto& command : Readers("-")) {
    SCOPED_TRACE(command[0]);
    const ChildResult r = scratch_.RunFile(command, "/dev/zero");
    ExpectRefused(r, "more than 1073741824 bytes");
    EXPECT_LT(r.max_rss_kb, 3 << 19);
  }
}

}  // namespace
}  // namespace dmdax::hostile
