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
#include "run/link_walk.h"
#include "run/mount_call.h"
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
  // umount(8) of a device that the machine has too must not find the host's.
  const std::string tree = testing::TempDir() + "/mount_info";
  std::filesystem::create_directories(tree + "/dev/sda1");
  const Fd out = FileWith("");
  FilterMountInfo(FileWith(kInfo).get(), out.get(), tree.c_str());
  EXPECT_EQ(TextOf(out),
            "22 1 0:0 / / rw - ext4 /dev/vda rw\n"
            "23 22 0:21 / /proc rw - proc proc rw\n"
            "24 22 0:1 /a /etc/hosts rw shared:1 - ext4 none rw\n"
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
  // By name.
  std::filesystem::create_directories(tree + "/dev/vda");
  const Fd named = FileWith("");
  FilterMounts(
      FileWith("/dev/vda / ext4 rw 0 0\n/dev/vdb /b ext4 rw 0 0\n").get(), -1,
      named.get(), tree.c_str());
  EXPECT_EQ(TextOf(named), "/dev/vdb /b ext4 rw 0 0\n");
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

// Where links lead on a machine whose tree has dev/pmem0, seen from a host that
// has none.
class LinkWalk : public testing::Test {
 protected:
  void SetUp() override {
    top_ = testing::TempDir() + "/link_walk";
    std::filesystem::remove_all(top_);
    std::filesystem::create_directories(top_ + "/tree/dev");
    std::filesystem::create_directories(top_ + "/here/a");
    top_ = std::filesystem::canonical(top_);
  }
  std::string Host(const std::string& name) const {
    return top_ + "/here/" + name;
  }
  void Link(const std::string& text, const std::string& at) const {
    std::filesystem::create_symlink(text, at);
  }
  std::string Walk(const std::string& path,
                   LastLink last = LastLink::kFollow) const {
    char out[PATH_MAX];
    const std::string tree = top_ + "/tree";
    const int error = WalkLinks(
        {.tree = tree.c_str()}, path.c_str(), last,
        [](const char* clean) { return IsMachinePath(clean); }, out);
    return error == 0 ? out : absl::StrCat("E", error);
  }
  std::string top_;
};

TEST_F(LinkWalk, IntoTheTreeAndOut) {
  std::string up;
  for (const char c : Host("")) up += c == '/' ? "../" : "";
  Link(up + "dev/pmem0", Host("l"));
  Link("a/../l", Host("m"));
  EXPECT_EQ(Walk(Host("l")), "/dev/pmem0");
  EXPECT_EQ(Walk(Host("m")), "/dev/pmem0");
  EXPECT_EQ(Walk(Host("m"), LastLink::kKeep), Host("m"));
  Link("/", Host("root"));
  EXPECT_EQ(Walk(Host("root/dev/x/"), LastLink::kKeep), "/dev/x/");
  Link("../tmp/f", top_ + "/tree/dev/out");
  EXPECT_EQ(Walk("/dev/out"), "/tmp/f");
  Link(top_ + "/tree/dev/pmem0", Host("ours"));
  EXPECT_EQ(Walk(Host("ours")), "/dev/pmem0");
  Link("/dev/null", top_ + "/tree/dev/null");
  EXPECT_EQ(Walk("/dev/null"), "/dev/null") << "a link to itself is the host's";
}

TEST_F(LinkWalk, Ends) {
  Link("self", Host("self"));
  Link("there", Host("here"));
  Link("here", Host("there"));
  EXPECT_EQ(Walk(Host("here")), absl::StrCat("E", ELOOP));
  EXPECT_EQ(Walk("/" + std::string(PATH_MAX, 'x')),
            absl::StrCat("E", ENAMETOOLONG));
  const Fd memory = FileWith("");
  const std::string fd = absl::StrCat("/proc/self/fd/", memory.get());
  EXPECT_EQ(Walk(fd), absl::StrCat("E", EREMOTE));
  EXPECT_EQ(Walk("/../.."), "/");
  EXPECT_EQ(Walk(Host("a/./../nothing/x")), Host("nothing/x"));
}

TEST_F(LinkWalk, MayHaveLinks) {
  Link("nothing", Host("l"));
  EXPECT_TRUE(MayHaveLinks(AT_FDCWD, Host("l").c_str(), LastLink::kFollow));
  EXPECT_FALSE(MayHaveLinks(AT_FDCWD, Host("l").c_str(), LastLink::kKeep));
  EXPECT_FALSE(MayHaveLinks(AT_FDCWD, Host("a").c_str(), LastLink::kFollow));
  EXPECT_TRUE(MayHaveLinks(AT_FDCWD, Host("l/x").c_str(), LastLink::kKeep));
  EXPECT_FALSE(MayHaveLinks(AT_FDCWD, Host("no/x").c_str(), LastLink::kFollow));
}

TEST(MountCall, OptionPaths) {
  std::vector<std::string> paths;
  const auto all = [&](const char* path) {
    paths.push_back(path);
    return false;
  };
  EXPECT_FALSE(AnyOptionPath("ro,logdev=/dev/x,a=b,,rtdev=/y=z,q", all));
  EXPECT_EQ(paths, (std::vector<std::string>{"/dev/x", "/y=z"}));
  EXPECT_FALSE(AnyOptionPath(nullptr, all));
  EXPECT_TRUE(AnyOptionPath("x=/", [](const char*) { return true; }));
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
