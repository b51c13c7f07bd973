// SPDX-License-Identifier: Apache-2.0
#include "server/state_watch.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "state/dir/state_files.h"

namespace dmdax {
namespace {

namespace fs = std::filesystem;

class StateWatchTest : public testing::Test {
 protected:
  StateWatchTest() {
    fs::remove_all(dir_);
    fs::create_directory(dir_);
  }
  void Write(const std::string& name) const {
    std::ofstream(dir_ + "/" + name, std::ios::app) << "x";
  }
  // Nothing changes any more: so it says, sooner or later.
  bool Settles() {
    for (int i = 0; i < 3; ++i) {
      if (!watch_.TakeChanged()) return true;
    }
    return false;
  }

  const std::string dir_ = testing::TempDir() + "/watched";
  StateWatch watch_{dir_};
};

TEST_F(StateWatchTest, EachChangeIsSeenOnce) {
  EXPECT_TRUE(watch_.TakeChanged());
  EXPECT_TRUE(Settles());
  EXPECT_TRUE(watch_.is_complete());
  for (const char* name : {kStateLog, kStateGeneration}) {
    for (const char* how : {"made", "written to", "written to again"}) {
      Write(name);
      EXPECT_TRUE(watch_.TakeChanged()) << name << " is " << how;
      EXPECT_TRUE(Settles()) << name << " is " << how;
    }
    fs::rename(dir_ + "/" + name, dir_ + "/other");
    EXPECT_TRUE(watch_.TakeChanged()) << name << " has gone";
    Write(name);
    EXPECT_TRUE(watch_.TakeChanged()) << name << " is another";
    Write(name);
    EXPECT_TRUE(watch_.TakeChanged()) << "the other " << name;
    EXPECT_TRUE(Settles()) << name;
  }
}

TEST_F(StateWatchTest, BytesOfDisksAreNoChange) {
  Write("disk.0");
  EXPECT_TRUE(Settles());
  Write("disk.0");
  EXPECT_FALSE(watch_.TakeChanged());
}

TEST_F(StateWatchTest, DirectoryThatComesAndGoes) {
  fs::remove_all(dir_);
  EXPECT_TRUE(watch_.TakeChanged());
  EXPECT_TRUE(watch_.TakeChanged()) << "nothing can be watched";
  EXPECT_FALSE(watch_.is_complete());
  fs::create_directory(dir_);
  EXPECT_TRUE(watch_.TakeChanged());
  EXPECT_TRUE(Settles());
  fs::rename(dir_, dir_ + ".moved");
  EXPECT_TRUE(watch_.TakeChanged());
  EXPECT_TRUE(watch_.TakeChanged()) << "there is none";
  fs::remove_all(dir_ + ".moved");
}

}  // namespace
}  // namespace dmdax
