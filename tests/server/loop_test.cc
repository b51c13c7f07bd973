// SPDX-License-Identifier: Apache-2.0
//
// Loop devices and partitions over the protocol: what a program sees of them in
// the tree, the file that goes along with a message, and what a state keeps.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/blkpg.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/fd.h"
#include "block/machine.h"
#include "server/protocol.h"
#include "tests/server/serving.h"

namespace dmdax {
namespace {

constexpr uint64_t kLoopControl = DMDAX_DEV(10, 237), kLoop0 = DMDAX_DEV(7, 0);

template <typename T>
std::string BytesOf(const T& value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof(value));
}

// A partition of type 83 in an MBR.
std::string Mbr(uint32_t start, uint32_t sectors) {
  std::string sector(512, '\0');
  sector[446 + 4] = '\x83';
  memcpy(sector.data() + 446 + 8, &start, sizeof(start));
  memcpy(sector.data() + 446 + 12, &sectors, sizeof(sectors));
  sector[510] = '\x55';
  sector[511] = '\xaa';
  return sector;
}

class LoopTest : public ServingTest {
 protected:
  void Prepare() override {
    path_ = state_ + "/../file_" + state_.substr(state_.size() - 6);
    file_ = Fd(open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_EQ(ftruncate(file_.get(), 1 << 20), 0);
    path_ = std::filesystem::canonical(path_);
  }
  // Another command adds sda, 259:0 if that is free.
  void AddDisk() const {
    Change([](Session& session) {
      BlockOptions sda;
      sda.name = "sda";
      sda.nr_sectors = 2048;
      EXPECT_TRUE(session.machine->AddBlock(sda).ok());
    });
  }
  static int Control(const Client& client, uint32_t command, int64_t n = 0) {
    const Said control =
        client.Open(DMDAX_KIND_CHAR, kLoopControl, O_RDWR | O_CLOEXEC);
    const Said said =
        client.Ioctl(control.head.handle, command, static_cast<uint64_t>(n));
    return said.head.error != 0 ? -said.head.error
                                : static_cast<int>(said.head.arg[0]);
  }
  static Said Open(const Client& client, uint64_t dev, int flags = O_RDWR) {
    Said said = client.Open(DMDAX_KIND_BLOCK, dev, flags);
    EXPECT_EQ(said.head.error, 0);
    return said;
  }
  // loop0 with the file in it, from byte 4096 on.
  Said Configure(const Client& client, uint32_t flags = 0) {
    EXPECT_EQ(Control(client, LOOP_CTL_GET_FREE), 0);
    Said loop = Open(client, kLoop0);
    loop_config config = {};
    config.fd = 99;
    config.info.lo_offset = 4096;
    config.info.lo_flags = flags;
    EXPECT_EQ(client
                  .Ioctl(loop.head.handle, LOOP_CONFIGURE, 0, BytesOf(config),
                         file_.get())
                  .head.error,
              0);
    return loop;
  }
  // A file of the tree, "" if there is none.
  static std::string Tree(const Client& client, const std::string& path) {
    const Said hello = client.Call(Client::Head(DMDAX_OP_HELLO));
    std::ifstream file(absl::StrCat(hello.bytes, "/", path));
    std::string line;
    std::getline(file, line);
    return line;
  }
  static bool HasNode(const Client& client, const std::string& name) {
    const Said hello = client.Call(Client::Head(DMDAX_OP_HELLO));
    return std::filesystem::exists(absl::StrCat(hello.bytes, "/dev/", name));
  }
  std::string FileText(off_t offset, size_t size) const {
    std::string text(size, '?');
    EXPECT_EQ(pread(file_.get(), text.data(), size, offset),
              static_cast<ssize_t>(size));
    return text;
  }

  std::string path_;
  Fd file_;
};

TEST_F(LoopTest, TheControlNode) {
  const Client client(serving());
  EXPECT_FALSE(HasNode(client, "loop0"));
  EXPECT_EQ(Control(client, LOOP_CTL_GET_FREE), 0);
  EXPECT_TRUE(HasNode(client, "loop0"));
  EXPECT_EQ(Tree(client, "sys/block/loop0/size"), "0");
  EXPECT_EQ(Control(client, LOOP_CTL_ADD, 5), 5);
  EXPECT_EQ(Control(client, LOOP_CTL_ADD, 5), -EEXIST);
  EXPECT_EQ(Control(client, LOOP_CTL_REMOVE, 5), 0);
  EXPECT_FALSE(HasNode(client, "loop5"));
  EXPECT_EQ(Control(client, LOOP_CTL_REMOVE, 5), -ENODEV);
  {
    const Said open = Open(client, kLoop0);
    EXPECT_EQ(Control(client, LOOP_CTL_REMOVE, 0), -EBUSY);
  }
  EXPECT_EQ(Control(client, LOOP_CTL_REMOVE, 0), 0) << "it is closed";
  EXPECT_EQ(Control(client, 0x4c99), -ENOSYS);
}

TEST_F(LoopTest, TheFileComesWithTheMessage) {
  const Client client(serving());
  const Said loop = Configure(client);
  const uint64_t h = loop.head.handle;
  EXPECT_EQ(Tree(client, "sys/block/loop0/size"), "2040");
  EXPECT_EQ(Tree(client, "sys/block/loop0/loop/backing_file"), path_);
  EXPECT_EQ(Tree(client, "sys/block/loop0/loop/offset"), "4096");
  EXPECT_EQ(Tree(client, "sys/block/loop0/loop/autoclear"), "0");
  EXPECT_EQ(client.Write(h, 1, "loop"), 0);
  EXPECT_EQ(FileText(4097, 4), "loop");
  const Said status = client.Ioctl(h, LOOP_GET_STATUS64);
  loop_info64 info;
  ASSERT_EQ(status.bytes.size(), sizeof(info));
  memcpy(&info, status.bytes.data(), sizeof(info));
  struct stat st;
  ASSERT_EQ(fstat(file_.get(), &st), 0);
  EXPECT_EQ(info.lo_inode, st.st_ino);
  EXPECT_EQ(info.lo_offset, 4096u);
  info.lo_sizelimit = 8192;
  EXPECT_EQ(client.Ioctl(h, LOOP_SET_STATUS64, 0, BytesOf(info)).head.error, 0);
  EXPECT_EQ(Tree(client, "sys/block/loop0/size"), "16");
  EXPECT_EQ(Tree(client, "sys/block/loop0/loop/sizelimit"), "8192");
  EXPECT_EQ(client.Ioctl(h, LOOP_SET_FD, 99, "", file_.get()).head.error,
            EBUSY);
  EXPECT_EQ(client.Ioctl(h, LOOP_CLR_FD).head.error, 0);
  EXPECT_EQ(Tree(client, "sys/block/loop0/loop/backing_file"), "");
  EXPECT_EQ(Tree(client, "sys/block/loop0/size"), "0");
  EXPECT_EQ(client.Ioctl(h, LOOP_GET_STATUS64).head.error, ENXIO);
  // A descriptor that is none.
  EXPECT_EQ(client.Ioctl(h, LOOP_SET_FD, 99).head.error, EBADF);
}

// Its bytes would be the machine's own: we say that it is not there.
TEST_F(LoopTest, ADeviceOfTheMachineIsNoFile) {
  const Client client(serving());
  AddDisk();
  ASSERT_EQ(Control(client, LOOP_CTL_GET_FREE), 0);
  const Said loop = Open(client, kLoop0);
  const Said sda = Open(client, DMDAX_DEV(259, 0));
  const Said said =
      client.Ioctl(loop.head.handle, LOOP_SET_FD, 99, "", sda.fd.get());
  EXPECT_EQ(said.head.error, EOPNOTSUPP);
  EXPECT_NE(said.bytes.find("not modelled"), std::string::npos) << said.bytes;
}

TEST_F(LoopTest, AutoclearIsDoneByTheLastClose) {
  const Client client(serving());
  {
    const Said loop = Configure(client, LO_FLAGS_AUTOCLEAR);
    EXPECT_EQ(Tree(client, "sys/block/loop0/loop/autoclear"), "1");
  }
  // Seen when something is asked.
  EXPECT_EQ(Control(client, LOOP_CTL_GET_FREE), 0);
  EXPECT_EQ(Tree(client, "sys/block/loop0/loop/backing_file"), "");
}

TEST_F(LoopTest, PartitionsOfItsTable) {
  ASSERT_EQ(pwrite(file_.get(), Mbr(8, 16).data(), 512, 4096), 512);
  const Client client(serving());
  const Said loop = Configure(client, LO_FLAGS_PARTSCAN);
  const uint64_t h = loop.head.handle;
  EXPECT_TRUE(HasNode(client, "loop0p1"));
  EXPECT_EQ(Tree(client, "sys/block/loop0/loop0p1/start"), "8");
  EXPECT_EQ(Tree(client, "sys/class/block/loop0p1/partition"), "1");
  // The first number of the extended major.
  {
    const Said part = Open(client, DMDAX_DEV(259, 0));
    EXPECT_EQ(client.Write(part.head.handle, 0, "part"), 0);
    EXPECT_EQ(FileText(4096 + 8 * 512, 4), "part");
    EXPECT_EQ(client.Ioctl(h, BLKRRPART).head.error, EBUSY);
  }
  ASSERT_EQ(client.Write(h, 0, Mbr(16, 32)), 0);
  EXPECT_EQ(client.Ioctl(h, BLKRRPART).head.error, 0);
  EXPECT_EQ(Tree(client, "sys/block/loop0/loop0p1/start"), "16");
  blkpg_partition second = {};
  second.start = 64 * 512;
  second.length = 8 * 512;
  second.pno = 2;
  blkpg_ioctl_arg arg = {};
  arg.op = BLKPG_ADD_PARTITION;
  const std::string both = BytesOf(arg) + BytesOf(second);
  EXPECT_EQ(client.Ioctl(h, BLKPG, 0, both, -1, 0).head.error, EACCES);
  EXPECT_EQ(client.Ioctl(h, BLKPG, 0, BytesOf(arg)).head.error, EFAULT);
  EXPECT_EQ(client.Ioctl(h, BLKPG, 0, both).head.error, 0);
  EXPECT_EQ(client.Ioctl(h, BLKPG, 0, both).head.error, EBUSY);
  EXPECT_EQ(Tree(client, "sys/block/loop0/loop0p2/size"), "8");
  EXPECT_EQ(client.Ioctl(h, LOOP_CLR_FD).head.error, 0);
  EXPECT_FALSE(HasNode(client, "loop0p2"));
}

// The state has the path, and the next server opens it.
TEST_F(LoopTest, AStateKeepsWhatIsInIt) {
  {
    const Client client(serving());
    const Said loop = Configure(client, LO_FLAGS_PARTSCAN);
    blkpg_partition part = {};
    part.start = 512;
    part.length = 512;
    part.pno = 1;
    blkpg_ioctl_arg arg = {};
    arg.op = BLKPG_ADD_PARTITION;
    const std::string both = BytesOf(arg) + BytesOf(part);
    ASSERT_EQ(client.Ioctl(loop.head.handle, BLKPG, 0, both).head.error, 0);
    ASSERT_EQ(client.Write(loop.head.handle, 0, "kept"), 0);
    EXPECT_EQ(Control(client, LOOP_CTL_ADD, 3), 3) << "an empty one";
    serving_->End(SIGKILL);
  }
  Serve();
  {
    const Client client(serving());
    const Said loop = Open(client, kLoop0);
    const uint64_t h = loop.head.handle;
    EXPECT_EQ(client.Read(h, 0, 4), "kept");
    EXPECT_EQ(Tree(client, "sys/block/loop0/size"), "2040");
    EXPECT_EQ(Tree(client, "sys/block/loop0/loop/backing_file"), path_);
    EXPECT_EQ(Tree(client, "sys/block/loop0/loop/partscan"), "1");
    EXPECT_TRUE(HasNode(client, "loop0p1"));
    EXPECT_EQ(Control(client, LOOP_CTL_GET_FREE), 3);
    // Another command's change makes the machine anew; the file stays, also
    // when its name goes.
    ASSERT_EQ(unlink(path_.c_str()), 0);
    AddDisk();
    EXPECT_EQ(client.Read(h, 0, 4), "kept");
    EXPECT_EQ(client.Write(h, 0, "KEPT"), 0);
    EXPECT_EQ(FileText(4096, 4), "KEPT");
  }
  // Nobody finds it any more.
  serving_->End(SIGKILL);
  Serve();
  const Client client(serving());
  const Said loop = Open(client, kLoop0);
  EXPECT_EQ(client.Read(loop.head.handle, 0, 4), absl::StrCat("E", EIO));
  EXPECT_EQ(client.Ioctl(loop.head.handle, LOOP_CLR_FD).head.error, 0);
  EXPECT_EQ(Control(client, LOOP_CTL_GET_FREE), 0);
}

}  // namespace
}  // namespace dmdax
