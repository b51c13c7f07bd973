// SPDX-License-Identifier: Apache-2.0
//
// Commands as bytes, on every kernel; what a 6.1 answers to all kinds of them
// is recorded in tests/conformance.
#include "dm/wire/ctl_ioctl.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/dm_testing.h"

namespace dmdax {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using L = DmIoctlLayout;

class CtlIoctlTest : public DmTest {
 protected:
  // A request of this interface for `name`: what comes of it, with the reply
  // in its place.
  absl::Status Do(uint32_t cmd, uint32_t minor_version, absl::string_view name,
                  std::string* request) {
    request->assign(1024, '\0');
    const uint32_t version[3] = {4, minor_version, 0}, size = 1024;
    memcpy(request->data() + L::kVersion, version, sizeof(version));
    memcpy(request->data() + L::kDataSize, &size, sizeof(size));
    memcpy(request->data() + L::kName, name.data(), name.size());
    DmFile file(ctl());
    return CtlIoctl(ctl(), file, (kDmIoctlType << 8) | cmd,
                    absl::MakeSpan(*request));
  }
};

TEST_F(CtlIoctlTest, TargetVersionIsAskedSince5_4) {
  std::string request;
  for (const KernelProfile& profile : AllKernelProfiles()) {
    SCOPED_TRACE(profile.name);
    Boot(profile.name);
    const uint32_t ours = profile.dm_ioctl_version[1];
    const absl::Status s = Do(DM_GET_TARGET_VERSION_CMD, 0, "linear", &request);
    uint32_t answered;
    memcpy(&answered, request.data() + sizeof(uint32_t), sizeof(answered));
    EXPECT_EQ(answered, ours) << "also where the command is none";
    if (profile.release == k4_14) {
      EXPECT_THAT(s, HasErrno(ENOTTY));
      EXPECT_THAT(Log(), ElementsAre("device-mapper: ioctl: dm_ctl_ioctl: "
                                     "unknown command 0xfd11"));
      continue;
    }
    EXPECT_THAT(s, IsOk());
    // struct dm_target_versions: next, version, name.
    EXPECT_STREQ(request.data() + L::kSize + 16, "linear");
    EXPECT_THAT(Log(), IsEmpty());
    EXPECT_THAT(Do(DM_GET_TARGET_VERSION_CMD, 0, "nosuch", &request),
                HasErrno(EINVAL));
  }
}

TEST_F(CtlIoctlTest, TheNumberAfterTheLastIsNone) {
  std::string request;
  for (const KernelProfile& profile : AllKernelProfiles()) {
    SCOPED_TRACE(profile.name);
    Boot(profile.name);
    for (const uint32_t cmd : {profile.dm_last_ioctl + 1, 18u, 255u}) {
      EXPECT_THAT(Do(cmd, 0, "", &request), HasErrno(ENOTTY));
      EXPECT_THAT(Log(),
                  ElementsAre(absl::StrFormat("device-mapper: ioctl: "
                                              "dm_ctl_ioctl: unknown command "
                                              "0x%x",
                                              0xfd00 + cmd)));
    }
    EXPECT_THAT(Do(profile.dm_last_ioctl, 0, "linear", &request), IsOk());
  }
}

// A writer that knows a later interface is refused before the command is
// looked up: so dmsetup's target-version, which writes 4.41, on 4.14.
TEST_F(CtlIoctlTest, ALaterInterfaceIsRefusedFirst) {
  Boot("v4_14");
  std::string request;
  EXPECT_THAT(Do(DM_GET_TARGET_VERSION_CMD, 41, "linear", &request),
              HasErrno(EINVAL));
  EXPECT_THAT(Log(),
              ElementsAre("device-mapper: ioctl: ioctl interface mismatch: "
                          "kernel(4.37.0), user(4.41.0), cmd(17)"));
}

// Each event of a device counts, a target's too.
TEST_F(CtlIoctlTest, EventsMakeTheNodeReadable) {
  ASSERT_THAT(Create("d0", {Row(0, 2048, "linear", "/dev/pmem0 0")}), IsOk());
  DmFile file(ctl());
  EXPECT_FALSE(file.Readable(ctl()));
  DmIoctl io{.name = "d0"};
  ASSERT_THAT(ctl().DevStatus(io), IsOk());
  EXPECT_FALSE(file.Readable(ctl()));
  io = DmIoctl{.name = "d0"};
  ASSERT_THAT(ctl().DevRename(io, "d1"), IsOk());
  EXPECT_TRUE(file.Readable(ctl()));
  file.Arm(ctl());
  EXPECT_FALSE(file.Readable(ctl()));
  ASSERT_THAT(Create("m", {Row(0, 2048, "multipath",
                               "0 0 1 1 round-robin 0 1 0 /dev/sda")}),
              IsOk());
  file.Arm(ctl());
  io = DmIoctl{.name = "m"};
  std::string reply;
  ASSERT_THAT(ctl().TargetMsg(io, sector_t{0}, "fail_path /dev/sda", &reply),
              IsOk());
  EXPECT_TRUE(file.Readable(ctl()));
  const std::string below = absl::StrCat(Md("d1").dev().ToString(), " 0");
  ASSERT_THAT(Create("over", {Row(0, 8, "linear", below)}), IsOk());
  file.Arm(ctl());
  io = DmIoctl{.flags = DM_DEFERRED_REMOVE, .name = "d1"};
  ASSERT_THAT(ctl().DevRemove(io), IsOk());
  EXPECT_TRUE(file.Readable(ctl())) << "that it is noted counts";
}

}  // namespace
}  // namespace dmdax
