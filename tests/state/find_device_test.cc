// SPDX-License-Identifier: Apache-2.0
#include "state/find_device.h"

#include <cerrno>

#include "tests/dm_testing.h"

namespace dmdax {
namespace {

using testing::HasSubstr;

class FindDeviceTest : public testing::Test {
 protected:
  FindDeviceTest() {
    PmemOptions pmem;
    pmem.name = "pmem0";
    pmem.base = uint64_t{1} << 32;
    pmem.size = 1 << 20;
    EXPECT_THAT(session_.machine->AddPmem(pmem), IsOk());
    DmIoctl io{.name = "home"};
    EXPECT_THAT(session_.ctl->DevCreate(io), IsOk());
    io = DmIoctl{.name = "home"};
    EXPECT_THAT(session_.ctl->TableLoad(io, {Row(0, 8, "zero")}), IsOk());
    io = DmIoctl{.name = "home"};
    EXPECT_THAT(session_.ctl->DevSuspend(io), IsOk());
  }
  std::string Found(absl::string_view name) {
    absl::StatusOr<BlockDevice*> bdev = FindDevice(session_, name);
    return bdev.ok() ? (*bdev)->name() : std::string(bdev.status().message());
  }

  Session session_ = NewSession(DefaultKernelProfile(), 0);
};

TEST_F(FindDeviceTest, ByAllThatAPersonWrites) {
  session_.machine->AddNode("/dev/mapper/home", DevT{254, 0});
  for (const char* name :
       {"home", "dm-0", "254:0", "/dev/dm-0", "/dev/mapper/home"}) {
    EXPECT_EQ(Found(name), "dm-0") << name;
  }
  for (const char* name : {"pmem0", "259:0", "/dev/pmem0"}) {
    EXPECT_EQ(Found(name), "pmem0") << name;
  }
}

TEST_F(FindDeviceTest, AMappedDeviceComesFirst) {
  DmIoctl io{.name = "pmem0"};
  ASSERT_THAT(session_.ctl->DevCreate(io), IsOk());
  EXPECT_EQ(Found("pmem0"), "dm-1");
  EXPECT_EQ(Found("/dev/pmem0"), "pmem0");
}

TEST_F(FindDeviceTest, SaysWhatThereIs) {
  EXPECT_THAT(FindDevice(session_, "nope"),
              HasErrno(ENXIO, "no device 'nope'; there are home, pmem0"));
  EXPECT_THAT(Found(std::string(4000, 'x')),
              HasSubstr(std::string(128, 'x') + "'; there"));
  const Session empty = NewSession(DefaultKernelProfile(), 0);
  EXPECT_THAT(FindDevice(empty, ""),
              HasErrno(ENXIO, "no device ''; the machine has no devices"));
}

}  // namespace
}  // namespace dmdax
