// SPDX-License-Identifier: Apache-2.0
//
// All of a file or nothing of it.
#include "tools/draw/output_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "base/errno_status.h"
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

TEST_F(OutputFileTest, ALinkToNothingMakesWhatItLeadsTo) {
  const std::string link = dir_ + "/link", again = dir_ + "/again";
  fs::create_symlink("f", link);
  fs::create_symlink(link, again);
  ASSERT_THAT(WriteOutputFile(again, "one"), IsOk());
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_TRUE(fs::is_symlink(again));
  EXPECT_EQ(Read(file_), "one");
  fs::create_symlink("round", dir_ + "/round");
  EXPECT_THAT(WriteOutputFile(dir_ + "/round", "x"), testing::Not(IsOk()));
  EXPECT_TRUE(fs::is_symlink(dir_ + "/round"));
}

TEST_F(OutputFileTest, ANameMayBeAsLongAsNamesCanBe) {
  const std::string longest = dir_ + "/" + std::string(255, 'n');
  ASSERT_THAT(WriteOutputFile(longest, "one"), IsOk());
  EXPECT_EQ(Read(longest), "one");
}

// What is open, by each of the names of its descriptor.
class OpenFileTest : public OutputFileTest,
                     public testing::WithParamInterface<const char*> {
 protected:
  std::string NameOf(int fd) const { return GetParam() + std::to_string(fd); }
};

TEST_P(OpenFileTest, IsWrittenToWhereItsOwnerIs) {
  ASSERT_THAT(WriteOutputFile(file_, "log: "), IsOk());
  const int fd = open(file_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  EXPECT_THAT(WriteOutputFile(NameOf(fd), "one "), IsOk());
  const std::string link = dir_ + "/link";
  fs::create_symlink(NameOf(fd), link);
  EXPECT_THAT(WriteOutputFile(link, "two"), IsOk());
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(Read(file_), "log: one two");
  // It has no name left, and none that the link says.
  fs::remove(file_);
  EXPECT_THAT(WriteOutputFile(link, "three"), IsOk());
  EXPECT_TRUE(fs::is_symlink(link));
  struct stat st;
  ASSERT_EQ(fstat(fd, &st), 0);
  EXPECT_EQ(st.st_size, 17);
  EXPECT_EQ(std::distance(fs::directory_iterator(dir_), {}), 1);
  close(fd);
}

TEST_P(OpenFileTest, WhatCannotBeWrittenToIsAnError) {
  const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  EXPECT_EQ(ErrnoOf(WriteOutputFile(NameOf(fd), "lost")), EBADF);
  close(fd);
  EXPECT_THAT(WriteOutputFile(NameOf(fd), "lost"), testing::Not(IsOk()));
}

INSTANTIATE_TEST_SUITE_P(Names, OpenFileTest,
                         testing::Values("/dev/fd/", "/proc/self/fd/",
                                         "/proc/thread-self/fd/"));

TEST_F(OutputFileTest, ADeviceIsWrittenTo) {
  EXPECT_THAT(WriteOutputFile("/dev/null", "x"), IsOk());
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

}  // namespace
}  // namespace dmdax
