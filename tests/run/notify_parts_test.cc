// SPDX-License-Identifier: Apache-2.0
//
// The parts of run/notify that need no supervised program.
#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/fd.h"
#include "run/mount_table.h"
#include "run/notify/call_table.h"
#include "run/notify/syscall_filter.h"
#include "run/notify/target_memory.h"
#include "run/notify/tree_paths.h"

namespace dmdax::run {
namespace {

// What the kernel does with a filter.
uint32_t Execute(const std::vector<sock_filter>& program, seccomp_data data) {
  uint32_t a = 0;
  for (size_t pc = 0; pc < program.size(); ++pc) {
    const sock_filter& i = program[pc];
    switch (i.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        memcpy(&a, reinterpret_cast<const char*>(&data) + i.k, sizeof(a));
        break;
      case BPF_RET | BPF_K:
        return i.k;
      case BPF_JMP | BPF_JA:
        pc += i.k;
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        pc += a == i.k ? i.jt : i.jf;
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        pc += a >= i.k ? i.jt : i.jf;
        break;
      case BPF_JMP | BPF_JSET | BPF_K:
        pc += (a & i.k) != 0 ? i.jt : i.jf;
        break;
      default:
        ADD_FAILURE() << "no such instruction: " << i.code;
        return 0;
    }
  }
  ADD_FAILURE() << "the program has no end";
  return 0;
}

uint32_t Ask(UserIds ids, int nr, std::vector<uint64_t> args) {
#if defined(__x86_64__)
  seccomp_data data{.nr = nr, .arch = AUDIT_ARCH_X86_64};
#else
  seccomp_data data{.nr = nr, .arch = AUDIT_ARCH_AARCH64};
#endif
  std::copy(args.begin(), args.end(), data.args);
  return Execute(SyscallFilter({.first = 900, .end = 1024}, ids), data);
}

constexpr uint32_t kAsk = SECCOMP_RET_USER_NOTIF, kAllow = SECCOMP_RET_ALLOW;
constexpr uint64_t kCwd = static_cast<uint32_t>(AT_FDCWD);

TEST(SyscallFilter, DescriptorsOfDevices) {
  for (const int nr : {__NR_read, __NR_ioctl, __NR_lseek, __NR_fcntl}) {
    for (const uint64_t fd : {0, 1, 2, 900, 901, 1023}) {
      EXPECT_EQ(Ask(UserIds::kOwn, nr, {fd}), kAsk) << nr << " " << fd;
    }
    for (const uint64_t fd : {3u, 4u, 899u, 1024u, 5000u, 0xffffffffu}) {
      EXPECT_EQ(Ask(UserIds::kOwn, nr, {fd}), kAllow) << nr << " " << fd;
    }
  }
  // The high half of a register says nothing.
  EXPECT_EQ(Ask(UserIds::kOwn, __NR_read, {uint64_t{1} << 32 | 900}), kAsk);
}

TEST(SyscallFilter, SecondDescriptors) {
  EXPECT_EQ(Ask(UserIds::kOwn, __NR_sendfile, {5, 6}), kAllow);
  EXPECT_EQ(Ask(UserIds::kOwn, __NR_sendfile, {5, 900}), kAsk);
  EXPECT_EQ(Ask(UserIds::kOwn, __NR_copy_file_range, {5, 0, 900}), kAsk);
  EXPECT_EQ(Ask(UserIds::kOwn, __NR_mmap, {0, 0, 0, 0, 900}), kAsk);
  EXPECT_EQ(Ask(UserIds::kOwn, __NR_mmap, {900, 0, 0, 0, 0xffffffff}), kAllow);
}

TEST(SyscallFilter, PathsAndEmptyOnes) {
  EXPECT_EQ(Ask(UserIds::kOwn, __NR_openat, {kCwd}), kAsk);
  EXPECT_EQ(Ask(UserIds::kOwn, __NR_newfstatat, {kCwd, 1, 1, 0}), kAsk);
  EXPECT_EQ(Ask(UserIds::kOwn, __NR_newfstatat, {5, 1, 1, 0}), kAsk);
  const uint64_t empty = AT_EMPTY_PATH;
  EXPECT_EQ(Ask(UserIds::kOwn, __NR_newfstatat, {5, 1, 1, empty}), kAllow);
  EXPECT_EQ(Ask(UserIds::kOwn, __NR_newfstatat, {900, 1, 1, empty}), kAsk);
  EXPECT_EQ(Ask(UserIds::kOwn, __NR_newfstatat, {kCwd, 1, 1, empty}), kAsk);
  EXPECT_EQ(Ask(UserIds::kOwn, __NR_statx, {5, 1, empty}), kAllow);
  EXPECT_EQ(Ask(UserIds::kOwn, __NR_statx, {900, 1, empty}), kAsk);
}

TEST(SyscallFilter, RootAndRefused) {
  EXPECT_EQ(Ask(UserIds::kOwn, __NR_getuid, {}), kAllow);
  EXPECT_EQ(Ask(UserIds::kRoot, __NR_getuid, {}), uint32_t{SECCOMP_RET_ERRNO});
  EXPECT_EQ(Ask(UserIds::kOwn, __NR_getresuid, {}), kAllow);
  EXPECT_EQ(Ask(UserIds::kRoot, __NR_getresuid, {}), kAsk);
  EXPECT_EQ(Ask(UserIds::kOwn, __NR_io_uring_setup, {}),
            uint32_t{SECCOMP_RET_ERRNO | ENOSYS});
  EXPECT_EQ(Ask(UserIds::kRoot, __NR_getppid, {}), kAllow);
}

TEST(SyscallFilter, OtherArchitecturesAreNotAsked) {
  seccomp_data data{.nr = __NR_openat, .arch = AUDIT_ARCH_I386};
  EXPECT_EQ(Execute(SyscallFilter({900, 1024}, UserIds::kOwn), data), kAllow);
}

TEST(CallTable, IsInOrderAndEachCallOnce) {
  uint32_t last = 0;
  for (const CallRule& rule : CallTable()) {
    EXPECT_TRUE(&rule == &CallTable().front() || rule.nr > last) << rule.nr;
    last = rule.nr;
    const bool answered =
        rule.asked == Asked::kAlways || rule.asked == Asked::kDescriptor ||
        rule.asked == Asked::kUnlessEmpty || rule.asked == Asked::kIfRoot;
    EXPECT_EQ(rule.handler != nullptr, answered) << rule.nr;
  }
  EXPECT_EQ(FindCall(__NR_getppid), nullptr);
}

TEST(TreePaths, Clean) {
  EXPECT_EQ(CleanPath("//dev/./mapper/../dm-0"), "dev/dm-0");
  EXPECT_EQ(CleanPath("/dev/mapper/"), "dev/mapper/");
  EXPECT_EQ(CleanPath("/../.."), "");
  EXPECT_EQ(CleanPath("/sys/block/dm-0/../x"), "sys/block/dm-0/../x");
}

TEST(TreePaths, Machine) {
  EXPECT_TRUE(IsMachinePath("dev"));
  EXPECT_TRUE(IsMachinePath("dev/mapper/home"));
  EXPECT_TRUE(IsMachinePath("sys/block/dm-0"));
  EXPECT_FALSE(IsMachinePath("devices"));
  EXPECT_FALSE(IsMachinePath("sys/class/net"));
  EXPECT_FALSE(IsMachinePath("proc/self/fd"));
}

// A file of memory, at its beginning.
Fd FileWith(absl::string_view text) {
  Fd file(memfd_create("test", MFD_CLOEXEC));
  EXPECT_EQ(write(file.get(), text.data(), text.size()),
            static_cast<ssize_t>(text.size()));
  lseek(file.get(), 0, SEEK_SET);
  return file;
}
std::string TextOf(const Fd& file) {
  std::string text(1 << 16, '\0');
  const ssize_t n = pread(file.get(), text.data(), text.size(), 0);
  text.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return text;
}

constexpr char kInfo[] =
    "22 1 254:0 / / rw - ext4 /dev/vda rw\n"
    "23 22 0:21 / /proc rw - proc proc rw\n"
    "24 22 8:1 /a /etc/hosts rw shared:1 - ext4 /dev/sda1 rw\n"
    "25 22 0:6 / /dev rw - devtmpfs devtmpfs rw\n"
    "26 22 0:7 / /dev/shm rw - tmpfs tmpfs rw\n";

TEST(MountTable, Kinds) {
  EXPECT_EQ(MountTableOf("/proc/12/mountinfo"), MountTable::kInfo);
  EXPECT_EQ(MountTableOf("/proc/self/mounts"), MountTable::kMounts);
  EXPECT_EQ(MountTableOf("/proc/mounts"), MountTable::kMounts);
  EXPECT_EQ(MountTableOf("/etc/mtab"), MountTable::kMounts);
  EXPECT_EQ(MountTableOf("/tmp/mountinfo"), MountTable::kNone);
  EXPECT_EQ(MountTableOf("/proc/mountstats"), MountTable::kNone);
  EXPECT_EQ(MountTableOf("mounts"), MountTable::kNone);
}

TEST(MountTable, InfoHasNoNumbersOfDisks) {
  const Fd out = FileWith("");
  FilterMountInfo(FileWith(kInfo).get(), out.get());
  EXPECT_EQ(TextOf(out),
            "22 1 0:0 / / rw - ext4 /dev/vda rw\n"
            "23 22 0:21 / /proc rw - proc proc rw\n"
            "24 22 0:1 /a /etc/hosts rw shared:1 - ext4 /dev/sda1 rw\n"
            "25 22 0:6 / /dev rw - devtmpfs devtmpfs rw\n"
            "26 22 0:7 / /dev/shm rw - tmpfs tmpfs rw\n");
}

TEST(MountTable, MountsHaveNoDisksThatTheMachineHas) {
  const std::string tree = testing::TempDir() + "/mount_table";
  std::filesystem::create_directories(tree + "/sys/dev/block/8:1");
  const std::string hosts =
      "/dev/sda1 /etc/hosts ext4 " + std::string(9000, 'x') + " 0 0\n";
  const Fd out = FileWith("");
  FilterMounts(FileWith("/dev/vda / ext4 rw 0 0\nproc /proc proc rw 0 0\n" +
                        hosts + "devtmpfs /dev rw\ntmpfs /dev/shm rw\n")
                   .get(),
               FileWith(kInfo).get(), out.get(), tree.c_str());
  EXPECT_EQ(TextOf(out),
            "/dev/vda / ext4 rw 0 0\nproc /proc proc rw 0 0\n"
            "tmpfs /dev/shm rw\n");
  // Without the numbers all are there.
  const Fd all = FileWith("");
  FilterMounts(FileWith(hosts).get(), -1, all.get(), tree.c_str());
  EXPECT_EQ(TextOf(all), hosts);
}

TEST(MountTable, OurOwn) {
  const Fd table(OpenMountTable("/proc/self/mounts", "/nothing", O_CLOEXEC));
  std::ifstream file("/proc/self/mounts");
  std::string line, wanted;
  while (std::getline(file, line)) {
    if (!absl::StrContains(line, " /dev "))
      absl::StrAppend(&wanted, line, "\n");
  }
  EXPECT_EQ(TextOf(table), wanted);
}

TEST(TargetMemory, OurOwn) {
  const TargetMemory memory(getpid());
  const char text[] = "/dev/mapper/control";
  EXPECT_EQ(*memory.ReadString(reinterpret_cast<uint64_t>(text)), text);
  EXPECT_FALSE(memory.ReadString(16).ok());
  uint32_t word = 0;
  EXPECT_TRUE(memory.WriteObject(reinterpret_cast<uint64_t>(&word), 7u).ok());
  EXPECT_EQ(word, 7u);
  const std::string longest(4096, 'x');
  EXPECT_FALSE(
      memory.ReadString(reinterpret_cast<uint64_t>(longest.c_str())).ok());
}

}  // namespace
}  // namespace dmdax::run
