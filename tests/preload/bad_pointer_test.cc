// SPDX-License-Identifier: Apache-2.0
//
// ioctl(2) on the control node with what is no request: EFAULT or ENOTTY, as
// the kernel says, and nothing happens.
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tests/preload/control.h"

namespace dmdax {
namespace {

constexpr size_t kPage = 4096;

class BadPointerTest : public testing::Test {
 protected:
  void TearDown() override {
    EXPECT_EQ(control_.Do(DM_REMOVE_ALL_CMD, Request("")), 0);
  }
  // 0 or errno.
  int Do(DmCommand cmd, void* argument) const {
    return ioctl(control_.fd(), Number(cmd), argument) == 0 ? 0 : errno;
  }

  Control control_;
};

// Pages of memory, and nothing behind them.
class Pages {
 public:
  explicit Pages(size_t n) : size_(n * kPage) {
    memory_ =
        static_cast<char*>(mmap(nullptr, size_ + kPage, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    munmap(memory_ + size_, kPage);
  }
  ~Pages() { munmap(memory_, size_); }
  char* begin() const { return memory_; }
  char* end() const { return memory_ + size_; }

  // The request at the very end of them.
  char* Put(Buffer request, uint32_t size, uint32_t data_size) {
    memcpy(request.data() + L::kDataSize, &data_size, sizeof(data_size));
    memset(memory_, 0, size_);
    memcpy(end() - size, request.data(), size);
    return end() - size;
  }
  void ReadOnly() const { mprotect(memory_, size_, PROT_READ); }

 private:
  const size_t size_;
  char* memory_;
};

TEST_F(BadPointerTest, NoMemory) {
  const Pages pages(1);
  for (void* pointer :
       {static_cast<void*>(nullptr), reinterpret_cast<void*>(uintptr_t{8}),
        static_cast<void*>(pages.end()), static_cast<void*>(pages.end() - 11),
        reinterpret_cast<void*>(~uintptr_t{0})}) {
    for (uint32_t cmd = DM_VERSION_CMD; cmd <= DM_GET_TARGET_VERSION_CMD;
         ++cmd) {
      EXPECT_EQ(Do(static_cast<DmCommand>(cmd), pointer), EFAULT) << cmd;
    }
  }
}

TEST_F(BadPointerTest, AnEndBeforeTheEnd) {
  Pages pages(1);
  const Buffer create = Request("d"), load = Request("d", 0, 0, "e");
  EXPECT_EQ(Do(DM_DEV_CREATE_CMD, pages.Put(create, 304, 305)), EFAULT);
  EXPECT_EQ(Do(DM_DEV_CREATE_CMD, pages.Put(create, 312, 304)), EINVAL);
  EXPECT_EQ(Do(DM_DEV_CREATE_CMD, pages.Put(create, 312, ~0u)), EINVAL);
  EXPECT_EQ(control_.Do(DM_DEV_STATUS_CMD, Request("d")), ENXIO);
  // The struct's last bytes may be missing, and no more is read than there is
  // to be read of a request without parameters.
  EXPECT_EQ(Do(DM_DEV_CREATE_CMD, pages.Put(create, 305, 100 << 20)), 0);
  EXPECT_EQ(Do(DM_DEV_RENAME_CMD, pages.Put(load, 312, 100 << 20)), EFAULT);
  EXPECT_EQ(Do(DM_DEV_RENAME_CMD, pages.Put(load, 4000, 4001)), EFAULT);
  EXPECT_EQ(control_.Do(DM_DEV_STATUS_CMD, Request("d")), 0);
  EXPECT_EQ(Do(DM_DEV_RENAME_CMD, pages.Put(load, 4000, 4000)), 0);
  EXPECT_EQ(control_.Do(DM_DEV_STATUS_CMD, Request("e")), 0);
  // The version is all of a request that DM_VERSION looks at.
  EXPECT_EQ(Do(DM_VERSION_CMD, pages.Put(create, 12, 0)), 0);
}

TEST_F(BadPointerTest, MemoryThatIsNotToBeWritten) {
  Pages pages(1);
  char* const request = pages.Put(Request("d"), 312, 312);
  pages.ReadOnly();
  EXPECT_EQ(Do(DM_VERSION_CMD, request), EFAULT);
  EXPECT_EQ(Do(DM_DEV_CREATE_CMD, request), EFAULT);
  EXPECT_EQ(control_.Do(DM_DEV_STATUS_CMD, Request("d")), ENXIO);
}

TEST_F(BadPointerTest, OtherIoctls) {
  const int fd = control_.fd();
  // Those of any file.
  EXPECT_EQ(ioctl(fd, FIOCLEX, nullptr), 0);
  EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(ioctl(fd, FIONCLEX, nullptr), 0);
  EXPECT_EQ(fcntl(fd, F_GETFD), 0);
  int on = 1;
  EXPECT_EQ(ioctl(fd, FIONBIO, &on), 0);
  EXPECT_EQ(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
  // Those of other kinds of file.
  for (unsigned long request :
       {0ul + FIONREAD, 0ul + TCGETS, 0ul + TIOCGWINSZ, 0ul + BLKGETSIZE}) {
    EXPECT_EQ(ioctl(fd, request, nullptr), -1);
    EXPECT_EQ(errno, ENOTTY) << request;
  }
  // The kernel looks at type and number only.
  Buffer request = Request("d");
  EXPECT_EQ(ioctl(fd, 0xfd00, request.data()), 0);
  EXPECT_EQ(ioctl(fd, 0xfd7f, request.data()), -1);
  EXPECT_EQ(errno, ENOTTY);
}

// Requests of device-mapper to what is not the node.
TEST_F(BadPointerTest, OtherFiles) {
  const int null = open("/dev/null", O_RDWR);
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  Buffer request = Request("d");
  for (int fd : {null, pair[0]}) {
    EXPECT_EQ(ioctl(fd, Number(DM_DEV_CREATE_CMD), request.data()), -1);
    EXPECT_NE(errno, EFAULT);
    close(fd);
  }
  close(pair[1]);
  EXPECT_EQ(ioctl(-1, Number(DM_VERSION_CMD), request.data()), -1);
  EXPECT_EQ(errno, EBADF);
  EXPECT_EQ(control_.Do(DM_DEV_STATUS_CMD, Request("d")), ENXIO);
}

}  // namespace
}  // namespace dmdax
