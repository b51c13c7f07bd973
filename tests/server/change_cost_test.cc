// SPDX-License-Identifier: Apache-2.0
//
// What a program's change costs a server that has many other devices.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "dm/dm_ioctl.h"
#include "tests/server/serving.h"

namespace dmdax {
namespace {

class ChangeCostTest : public ServingTest {
 protected:
  static constexpr int kOthers = 2000;

  void Prepare() override {
    Change([](Session& session) {
      BlockOptions sda;
      sda.name = "sda";
      sda.dev = DevT{8, 0};
      sda.nr_sectors = 2048;
      EXPECT_TRUE(session.machine->AddBlock(sda).ok());
      for (int i = 0; i < kOthers; ++i) {
        DmIoctl param;
        param.name = absl::StrCat("other", i);
        EXPECT_TRUE(session.ctl->DevCreate(param).ok());
      }
    });
  }
  // That of all others, at the least.
  static constexpr uint64_t kMachine = kOthers * 64;

  uint64_t moved() const { return serving().written() + serving().was_read(); }
};

TEST_F(ChangeCostTest, IoctlsAndBytes) {
  const Client client(serving());
  const Said control = client.Open(DMDAX_KIND_CHAR, kControl, O_RDWR);
  const uint64_t h = control.head.handle;
  // The first change tells all of the machine; so does the first sync.
  Create(client, h);
  const Said sda = client.Open(DMDAX_KIND_BLOCK, DMDAX_DEV(8, 0), O_RDWR);
  ASSERT_EQ(client.Write(sda.head.handle, 0, std::string(512, 'a')), 0);
  ASSERT_EQ(client.Do(DMDAX_OP_SYNC, sda.head.handle), 0);
  const auto changes = [&] {
    EXPECT_EQ(client.Call(DmHead(h, kSuspend), DmSuspend()).head.error, 0);
    EXPECT_EQ(client.Call(DmHead(h, kResume), DmRequest()).head.error, 0);
    EXPECT_EQ(client.Write(sda.head.handle, 0, std::string(512, 'b')), 0);
    EXPECT_EQ(client.Do(DMDAX_OP_SYNC, sda.head.handle), 0);
  };
  changes();
  const uint64_t before = moved();
  for (int i = 0; i < 4; ++i) changes();
  EXPECT_LT(moved() - before, 4 * 3 * kMachine);
}

}  // namespace
}  // namespace dmdax
