// SPDX-License-Identifier: Apache-2.0
#include "block/loop/loop.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "block/block_ioctl_arg.h"
#include "block/partitions/partitions.h"
#include "dm/io/block_file.h"
#include "tests/dm/target_testing.h"

namespace dmdax {
namespace {

class LoopTest : public TargetTest {
 protected:
  LoopTest() : loops_(machine()) {}

  // A file of so many bytes.
  static Fd File(off_t size, int flags = O_RDWR) {
    std::string path = testing::TempDir() + "/loopXXXXXX";
    Fd fd(mkstemp(path.data()));
    EXPECT_EQ(ftruncate(fd.get(), size), 0);
    if (flags != O_RDWR) fd = Fd(open(path.c_str(), flags));
    unlink(path.c_str());
    return fd;
  }
  int Control(uint32_t command, int64_t number = -1) {
    absl::StatusOr<int> n =
        loops_.Control({.command = command,
                        .value = static_cast<uint64_t>(number),
                        .bytes = {}});
    return n.ok() ? *n : -ErrnoOf(n.status());
  }
  std::unique_ptr<BlockFile> Open(const std::string& name, int flags = O_RDWR) {
    BlockDevice* bdev = machine().FindBdevByName(name);
    absl::StatusOr<std::unique_ptr<BlockFile>> file =
        BlockFile::Open(ctl(), bdev->dev(), flags, "losetup");
    EXPECT_THAT(file, IsOk());
    return *std::move(file);
  }
  static int Do(BlockFile& file, uint32_t command, uint64_t value = 0,
                int fd = -1) {
    return ErrnoOf(file.Ioctl({.command = command,
                               .value = value,
                               .bytes = {},
                               .fd = fd,
                               .admin = false})
                       .status());
  }
  template <typename T>
  static int With(BlockFile& file, uint32_t command, T* value, int fd = -1) {
    EXPECT_EQ(dmdax_ioctl_arg_of(command).size, sizeof(T));
    return ErrnoOf(
        file.Ioctl({.command = command,
                    .bytes = absl::MakeSpan(reinterpret_cast<char*>(value),
                                            sizeof(*value)),
                    .fd = fd})
            .status());
  }
  LoopDriver loops_;
};

TEST_F(LoopTest, TheControlNodeHandsOutDevices) {
  EXPECT_EQ(Control(LOOP_CTL_GET_FREE), 0);
  EXPECT_EQ(Control(LOOP_CTL_GET_FREE), 0) << "nobody took it";
  EXPECT_EQ(Control(LOOP_CTL_ADD, 0), -EEXIST);
  EXPECT_EQ(Control(LOOP_CTL_ADD, 7), 7);
  EXPECT_EQ(Control(LOOP_CTL_ADD, -1), 1);
  EXPECT_EQ(machine().FindBdevByName("loop7")->dev().ToString(), "7:7");
  EXPECT_EQ(Control(LOOP_CTL_REMOVE, 7), 0);
  EXPECT_EQ(Control(LOOP_CTL_REMOVE, 7), -ENODEV);
  EXPECT_EQ(Control(LOOP_CTL_REMOVE, -1), -EINVAL);
  EXPECT_EQ(Control(0x4c99), -ENOSYS);
  const auto file = Open("loop1");
  EXPECT_EQ(Control(LOOP_CTL_REMOVE, 1), -EBUSY);
}

TEST_F(LoopTest, TheBytesAreTheFiles) {
  ASSERT_EQ(Control(LOOP_CTL_GET_FREE), 0);
  auto loop = Open("loop0");
  const Fd file = File(1 << 20);
  EXPECT_EQ(Do(*loop, LOOP_GET_STATUS64), ENXIO);
  EXPECT_EQ(Do(*loop, LOOP_CLR_FD), ENXIO);
  EXPECT_EQ(Do(*loop, LOOP_SET_FD, 0, -1), EBADF);
  ASSERT_EQ(Do(*loop, LOOP_SET_FD, 0, file.get()), 0);
  EXPECT_EQ(Do(*loop, LOOP_SET_FD, 0, file.get()), EBUSY);
  EXPECT_EQ(Control(LOOP_CTL_GET_FREE), 1);
  EXPECT_EQ(Control(LOOP_CTL_REMOVE, 0), -EBUSY);
  EXPECT_EQ(loop->Size(), uint64_t{1} << 20);
  EXPECT_EQ(pwrite(file.get(), "abc", 3, 4095), 3);
  std::string text(3, '?');
  EXPECT_THAT(loop->Read(4095, absl::MakeSpan(text)), IsOkAndHolds(3u));
  EXPECT_EQ(text, "abc");
  EXPECT_THAT(loop->Write(4096, absl::MakeConstSpan("X", 1)), IsOk());
  EXPECT_EQ(pread(file.get(), text.data(), 3, 4095), 3);
  EXPECT_EQ(text, "aXc");
  // What is on top of it goes there too.
  ASSERT_THAT(Create("d", {Row(0, 8, "linear", "/dev/loop0 16")}), IsOk());
  {
    const auto d = BlockFile::Open(ctl(), Md("d").disk().dev(), O_RDWR, "dd");
    ASSERT_THAT((*d)->Write(0, absl::MakeConstSpan("top", 3)), IsOk());
    const std::optional<BlockBacking> run = (*d)->Backing(512, 1024);
    ASSERT_TRUE(run.has_value());
    EXPECT_EQ(run->offset, 17 * 512u);
    struct stat a, b;
    ASSERT_EQ(fstat(run->fd, &a), 0);
    ASSERT_EQ(fstat(file.get(), &b), 0);
    EXPECT_EQ(a.st_ino, b.st_ino);
  }
  EXPECT_EQ(pread(file.get(), text.data(), 3, 16 * 512), 3);
  EXPECT_EQ(text, "top");
  // A discard makes a hole.
  uint64_t range[2] = {0, 8192};
  EXPECT_EQ(With(*loop, BLKDISCARD, &range), 0);
  EXPECT_EQ(pread(file.get(), text.data(), 3, 4095), 3);
  EXPECT_EQ(text, std::string(3, '\0'));
  // It is cleared when its last opener, here the mapped device, closes it.
  EXPECT_EQ(Do(*loop, LOOP_CLR_FD), 0);
  loop.reset();
  EXPECT_TRUE(machine().FindBlockOptions("loop0")->loop.has_value());
  ASSERT_THAT(Remove("d"), IsOk());
  EXPECT_FALSE(machine().FindBlockOptions("loop0")->loop.has_value());
  EXPECT_EQ(machine().FindBdevByName("loop0")->nr_sectors(), 0u);
}

TEST_F(LoopTest, ConfigureInOneCall) {
  ASSERT_EQ(Control(LOOP_CTL_GET_FREE), 0);
  const auto loop = Open("loop0");
  const Fd file = File(1 << 20);
  loop_config config = {};
  config.block_size = 3;
  EXPECT_EQ(With(*loop, LOOP_CONFIGURE, &config, file.get()), EINVAL);
  config.block_size = 4096;
  config.info.lo_flags = 1 << 30;
  EXPECT_EQ(With(*loop, LOOP_CONFIGURE, &config, file.get()), EINVAL);
  config.info.lo_flags = LO_FLAGS_READ_ONLY;
  config.info.lo_offset = ~uint64_t{0};
  EXPECT_EQ(With(*loop, LOOP_CONFIGURE, &config, file.get()), EOVERFLOW);
  config.info.lo_offset = 8192;
  config.info.lo_sizelimit = 65536;
  strcpy(reinterpret_cast<char*>(config.info.lo_file_name), "disk.img");
  ASSERT_EQ(With(*loop, LOOP_CONFIGURE, &config, file.get()), 0);
  EXPECT_EQ(loop->Size(), 65536u);
  EXPECT_EQ(loop->bdev().queue().limits().logical_block_size, 4096u);
  EXPECT_THAT(loop->Write(0, absl::MakeConstSpan("x", 1)), HasErrno(EPERM));
  loop_info64 info;
  ASSERT_EQ(With(*loop, LOOP_GET_STATUS64, &info), 0);
  EXPECT_EQ(info.lo_offset, 8192u);
  EXPECT_EQ(info.lo_flags, unsigned{LO_FLAGS_READ_ONLY});
  EXPECT_STREQ(reinterpret_cast<char*>(info.lo_file_name), "disk.img");
  struct stat st;
  ASSERT_EQ(fstat(file.get(), &st), 0);
  EXPECT_EQ(info.lo_inode, st.st_ino);
  loop_info old;
  ASSERT_EQ(With(*loop, LOOP_GET_STATUS, &old), 0);
  EXPECT_EQ(old.lo_offset, 8192);
  EXPECT_EQ(Do(*loop, 0x4c55), EINVAL) << "no such ioctl";
}

TEST_F(LoopTest, StatusCapacityBlockSizeAndFile) {
  ASSERT_EQ(Control(LOOP_CTL_GET_FREE), 0);
  const auto loop = Open("loop0");
  const Fd file = File(1 << 20);
  EXPECT_EQ(Do(*loop, LOOP_SET_CAPACITY), ENXIO);
  ASSERT_EQ(Do(*loop, LOOP_SET_FD, 0, file.get()), 0);
  ASSERT_EQ(ftruncate(file.get(), 2 << 20), 0);
  EXPECT_EQ(loop->Size(), uint64_t{1} << 20) << "until it is told";
  EXPECT_EQ(Do(*loop, LOOP_SET_CAPACITY), 0);
  EXPECT_EQ(loop->Size(), uint64_t{2} << 20);
  loop_info64 info = {};
  info.lo_offset = 4096;
  info.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_READ_ONLY;
  ASSERT_EQ(With(*loop, LOOP_SET_STATUS64, &info), 0);
  EXPECT_EQ(loop->Size(), (uint64_t{2} << 20) - 4096);
  ASSERT_EQ(With(*loop, LOOP_GET_STATUS64, &info), 0);
  EXPECT_EQ(info.lo_flags, unsigned{LO_FLAGS_AUTOCLEAR})
      << "read-only can not be set so";
  info.lo_encrypt_type = LO_CRYPT_XOR;
  EXPECT_EQ(With(*loop, LOOP_SET_STATUS64, &info), EINVAL);
  EXPECT_EQ(Do(*loop, LOOP_SET_BLOCK_SIZE, 1000), EINVAL);
  EXPECT_EQ(Do(*loop, LOOP_SET_BLOCK_SIZE, 4096), 0);
  EXPECT_EQ(loop->bdev().queue().limits().logical_block_size, 4096u);
  EXPECT_EQ(Do(*loop, LOOP_SET_DIRECT_IO, 1), 0);
  EXPECT_EQ(Do(*loop, LOOP_CHANGE_FD, 0, file.get()), EINVAL)
      << "only of a read-only device";
  const auto reader = Open("loop0", O_RDONLY);
  EXPECT_EQ(Do(*reader, LOOP_SET_CAPACITY), EPERM);
}

TEST_F(LoopTest, AReadOnlyFileCanBeChanged) {
  ASSERT_EQ(Control(LOOP_CTL_GET_FREE), 0);
  const auto loop = Open("loop0");
  const Fd first = File(8192, O_RDONLY), second = File(8192, O_RDONLY);
  const Fd longer = File(16384);
  ASSERT_EQ(Do(*loop, LOOP_SET_FD, 0, first.get()), 0);
  EXPECT_TRUE(loop->bdev().read_only());
  EXPECT_EQ(Do(*loop, LOOP_CHANGE_FD, 0, longer.get()), EINVAL);
  EXPECT_EQ(Do(*loop, LOOP_CHANGE_FD, 0, second.get()), 0);
}

TEST_F(LoopTest, PartitionsAreScannedIfAskedFor) {
  ASSERT_EQ(Control(LOOP_CTL_GET_FREE), 0);
  const auto loop = Open("loop0");
  const Fd file = File(1 << 20);
  // One of 100 sectors from 10 on.
  const char entry[] = "\0\0\0\0\x83\0\0\0\x0a\0\0\0\x64\0\0\0";
  EXPECT_EQ(pwrite(file.get(), entry, 16, 446), 16);
  EXPECT_EQ(pwrite(file.get(), "\x55\xaa", 2, 510), 2);
  ASSERT_EQ(Do(*loop, LOOP_SET_FD, 0, file.get()), 0);
  EXPECT_EQ(machine().FindBdevByName("loop0p1"), nullptr);
  EXPECT_EQ(ErrnoOf(loop->Ioctl({.command = BLKRRPART, .bytes = {}}).status()),
            EINVAL);
  loop_info64 info = {};
  info.lo_flags = LO_FLAGS_PARTSCAN;
  ASSERT_EQ(With(*loop, LOOP_SET_STATUS64, &info), 0);
  BlockDevice* part = machine().FindBdevByName("loop0p1");
  ASSERT_NE(part, nullptr);
  EXPECT_EQ(part->dev().major_nr, 259u);
  {
    const auto p = Open("loop0p1");
    ASSERT_THAT(p->Write(0, absl::MakeConstSpan("part", 4)), IsOk());
    EXPECT_EQ(
        ErrnoOf(loop->Ioctl({.command = BLKRRPART, .bytes = {}}).status()),
        EBUSY);
  }
  std::string text(4, '?');
  EXPECT_EQ(pread(file.get(), text.data(), 4, 10 * 512), 4);
  EXPECT_EQ(text, "part");
  EXPECT_EQ(Do(*loop, LOOP_CLR_FD), 0);
  EXPECT_EQ(machine().FindBdevByName("loop0p1"), nullptr);
}

}  // namespace
}  // namespace dmdax
