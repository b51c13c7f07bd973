// SPDX-License-Identifier: Apache-2.0
//
// A server whose state others change, move or remove.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cerrno>
#include <filesystem>
#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tests/server/serving.h"

namespace dmdax {
namespace {

namespace fs = std::filesystem;

class FollowTest : public ServingTest {
 protected:
  void AddDisk(const std::string& name, uint32_t minor) const {
    Change([&](Session& session) {
      BlockOptions disk;
      disk.name = name;
      disk.dev = DevT{8, minor};
      disk.nr_sectors = 2048;
      EXPECT_TRUE(session.machine->AddBlock(disk).ok());
    });
  }
  static bool Appears(const std::string& path) {
    for (int i = 0; i < 500 && !fs::exists(path); ++i) {
      absl::SleepFor(absl::Milliseconds(10));
    }
    return fs::exists(path);
  }
};

TEST_F(FollowTest, SeesWhatOthersChangeThoughNobodyAsks) {
  const Client client(serving());
  const std::string tree = client.Call(Client::Head(DMDAX_OP_HELLO)).bytes;
  // The second: the state's first change has made files.
  for (const char* name : {"sda", "sdb"}) {
    AddDisk(name, name[2] == 'a' ? 0 : 16);
    EXPECT_TRUE(Appears(tree + "/dev/" + name)) << name;
    EXPECT_TRUE(Appears(tree + "/sys/block/" + name)) << name;
  }
}

TEST_F(FollowTest, StateThatIsRemovedIsNotMadeAnew) {
  AddDisk("sda", 0);
  const Client client(serving());
  // Whose end of the pipe is closed, the server closes too.
  Said control = client.Open(DMDAX_KIND_CHAR, kControl, O_RDWR);
  const std::string moved = state_ + ".moved";
  const auto create = [&] {
    return client.Call(DmHead(control.head.handle, kCreate), DmRequest());
  };
  fs::rename(state_, moved);
  for (int i = 0; i < 2; ++i) {
    const Said said = create();
    EXPECT_EQ(said.head.error, EIO);
    EXPECT_NE(said.bytes.find("is not there any more"), std::string::npos)
        << said.bytes;
  }
  EXPECT_FALSE(fs::exists(state_));
  // Another in its place is another.
  fs::create_directory(state_);
  EXPECT_EQ(create().head.error, EIO);
  EXPECT_TRUE(fs::is_empty(state_));
  fs::remove(state_);
  // It is back; what was open is not.
  fs::rename(moved, state_);
  control = client.Open(DMDAX_KIND_CHAR, kControl, O_RDWR);
  EXPECT_EQ(create().head.error, 0);
  fs::remove_all(state_);
  EXPECT_EQ(create().head.error, EIO);
  EXPECT_FALSE(fs::exists(state_));
  EXPECT_EQ(kill(serving().pid(), 0), 0);
}

}  // namespace
}  // namespace dmdax
