// SPDX-License-Identifier: Apache-2.0
//
// Descriptors of the control node, and those that once were: every copy is the
// node, and no other file is.
#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <set>
#include <string>

#include "tests/preload/control.h"

namespace dmdax {
namespace {

constexpr char kNode[] = "/dev/mapper/control";

// Whether it answers as the node.
int Version(int fd) { return Do(fd, DM_VERSION_CMD, Request("")); }

class DescriptorTest : public testing::Test {
 protected:
  void SetUp() override { control_.Create("d"); }
  void TearDown() override {
    EXPECT_EQ(control_.Do(DM_REMOVE_ALL_CMD, Request("")), 0);
  }
  // A copy of the node that works, which is closed.
  void ExpectNode(int fd) {
    ASSERT_GE(fd, 0);
    EXPECT_EQ(Version(fd), 0);
    close(fd);
  }

  Control control_;
};

TEST_F(DescriptorTest, EveryCallOfADirectory) {
  // As libdevmapper makes it.
  ASSERT_EQ(mknod("/dev/mapper/d", S_IFBLK | 0600, makedev(254, 0)), 0);
  DIR* const dir = opendir("/dev/mapper");
  ASSERT_NE(dir, nullptr);
  const auto names = [&] {
    std::set<std::string> found;
    while (const dirent* entry = readdir(dir)) found.insert(entry->d_name);
    return found;
  };
  const std::set<std::string> all = {".", "..", "control", "d"};
  EXPECT_EQ(names(), all);
  rewinddir(dir);
  EXPECT_EQ(names(), all);
  rewinddir(dir);
  const long first = telldir(dir);
  readdir(dir);
  seekdir(dir, first);
  EXPECT_EQ(names(), all);
  EXPECT_EQ(faccessat(dirfd(dir), "d", R_OK, 0), 0);
  EXPECT_EQ(closedir(dir), 0);

  dirent** list;
  ASSERT_EQ(scandir("/dev/mapper", &list, nullptr, &alphasort), 4);
  EXPECT_STREQ(list[3]->d_name, "d");
  for (int i = 0; i < 4; ++i) free(list[i]);
  free(list);
  EXPECT_EQ(unlink("/dev/mapper/d"), 0);
}

// By every call that writes.
TEST_F(DescriptorTest, AnAttributeIsWritten) {
  constexpr char kFile[] = "/sys/dev/block/254:0/bdi/read_ahead_kb";
  const int fd = open(kFile, O_RDWR);
  ASSERT_GE(fd, 0);
  const auto text = [&] {
    char bytes[8] = {};
    const int again = open(kFile, O_RDONLY);
    EXPECT_EQ(read(again, bytes, sizeof(bytes)), 4);
    close(again);
    return std::string(bytes);
  };
  EXPECT_EQ(write(fd, "512", 3), 3);
  EXPECT_EQ(text(), "512\n");
  EXPECT_EQ(pwrite(fd, "640", 3, 0), 3);
  EXPECT_EQ(text(), "640\n");
  iovec part = {.iov_base = const_cast<char*>("768"), .iov_len = 3};
  EXPECT_EQ(writev(fd, &part, 1), 3);
  EXPECT_EQ(text(), "768\n");
  EXPECT_EQ(write(fd, "much", 4), -1);
  EXPECT_EQ(errno, EINVAL);
  EXPECT_EQ(text(), "768\n");
  close(fd);
}

TEST_F(DescriptorTest, CopiesAreTheNode) {
  const int fd = control_.fd();
  ExpectNode(dup(fd));
  ExpectNode(dup2(fd, 100));
  ExpectNode(dup3(fd, 101, O_CLOEXEC));
  ExpectNode(fcntl(fd, F_DUPFD, 50));
  ExpectNode(fcntl(fd, F_DUPFD_CLOEXEC, 50));
  ExpectNode(static_cast<int>(syscall(SYS_dup, fd)));
  // The last copy is as good as the first.
  const int copy = dup(open(kNode, O_RDWR));
  close(copy - 1);
  ExpectNode(copy);
}

TEST_F(DescriptorTest, CopiesShareWhatWasSeen) {
  const int copy = dup(control_.fd());
  pollfd entry = {.fd = copy, .events = POLLIN};
  EXPECT_EQ(poll(&entry, 1, 0), 1);
  control_.Arm();
  EXPECT_EQ(poll(&entry, 1, 0), 0);
  // In another process, too.
  const pid_t child = fork();
  if (child == 0) {
    const bool armed = control_.Rename("d", "e") == 0 &&
                       poll(&entry, 1, 0) == 1 &&
                       Do(copy, DM_DEV_ARM_POLL_CMD, Request("")) == 0;
    _exit(armed ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(control_.Poll(0), 0);
  close(copy);
}

TEST_F(DescriptorTest, AnotherFileIsNotTheNode) {
  const std::function<void(int)> closings[] = {
      [](int fd) { dup2(open("/dev/zero", O_RDWR), fd); },
      [](int fd) { dup3(open("/dev/zero", O_RDWR), fd, O_CLOEXEC); },
      [](int fd) { close_range(static_cast<unsigned>(fd), ~0u, 0); },
      [](int fd) { syscall(SYS_close, fd); }, [](int fd) { closefrom(fd); }};
  for (const auto& closing : closings) {
    const int fd = dup2(control_.fd(), 200);
    ASSERT_EQ(fd, 200);
    ASSERT_EQ(Version(fd), 0);
    closing(fd);
    // What opens next has the number.
    const int other = fcntl(open("/dev/zero", O_RDWR), F_DUPFD, 200);
    EXPECT_EQ(Version(fd), ENOTTY) << other;
    EXPECT_EQ(Do(fd, DM_DEV_REMOVE_CMD, Request("d")), ENOTTY);
    closefrom(200);
  }
  EXPECT_EQ(control_.Do(DM_DEV_STATUS_CMD, Request("d")), 0);
}

TEST_F(DescriptorTest, SentToAnotherProcess) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  char byte = 'x', space[CMSG_SPACE(sizeof(int))] = {};
  iovec data = {&byte, 1};
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = space;
  message.msg_controllen = sizeof(space);
  const pid_t child = fork();
  if (child == 0) {
    close(control_.fd());
    if (recvmsg(ends[1], &message, 0) != 1) _exit(2);
    int fd;
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
    _exit(Do(fd, DM_DEV_REMOVE_CMD, Request("d")) == 0 ? 0 : 1);
  }
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  const int fd = control_.fd();
  memcpy(CMSG_DATA(header), &fd, sizeof(fd));
  ASSERT_EQ(sendmsg(ends[0], &message, 0), 1);
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(control_.Do(DM_DEV_STATUS_CMD, Request("d")), ENXIO);
  close(ends[0]);
  close(ends[1]);
}

TEST_F(DescriptorTest, ClosedByExecOnlyWhenAskedFor) {
  for (int flags : {0, O_CLOEXEC}) {
    const int fd = open(kNode, O_RDWR | flags);
    EXPECT_EQ(fcntl(fd, F_GETFD), flags ? FD_CLOEXEC : 0);
    // The program that it runs has the library, too.
    const std::string number = std::to_string(fd);
    const pid_t child = fork();
    if (child == 0) {
      setenv("DESCRIPTOR", number.c_str(), 1);
      setenv("ANSWER", flags == 0 ? "0" : std::to_string(EBADF).c_str(), 1);
      execl("/proc/self/exe", "test", "--gtest_filter=AfterExec.*", nullptr);
      _exit(2);
    }
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    close(fd);
  }
}

// Runs in the program above.
TEST(AfterExec, TheNodeIsTheNode) {
  const char* const fd = getenv("DESCRIPTOR");
  if (fd == nullptr) return;
  EXPECT_EQ(Version(atoi(fd)), atoi(getenv("ANSWER")));
}

TEST_F(DescriptorTest, EveryWayToOpen) {
  ExpectNode(open(kNode, O_RDWR));
  ExpectNode(open64(kNode, O_RDWR));
  ExpectNode(openat(AT_FDCWD, kNode, O_RDWR));
  ExpectNode(openat64(control_.fd(), kNode, O_RDWR));
  EXPECT_EQ(open("/dev/mapper/nosuch", O_RDWR), -1);
  EXPECT_EQ(errno, ENOENT);
  for (auto* opens : {&fopen, &fopen64}) {
    FILE* const devices = opens("/proc/devices", "re");
    ASSERT_NE(devices, nullptr);
    EXPECT_EQ(fcntl(fileno(devices), F_GETFD), FD_CLOEXEC);
    char text[256] = {};
    EXPECT_GT(fread(text, 1, sizeof(text) - 1, devices), 0u);
    EXPECT_NE(strstr(text, " device-mapper\n"), nullptr);
    fclose(devices);
  }
  const int relative = openat(AT_FDCWD, ".", O_RDONLY | O_DIRECTORY);
  EXPECT_EQ(openat(relative, "dev/mapper/control", O_RDWR), -1);
  close(relative);
}

TEST_F(DescriptorTest, LooksLikeTheNode) {
  struct stat by_path, by_fd;
  ASSERT_EQ(stat(kNode, &by_path), 0);
  ASSERT_EQ(fstat(control_.fd(), &by_fd), 0);
  EXPECT_EQ(by_fd.st_mode, by_path.st_mode);
  EXPECT_EQ(by_fd.st_rdev, by_path.st_rdev);
  char byte;
  EXPECT_EQ(read(control_.fd(), &byte, 1), -1);
  EXPECT_EQ(errno, EINVAL);
  EXPECT_EQ(lseek(control_.fd(), 0, SEEK_SET), -1);
  EXPECT_EQ(errno, ESPIPE);
}

// --- waiting ---

int Select(int fd, int timeout_ms) {
  fd_set in, out;
  FD_ZERO(&in);
  FD_SET(fd, &in);
  out = in;
  timeval timeout = {.tv_usec = timeout_ms * 1000};
  return select(fd + 1, &in, &out, nullptr, &timeout);
}

TEST_F(DescriptorTest, SelectsAsArmed) {
  EXPECT_EQ(Select(control_.fd(), 0), 1);
  control_.Arm();
  EXPECT_EQ(Select(control_.fd(), 0), 0);
  const Later later([] { return Control().Rename("d", "e") == 0; });
  EXPECT_EQ(Select(control_.fd(), 900), 1);
  fd_set in;
  FD_ZERO(&in);
  FD_SET(control_.fd(), &in);
  const timespec now = {};
  EXPECT_EQ(pselect(control_.fd() + 1, &in, nullptr, nullptr, &now, nullptr),
            1);
}

class Epoll {
 public:
  explicit Epoll(int fd, uint32_t flags = 0) : epoll_(epoll_create1(0)) {
    epoll_event event = {.events = EPOLLIN | EPOLLOUT | flags, .data = {}};
    EXPECT_EQ(epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event), 0);
  }
  ~Epoll() { close(epoll_); }
  // The events, 0 for none.
  uint32_t Wait(int timeout_ms) const {
    epoll_event event = {};
    const int n = epoll_wait(epoll_, &event, 1, timeout_ms);
    EXPECT_EQ(n, event.events != 0);
    return event.events;
  }

 private:
  const int epoll_;
};

TEST_F(DescriptorTest, EpollsAsArmed) {
  const Epoll epoll(control_.fd()), edge(control_.fd(), EPOLLET);
  EXPECT_EQ(epoll.Wait(0), EPOLLIN);
  EXPECT_EQ(edge.Wait(0), EPOLLIN);
  EXPECT_EQ(epoll.Wait(0), EPOLLIN) << "until it is armed again";
  EXPECT_EQ(edge.Wait(0), 0u);
  control_.Arm();
  EXPECT_EQ(epoll.Wait(0), 0u);
  {
    const Later later([] { return Control().Rename("d", "e") == 0; });
    EXPECT_EQ(epoll.Wait(kLongMs), EPOLLIN);
  }
  EXPECT_EQ(edge.Wait(0), EPOLLIN);
}

}  // namespace
}  // namespace dmdax
