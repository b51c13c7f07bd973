// SPDX-License-Identifier: Apache-2.0
//
// A file system is one file: toyfs.cc is linked in, and nothing else here, in
// fs/ or in process/ knows of it.
#include <cerrno>

#include "base/errno_status.h"
#include "base/kernel_profile.h"
#include "fs/file_system_type.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "process/field_error.h"
#include "process/user_space.h"

namespace dmdax {
namespace {

using testing::ElementsAre;

constexpr uint64_t kMiB = 1 << 20;

class ToyfsTest : public testing::Test {
 protected:
  ToyfsTest()
      : machine_(DefaultKernelProfile()),
        user_(machine_, DefaultKernelProfile().fault),
        pmem_(*machine_.AddPmem(
            {.name = "pmem0", .base = 1ull << 32, .size = 64 * kMiB})) {}

  absl::StatusOr<MountPoint*> Mount(MountRequest request) {
    machine_.log().TakeNew();
    return user_.Mount({.path = "/mnt", .request = std::move(request)}, *pmem_);
  }

  Machine machine_;
  UserSpace user_;
  BlockDevice* pmem_;
};

TEST_F(ToyfsTest, IsListed) {
  std::vector<std::string> names;
  for (const FileSystemType* type : FileSystemTypes()) {
    names.push_back(std::string(type->name));
  }
  EXPECT_THAT(names, ElementsAre("ext2", "ext4", "toyfs", "xfs"));
  EXPECT_EQ(FindFileSystemType("btrfs").status().message(),
            "unknown file system 'btrfs'; there are ext2, ext4, toyfs, xfs");
}

TEST_F(ToyfsTest, MapsHugePages) {
  absl::StatusOr<MountPoint*> m = Mount({.type = "toyfs", .options = "quick"});
  ASSERT_TRUE(m.ok()) << m.status();
  EXPECT_EQ((*m)->sb().DaxOption(), "dax=always");
  ASSERT_TRUE(
      (*m)->AddFile({.name = "f",
                     .extents = {{.physical = 2 * kMiB, .length = 2 * kMiB}}})
          .ok());
  Task& task = **user_.AddTask(1);
  absl::StatusOr<VmAreaStruct*> vma =
      task.Map({.file = *user_.Open("/mnt/f"), .length = 2 * kMiB});
  ASSERT_TRUE(vma.ok()) << vma.status();
  const TouchReport report =
      task.Touch((*vma)->vm_start + 4096, AccessKind::kWrite);
  EXPECT_EQ(report.outcome.order, 9);
  EXPECT_EQ(report.outcome.pfn, pfn_t(0x100201));
}

TEST_F(ToyfsTest, RefusesInItsOwnWords) {
  absl::StatusOr<MountPoint*> m = Mount({.type = "toyfs", .options = "dax"});
  EXPECT_EQ(ErrnoOf(m.status()), EINVAL);
  EXPECT_EQ(FieldOf(m.status()), "options");
  EXPECT_THAT(machine_.log().TakeNew(),
              ElementsAre("TOYFS (pmem0): there is but one option: quick"));
}

TEST_F(ToyfsTest, HasBlockSizesOfItsOwn) {
  absl::StatusOr<MountPoint*> m = Mount({.type = "toyfs", .block_size = 1024});
  EXPECT_EQ(m.status().message(),
            "block_size 1024: a power of two, 4096 to 4096");
}

}  // namespace
}  // namespace dmdax
