// SPDX-License-Identifier: Apache-2.0
//
// A program that works with /dev/mapper/control of a machine.  It is its own
// test: main() of control.cc starts it again, under `dmdax run`.
//
//   const Control control;
//   control.Create("d");
//   Buffer buffer = Request("d");
//   EXPECT_EQ(control.Do(DM_DEV_STATUS_CMD, buffer), 0);
#ifndef DMDAX_TESTS_PRELOAD_CONTROL_H_
#define DMDAX_TESTS_PRELOAD_CONTROL_H_

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>

#include "dm/wire/ctl_ioctl.h"

namespace dmdax {

using L = DmIoctlLayout;
using Buffer = std::array<char, 4096>;

// Blocked for as long, another process is sure to have had its turn.
inline constexpr int kLaterMs = 300, kLongMs = 20'000;

// _IOWR(DM_IOCTL, cmd, struct dm_ioctl).
constexpr uint32_t Number(DmCommand cmd) {
  return (3u << 30) | (uint32_t{L::kSize} << 16) | (kDmIoctlType << 8) | cmd;
}

// A request for the device, with what lies behind the struct.
inline Buffer Request(const std::string& name, uint32_t flags = 0,
                      uint32_t event_nr = 0, const std::string& data = "") {
  Buffer buffer = {};
  const uint32_t version[3] = {4, 0, 0}, size = sizeof(buffer);
  const uint32_t start = L::kSize;
  memcpy(buffer.data() + L::kVersion, version, sizeof(version));
  memcpy(buffer.data() + L::kDataSize, &size, sizeof(size));
  memcpy(buffer.data() + L::kDataStart, &start, sizeof(start));
  memcpy(buffer.data() + L::kFlags, &flags, sizeof(flags));
  memcpy(buffer.data() + L::kEventNr, &event_nr, sizeof(event_nr));
  memcpy(buffer.data() + L::kName, name.data(), name.size());
  memcpy(buffer.data() + L::kSize, data.data(), data.size());
  return buffer;
}

inline uint32_t EventNr(const Buffer& buffer) {
  uint32_t nr;
  memcpy(&nr, buffer.data() + L::kEventNr, sizeof(nr));
  return nr;
}

// One open of the control node.
class Control {
 public:
  Control() : fd_(open64("/dev/mapper/control", O_RDWR)) { EXPECT_GE(fd_, 0); }
  ~Control() { close(fd_); }

  // 0 or errno.
  int Do(DmCommand cmd, Buffer& buffer) const {
    return ioctl(fd_, Number(cmd), buffer.data()) == 0 ? 0 : errno;
  }
  int Do(DmCommand cmd, Buffer&& buffer) const { return Do(cmd, buffer); }

  // A device with a table of nothing but zeroes.
  void Create(const std::string& name) const {
    ASSERT_EQ(Do(DM_DEV_CREATE_CMD, Request(name)), 0);
    std::string spec(40, '\0');
    spec[8] = 8;  // sectors
    memcpy(spec.data() + 24, "zero", 4);
    Buffer load = Request(name, 0, 0, spec);
    load[L::kTargetCount] = 1;
    ASSERT_EQ(Do(DM_TABLE_LOAD_CMD, load), 0);
    ASSERT_EQ(Do(DM_DEV_SUSPEND_CMD, Request(name)), 0);
  }
  int Rename(const std::string& from, const std::string& to) const {
    return Do(DM_DEV_RENAME_CMD, Request(from, 0, 0, to));
  }
  int Remove(const std::string& name) const {
    return Do(DM_DEV_REMOVE_CMD, Request(name));
  }

  // poll(2): what is ready, or -1.
  int Poll(int timeout_ms) const {
    pollfd entry = {.fd = fd_, .events = POLLIN | POLLPRI};
    const int ready = poll(&entry, 1, timeout_ms);
    EXPECT_EQ(ready > 0, entry.revents != 0);
    return ready < 0 ? -1 : entry.revents;
  }
  void Arm() const { ASSERT_EQ(Do(DM_DEV_ARM_POLL_CMD, Request("")), 0); }
  int fd() const { return fd_; }

 private:
  const int fd_;
};

// Does it in another process, a little later.
class Later {
 public:
  explicit Later(const std::function<bool()>& what) : pid_(fork()) {
    if (pid_ != 0) return;
    usleep(kLaterMs * 1000);
    _exit(what() ? 0 : 1);
  }
  ~Later() {
    int status = -1;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    EXPECT_EQ(status, 0);
  }

 private:
  const pid_t pid_;
};

// 0 or errno.
inline int Do(int fd, DmCommand cmd, Buffer&& buffer) {
  return ioctl(fd, Number(cmd), buffer.data()) == 0 ? 0 : errno;
}

}  // namespace dmdax

#endif  // DMDAX_TESTS_PRELOAD_CONTROL_H_
