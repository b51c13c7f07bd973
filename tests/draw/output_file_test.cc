// SPDX-License-Identifier: Apache-2.0
//
// All of a file or nothing of it.
#include "tools/draw/output_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/testing.h"

namespace dmdax {
namespace {

namespace fs = std::filesystem;

std::string Read(const std::string& path) {
  std::ostringstream all;
  all << std::ifstream(path).rdbuf();
  return all.str();
}

class OutputFileTest : public testing::Test {
 protected:
  OutputFileTest() { fs::create_directories(dir_); }
  ~OutputFileTest() override { fs::remove_all(dir_); }
  const std::string dir_ = testing::TempDir() + "/output_file_test";
  const std::string file_ = dir_ + "/f";
};

TEST_F(OutputFileTest, WritesAndReplaces) {
  ASSERT_THAT(WriteOutputFile(file_, "one"), IsOk());
  ASSERT_EQ(chmod(file_.c_str(), 0640), 0);
  ASSERT_THAT(WriteOutputFile(file_, "two"), IsOk());
  EXPECT_EQ(Read(file_), "two");
  struct stat st;
  ASSERT_EQ(stat(file_.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0640u);
  // Nothing is left beside it.
  EXPECT_EQ(std::distance(fs::directory_iterator(dir_), {}), 1);
}

TEST_F(OutputFileTest, ADirectoryIsRefused) {
  EXPECT_THAT(WriteOutputFile(dir_, "x"), testing::Not(IsOk()));
  EXPECT_TRUE(fs::is_directory(dir_));
  EXPECT_THAT(WriteOutputFile(dir_ + "/no/f", "x"), testing::Not(IsOk()));
}

TEST_F(OutputFileTest, ALinkStaysALink) {
  ASSERT_THAT(WriteOutputFile(file_, "one"), IsOk());
  const std::string link = dir_ + "/link";
  fs::create_symlink("f", link);
  ASSERT_THAT(WriteOutputFile(link, "two"), IsOk());
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(Read(file_), "two");
}

TEST_F(OutputFileTest, ADeviceIsWrittenTo) {
  EXPECT_THAT(WriteOutputFile("/dev/null", "x"), IsOk());
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

}  // namespace
}  // namespace dmdax
