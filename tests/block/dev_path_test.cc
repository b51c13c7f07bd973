// SPDX-License-Identifier: Apache-2.0
//
// The forms in which a table line may name a device (dm-core.md 5.5).
#include <cerrno>
#include <string>
#include <vector>

#include "base/errno_status.h"
#include "block/host_nodes.h"
#include "block/machine.h"
#include "tests/testing.h"

namespace dmdax {
namespace {

constexpr DevT kPmem0{259, 0};

class DevPathTest : public testing::Test {
 protected:
  DevPathTest() { Boot("v6_1"); }

  void Boot(absl::string_view kernel) {
    machine_ = std::make_unique<Machine>(**FindKernelProfile(kernel));
    PmemOptions pmem;
    pmem.name = "pmem0";
    pmem.size = 1 << 20;
    EXPECT_THAT(machine_->AddPmem(pmem), IsOk());
    machine_->AddNode("/dev/mapper/home", DevT{254, 0});
  }
  absl::StatusOr<DevT> Lookup(absl::string_view path) {
    return machine_->LookupBdev(path);
  }
  absl::StatusOr<DevT> DevOf(absl::string_view path) {
    return machine_->DmGetDevT(path);
  }

  std::unique_ptr<Machine> machine_;
};

TEST_F(DevPathTest, PathsAreWalked) {
  for (const char* path :
       {"/dev/pmem0", "//dev//pmem0", "/dev/./pmem0", "/dev/mapper/../pmem0",
        "/../dev/pmem0", "dev/pmem0", "/sys/../dev/pmem0"}) {
    EXPECT_THAT(Lookup(path), IsOkAndHolds(kPmem0)) << path;
  }
}

TEST_F(DevPathTest, WhatIsNoBlockDeviceHasItsOwnErrno) {
  EXPECT_THAT(Lookup(""), HasErrno(ENOENT));
  EXPECT_THAT(Lookup("/dev/nope"), HasErrno(ENOENT));
  EXPECT_THAT(Lookup("pmem0"), HasErrno(ENOENT));
  EXPECT_THAT(Lookup("/"), HasErrno(ENOTBLK));
  EXPECT_THAT(Lookup("/dev"), HasErrno(ENOTBLK));
  EXPECT_THAT(Lookup("/dev/null"), HasErrno(ENOTBLK));
  EXPECT_THAT(Lookup("/dev/mapper/control"), HasErrno(ENOTBLK));
  EXPECT_THAT(Lookup("/dev/pmem0/x"), HasErrno(ENOTDIR));
  EXPECT_THAT(Lookup("/dev/pmem0/"), HasErrno(ENOTDIR));
}

TEST_F(DevPathTest, DirectoriesAndFilesOfEveryLinux) {
  for (const char* path :
       {"/proc", "/etc/", "tmp", "/sys/class/block", "/sys/block/pmem0",
        "/sys/class/block/pmem0", "/etc/passwd", "/dev/console"}) {
    EXPECT_THAT(Lookup(path), HasErrno(ENOTBLK)) << path;
  }
  for (const char* path : {"/etc/passwd/x", "/etc/passwd/", "/dev/null/",
                           "/dev/pmem0/..", "/bin/sh/../sh"}) {
    EXPECT_THAT(Lookup(path), HasErrno(ENOTDIR)) << path;
  }
  for (const char* path :
       {"/sys/block/nope", "/nope/../dev/pmem0", "/sys/block/pmem0/x"}) {
    EXPECT_THAT(Lookup(path), HasErrno(ENOENT)) << path;
  }
}

// Of what is neither in /dev nor in /sys somebody else may know.
TEST_F(DevPathTest, NodesOnTheHost) {
  static auto* const asked = new std::vector<std::string>;
  SetHostNodes([](const std::string& path) {
    asked->push_back(path);
    return path == "/tmp/dev/x"
               ? absl::StatusOr<DevT>(kPmem0)
               : ErrnoError(path == "/etc" ? ENOTBLK : EACCES, "");
  });
  EXPECT_THAT(Lookup("/tmp/./dev/x"), IsOkAndHolds(kPmem0));
  EXPECT_THAT(DevOf("/tmp/dev/x"), IsOkAndHolds(kPmem0));
  EXPECT_THAT(Lookup("/etc"), HasErrno(ENOTBLK));
  EXPECT_THAT(Lookup("/tmp/dev/x/"), HasErrno(EACCES));
  EXPECT_THAT(*asked, testing::ElementsAre("/tmp/dev/x", "/tmp/dev/x", "/etc",
                                           "/tmp/dev/x/"));
  EXPECT_THAT(Lookup("/dev/nope"), HasErrno(ENOENT));
  EXPECT_THAT(Lookup("/sys/x"), HasErrno(ENOENT));
  EXPECT_EQ(asked->size(), 4u);
  SetHostNodes(nullptr);
  EXPECT_THAT(Lookup("/tmp/dev/x"), HasErrno(ENOENT));
}

TEST_F(DevPathTest, MajorMinorIsExact) {
  EXPECT_EQ(ScanMajorMinor("259:0"), kPmem0);
  EXPECT_EQ(ScanMajorMinor(" 259: 0"), kPmem0) << "as %u skips space";
  for (const char* bad : {"", ":", "259", "259:", ":0", "259:0 ", "259:0:1",
                          "259 :0", "a:0", "-1:0", "+1:0"}) {
    EXPECT_EQ(ScanMajorMinor(bad), std::nullopt) << bad;
  }
  // %u wraps at 32 bits.
  EXPECT_EQ(ScanMajorMinor("4294967555:4294967296"), kPmem0);
}

TEST_F(DevPathTest, OldKernelsKnowMoreForms) {
  EXPECT_THAT(DevOf("259:0"), IsOkAndHolds(kPmem0));
  EXPECT_THAT(DevOf("259:0:7"), IsOkAndHolds(kPmem0));
  EXPECT_THAT(DevOf("10300"), IsOkAndHolds(kPmem0)) << "hexadecimal";
  EXPECT_THAT(DevOf("fd00"), IsOkAndHolds(DevT{253, 0}));
  machine_->RemoveNode("/dev/pmem0");
  EXPECT_THAT(DevOf("/dev/pmem0"), IsOkAndHolds(kPmem0))
      << "by disk name, without a node";
  EXPECT_THAT(DevOf("/dev/mapper/home"), IsOkAndHolds(DevT{254, 0}));
}

TEST_F(DevPathTest, OldKernelsSayENODEVForEverythingElse) {
  for (const char* path : {"/dev/nope", "/dev/null", "/dev", "nope", "0",
                           "PARTUUID=1", "/dev/pmem0/x"}) {
    EXPECT_THAT(DevOf(path), HasErrno(ENODEV)) << path;
  }
}

TEST_F(DevPathTest, NewKernelsSayWhatTheLookupSaid) {
  Boot("v6_12");
  EXPECT_THAT(DevOf("/dev/pmem0"), IsOkAndHolds(kPmem0));
  EXPECT_THAT(DevOf("/dev/nope"), HasErrno(ENOENT));
  EXPECT_THAT(DevOf("/dev/null"), HasErrno(ENOTBLK));
  EXPECT_THAT(DevOf("/dev/pmem0/x"), HasErrno(ENOTDIR));
  EXPECT_THAT(DevOf("fd00"), HasErrno(ENOENT));
}

}  // namespace
}  // namespace dmdax
