// SPDX-License-Identifier: Apache-2.0
//
// The examples of the bytes of block devices.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>

#include "block/block_ioctl.h"
#include "block/loop/loop.h"
#include "block/partitions/partition_table.h"
#include "block/partitions/partitions.h"
#include "dm/bio/submit_bio.h"
#include "dm/io/block_file.h"
#include "tests/dm_testing.h"
#include "tests/examples/examples.h"

namespace dmdax {
namespace {

class BlockIoExamples : public DmTest {};

TEST_F(BlockIoExamples, BlockIoctl) {
#include "tests/examples/block/block_ioctl.inc"
  EXPECT_EQ(request.bytes.size(), sizeof(size));
}

TEST_F(BlockIoExamples, Loop) {
  Machine& machine = this->machine();
  const Fd file(memfd_create("loop", MFD_CLOEXEC));
  ASSERT_EQ(ftruncate(file.get(), 8192), 0);
  const int fd = file.get();
#include "tests/examples/block/loop/loop.inc"
  EXPECT_EQ(n, 0);
  EXPECT_EQ(loop0->nr_sectors(), 16u);
}

TEST_F(BlockIoExamples, PartitionTable) {
  std::vector<char> mbr(512);
  mbr[446 + 4] = 0x20;
  mbr[446 + 9] = 0x08;
  mbr[446 + 12] = 1;
  mbr[510] = 0x55;
  mbr[511] = static_cast<char>(0xaa);
  const auto read = [&](sector_t, absl::Span<char> out) {
    std::copy(mbr.begin(), mbr.end(), out.begin());
    return true;
  };
  const PartitionSource table = {1, 512, read};
#include "tests/examples/block/partitions/partition_table.inc"
}

TEST_F(BlockIoExamples, Partitions) {
  Machine& machine = this->machine();
  BlockDevice* sda = machine.FindBdevByName("sda");
#include "tests/examples/block/partitions/partitions.inc"
  EXPECT_EQ(machine.FindBdevByName("sda3")->start_sect(), sector_t{2048});
}

TEST_F(BlockIoExamples, SubmitBio) {
  BlockDevice* bdev = machine().FindBdevByName("sda");
  std::vector<char> bytes(512, 'x');
#include "tests/examples/dm/bio/submit_bio.inc"
  EXPECT_THAT(s, IsOk());
  EXPECT_EQ(bytes[0], 0);
}

TEST_F(BlockIoExamples, BlockFile) {
  BlockDevice* bdev = machine().FindBdevByName("sda");
  DmCtl& ctl = this->ctl();
  const std::vector<char> bytes(100, 'x');
  std::array<char, 8> eight{};
#include "tests/examples/dm/io/block_file.inc"
  EXPECT_EQ(bdev->openers(), 0);
  EXPECT_EQ(eight[3], 64 >> 4);
}

}  // namespace
}  // namespace dmdax
