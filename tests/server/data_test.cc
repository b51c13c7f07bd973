// SPDX-License-Identifier: Apache-2.0
//
// Bytes of block devices over the protocol: reads and writes with the kernel's
// errors, O_DIRECT, suspended devices, and what is durable.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/keyctl.h>
#include <signal.h>

#include <cerrno>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "block/machine.h"
#include "dm/dm_ioctl.h"
#include "server/protocol.h"
#include "tests/server/serving.h"

namespace dmdax {
namespace {

constexpr uint64_t kSda = DMDAX_DEV(8, 0), kSdb = DMDAX_DEV(8, 16),
                   kDm0 = DMDAX_DEV(254, 0);
constexpr uint64_t kDiskSize = 16384 * 512;

class DataTest : public ServingTest {
 protected:
  // sda discards, sdb has blocks of 4096 bytes.
  void Prepare() override {
    Change([](Session& session) {
      BlockOptions sda;
      sda.name = "sda";
      sda.dev = DevT{8, 0};
      sda.nr_sectors = kDiskSize / 512;
      sda.limits.max_discard_sectors = 2048;
      sda.limits.discard_granularity = 512;
      sda.limits.max_write_zeroes_sectors = 2048;
      BlockOptions sdb;
      sdb.name = "sdb";
      sdb.dev = DevT{8, 16};
      sdb.nr_sectors = kDiskSize / 512;
      sdb.limits.logical_block_size = 4096;
      sdb.limits.physical_block_size = 4096;
      for (const BlockOptions* disk : {&sda, &sdb}) {
        EXPECT_TRUE(session.machine->AddBlock(*disk).ok());
      }
    });
  }
  static Said Open(const Client& client, uint64_t dev, int flags = O_RDWR) {
    Said said = client.Open(DMDAX_KIND_BLOCK, dev, flags);
    EXPECT_EQ(said.head.error, 0);
    return said;
  }
  Said OpenControl(const Client& client) {
    return client.Open(DMDAX_KIND_CHAR, kControl, O_RDWR);
  }
  static std::string Range(uint64_t start, uint64_t length) {
    const uint64_t range[2] = {start, length};
    return std::string(reinterpret_cast<const char*>(range), sizeof(range));
  }
};

TEST_F(DataTest, AnyBytesAndThePosition) {
  const Client client(serving());
  const Said sdb = Open(client, kSdb);
  const uint64_t h = sdb.head.handle;
  EXPECT_EQ(client.Write(h, 4094, "abcd"), 0);
  EXPECT_EQ(client.Read(h, 4093, 6), std::string("\0abcd\0", 6));
  EXPECT_EQ(client.Do(DMDAX_OP_SEEK, h, 4095, 0, SEEK_SET), 0);
  EXPECT_EQ(client.Read(h, DMDAX_AT_POSITION, 2), "bc");
  EXPECT_EQ(client.Write(h, DMDAX_AT_POSITION, "D"), 0);
  EXPECT_EQ(client.Read(h, 4094, 4), "abcD");
  EXPECT_EQ(client.Read(h, kDiskSize, 1), "");
  EXPECT_EQ(client.Write(h, kDiskSize, "x"), ENOSPC);
  EXPECT_EQ(client.Write(h, (uint64_t{1} << 63) - 2, "x"), ENOSPC);
  EXPECT_EQ(client.Write(h, (uint64_t{1} << 63) - 2, "xy"), EINVAL);
  EXPECT_EQ(client.Write(h, uint64_t{1} << 63, "x"), EINVAL);
  EXPECT_EQ(client.Call(Client::WriteHead(h, kDiskSize - 1), "xyz").head.arg[0],
            1u);
  const Said reader = Open(client, kSdb, O_RDONLY);
  EXPECT_EQ(client.Write(reader.head.handle, 0, "x"), EBADF);
  const Said writer = Open(client, kSdb, O_WRONLY);
  EXPECT_EQ(client.Read(writer.head.handle, 0, 1), absl::StrCat("E", EBADF));
}

// A program adds a key, a table names it, and the table outlives the key.
TEST_F(DataTest, AKeyOfTheKernel) {
  constexpr char kName[] = "logon\0disk:1\0";
  const std::string name(kName, sizeof(kName) - 1), key(32, 'k');
  const Client client(serving());
  const auto use = [&](uint32_t what, const std::string& bytes) {
    dmdax_message m = Client::Head(DMDAX_OP_KEY);
    m.flags = what;
    return client.Call(m, bytes).head;
  };
  const auto keyctl = [&](uint64_t number, uint64_t what,
                          const std::string& bytes = "") {
    dmdax_message m = Client::Head(DMDAX_OP_KEY);
    m.flags = DMDAX_KEY_CONTROL;
    m.arg[0] = number;
    m.arg[1] = what;
    return client.Call(m, bytes).head.error;
  };
  EXPECT_EQ(use(DMDAX_KEY_REQUEST, name).error, ENOKEY);
  EXPECT_EQ(use(DMDAX_KEY_ADD, name).error, EINVAL) << "nothing";
  EXPECT_EQ(use(DMDAX_KEY_ADD, std::string("logon\0disk\0k", 12)).error,
            EINVAL);
  EXPECT_EQ(use(DMDAX_KEY_ADD, std::string("user\0disk:1\0k", 13)).error,
            EINVAL);
  const dmdax_message added = use(DMDAX_KEY_ADD, name + key);
  ASSERT_EQ(added.error, 0);
  EXPECT_GE(added.arg[0], uint64_t{DMDAX_FIRST_KEY});
  EXPECT_EQ(use(DMDAX_KEY_REQUEST, name).arg[0], added.arg[0]);
  const Said control = OpenControl(client);
  Create(client, control.head.handle,
         Row("crypt", "aes-xts-plain64 :32:logon:disk:1 0 8:16 0"));
  const Said d = Open(client, kDm0);
  const std::string text(4096, 't');
  EXPECT_EQ(client.Write(d.head.handle, 0, text), 0);
  EXPECT_EQ(client.Do(DMDAX_OP_SYNC, d.head.handle, 0, 0, 0), 0);
  EXPECT_EQ(keyctl(added.arg[0], KEYCTL_READ), EOPNOTSUPP);
  EXPECT_EQ(keyctl(added.arg[0], KEYCTL_CLEAR), ENOTDIR);
  EXPECT_EQ(keyctl(added.arg[0], KEYCTL_NEGATE), EPERM);
  EXPECT_EQ(keyctl(added.arg[0], KEYCTL_SETPERM, "\xff\xff\xff\xff"), EINVAL);
  EXPECT_EQ(keyctl(added.arg[0], KEYCTL_UPDATE, std::string(4097, 'x')),
            EINVAL);
  EXPECT_EQ(keyctl(added.arg[0], KEYCTL_UPDATE, std::string(16, 'x')), 0);
  EXPECT_EQ(use(DMDAX_KEY_REQUEST, name).arg[0], added.arg[0]);
  EXPECT_EQ(keyctl(added.arg[0], KEYCTL_SET_TIMEOUT), EOPNOTSUPP);
  EXPECT_EQ(keyctl(added.arg[0], KEYCTL_REVOKE), 0);
  EXPECT_EQ(keyctl(added.arg[0], KEYCTL_REVOKE), EKEYREVOKED);
  EXPECT_EQ(keyctl(added.arg[0], KEYCTL_UNLINK), 0);
  EXPECT_EQ(keyctl(added.arg[0] + 1, KEYCTL_REVOKE), ENOKEY);
  EXPECT_EQ(use(DMDAX_KEY_REQUEST, name).error, ENOKEY);
  EXPECT_EQ(client.Read(d.head.handle, 0, 4096), text);
  const Said sdb = Open(client, kSdb, O_RDONLY);
  EXPECT_NE(client.Read(sdb.head.handle, 0, 4096), text);
}

// They count as the kernel counts them: 25,000,000 bytes for root.
TEST_F(DataTest, KeysHaveAQuota) {
  const Client client(serving());
  const std::string key(32'000, 'k');
  const auto add = [&](int number) {
    dmdax_message m = Client::Head(DMDAX_OP_KEY);
    m.flags = DMDAX_KEY_ADD;
    const std::string name = absl::StrFormat("disk:%06d", number);
    std::string bytes("logon\0", 6);
    bytes += name;
    bytes += '\0';
    return client.Call(m, bytes + key).head.error;
  };
  constexpr int kFit = 25'000'000 / (32'000 + 12);
  for (int i = 0; i < kFit; ++i) ASSERT_EQ(add(i), 0) << i;
  EXPECT_EQ(add(kFit), EDQUOT);
  EXPECT_EQ(add(0), 0) << "in place of itself";
}

// A write that is buffered has no error; who syncs is told, once.
TEST_F(DataTest, ErrorsOfBufferedWritesAreToldBySync) {
  const Client client(serving());
  const Said control = OpenControl(client);
  Create(client, control.head.handle, Row("error", ""));
  const Said d = Open(client, kDm0);
  const uint64_t h = d.head.handle;
  EXPECT_EQ(client.Write(h, 0, std::string(4096, 'x')), 0);
  EXPECT_EQ(client.Do(DMDAX_OP_SYNC, h), EIO);
  EXPECT_EQ(client.Do(DMDAX_OP_SYNC, h), 0);
  EXPECT_EQ(client.Read(h, 0, 512), absl::StrCat("E", EIO));
  const Said direct = Open(client, kDm0, O_RDWR | O_DIRECT);
  EXPECT_EQ(client.Write(direct.head.handle, 0, std::string(4096, 'x')), EIO);
}

TEST_F(DataTest, DirectIoIsInLogicalBlocks) {
  const Client client(serving());
  const Said sdb = Open(client, kSdb);
  const uint64_t h = sdb.head.handle;
  const auto flags = [&] {
    return client.Call(Client::Head(DMDAX_OP_IDENTIFY, h)).head.flags;
  };
  EXPECT_EQ(flags(), static_cast<uint32_t>(O_RDWR));
  EXPECT_EQ(client.Read(h, 1, 1), std::string(1, '\0'));
  EXPECT_EQ(client.Do(DMDAX_OP_SET_FLAGS, h, 0, 0, O_DIRECT | O_TRUNC), 0);
  EXPECT_EQ(flags(), static_cast<uint32_t>(O_RDWR | O_DIRECT))
      << "the access mode stays, O_TRUNC is none";
  EXPECT_EQ(client.Read(h, 1, 1), absl::StrCat("E", EINVAL));
  EXPECT_EQ(client.Write(h, 512, std::string(512, 'x')), EINVAL);
  EXPECT_EQ(client.Write(h, 4096, std::string(4096, 'x')), 0);
  EXPECT_EQ(client.Do(DMDAX_OP_SET_FLAGS, h, 0, 0, 0), 0);
  EXPECT_EQ(client.Read(h, 4095, 2), std::string("\0x", 2));
}

TEST_F(DataTest, WhoComesToASuspendedDeviceWaits) {
  const Client client(serving());
  const Said control = OpenControl(client);
  const uint64_t c = control.head.handle;
  Create(client, c, Row("linear", "8:0 0"));
  const Said d = Open(client, kDm0);
  const uint64_t h = d.head.handle;
  ASSERT_EQ(client.Write(h, 0, "before"), 0);
  ASSERT_EQ(client.Call(DmHead(c, kSuspend), DmSuspend()).head.error, 0);
  const Client waits(serving());
  dmdax_message read = Client::Head(DMDAX_OP_READ, h);
  read.arg[1] = 6;
  waits.Send(read);
  waits.Send(Client::WriteHead(h, 0), "after!");
  waits.Send(Client::Head(DMDAX_OP_SYNC, h));
  dmdax_message zero = Client::Head(DMDAX_OP_IOCTL, h);
  zero.arg[0] = BLKZEROOUT;
  waits.Send(zero, Range(512, 512));
  EXPECT_FALSE(waits.HasAnswer());
  EXPECT_EQ(client.Ping(), 0);
  {
    // One that hangs up takes its request back.
    const Client gone(serving());
    gone.Send(Client::WriteHead(h, 1024), "gone");
    EXPECT_FALSE(gone.HasAnswer());
  }
  ASSERT_EQ(client.Call(DmHead(c, kResume), DmRequest()).head.error, 0);
  for (int i = 0; i < 4; ++i) {
    const std::optional<Said> said = waits.Receive();
    ASSERT_TRUE(said.has_value());
    EXPECT_EQ(said->head.error, 0) << said->head.op;
    if (said->head.op == DMDAX_OP_READ) {
      EXPECT_EQ(said->bytes, "before");
    }
  }
  EXPECT_EQ(client.Read(h, 0, 6), "after!");
  EXPECT_EQ(client.Read(h, 1024, 4), std::string(4, '\0'));
}

TEST_F(DataTest, AnotherCommandResumesIt) {
  const Client client(serving());
  const Said control = OpenControl(client);
  Create(client, control.head.handle, Row("linear", "8:0 0"));
  const Said d = Open(client, kDm0);
  const auto suspend = [&](uint32_t flags) {
    Change([&](Session& session) {
      DmIoctl io{.flags = flags, .name = "d"};
      EXPECT_TRUE(session.ctl->DevSuspend(io).ok());
    });
  };
  suspend(DM_SUSPEND_FLAG);
  client.Send(Client::WriteHead(d.head.handle, 0), "x");
  EXPECT_FALSE(client.HasAnswer());
  suspend(0);
  EXPECT_EQ(client.Receive()->head.error, 0);
  EXPECT_EQ(client.Read(d.head.handle, 0, 1), "x");
}

TEST_F(DataTest, DiscardsAndZeros) {
  const Client client(serving());
  const Said sda = Open(client, kSda);
  const uint64_t h = sda.head.handle;
  const std::string full(4096, 'x'), sector(512, '\0');
  const auto refill = [&] { ASSERT_EQ(client.Write(h, 0, full), 0); };
  refill();
  EXPECT_EQ(client.Ioctl(h, BLKDISCARD, 0, Range(512, 512)).head.error, 0);
  EXPECT_EQ(client.Read(h, 511, 514), "x" + sector + "x");
  EXPECT_EQ(client.Ioctl(h, BLKDISCARD, 0, Range(1, 512)).head.error, EINVAL);
  EXPECT_EQ(client.Ioctl(h, BLKDISCARD, 0, "short").head.error, EFAULT);
  refill();
  EXPECT_EQ(client.Ioctl(h, BLKZEROOUT, 0, Range(0, 512)).head.error, 0);
  EXPECT_EQ(client.Read(h, 0, 513), sector + "x");
  refill();
  constexpr uint32_t kPunch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  EXPECT_EQ(client.Do(DMDAX_OP_ALLOCATE, h, 0, 512, kPunch), 0);
  EXPECT_EQ(client.Do(DMDAX_OP_ALLOCATE, h, 1024, 512, FALLOC_FL_ZERO_RANGE),
            0);
  EXPECT_EQ(client.Read(h, 0, 1537),
            sector + full.substr(0, 512) + sector + "x");
  EXPECT_EQ(client.Do(DMDAX_OP_ALLOCATE, h, 0, 512, 0), EOPNOTSUPP);
  EXPECT_EQ(client.Do(DMDAX_OP_ALLOCATE, h, kDiskSize, 512, kPunch), EINVAL);
  EXPECT_EQ(client.Do(DMDAX_OP_ALLOCATE, h, ~uint64_t{0}, 512, kPunch), EINVAL);
  const Said reader = Open(client, kSda, O_RDONLY);
  EXPECT_EQ(
      client.Ioctl(reader.head.handle, BLKDISCARD, 0, Range(0, 512)).head.error,
      EBADF);
  EXPECT_EQ(client.Do(DMDAX_OP_ALLOCATE, reader.head.handle, 0, 512, kPunch),
            EBADF);
  // sdb does not.
  const Said sdb = Open(client, kSdb);
  EXPECT_EQ(
      client.Ioctl(sdb.head.handle, BLKDISCARD, 0, Range(0, 4096)).head.error,
      EOPNOTSUPP);
}

TEST_F(DataTest, SomeIoctlsAreForRoot) {
  const Client client(serving());
  const Said sda = Open(client, kSda);
  const uint64_t h = sda.head.handle;
  for (const uint32_t command : {BLKRRPART, BLKFLSBUF, BLKRASET}) {
    EXPECT_EQ(client.Ioctl(h, command, 512, "", -1, 0).head.error, EACCES)
        << command;
    EXPECT_EQ(client.Ioctl(h, command, 512).head.error, 0) << command;
  }
  const Said size = client.Ioctl(h, BLKGETSIZE64, 0, "", -1, 0);
  EXPECT_EQ(size.head.error, 0);
  EXPECT_EQ(size.bytes, Range(kDiskSize, 0).substr(0, 8));
  EXPECT_EQ(client.Ioctl(h, 0x5401).head.error, ENOTTY) << "TCGETS";
}

// What was synced is there, whatever becomes of the server.
TEST_F(DataTest, SyncedIsDurable) {
  {
    const Client client(serving());
    const Said sda = Open(client, kSda);
    ASSERT_EQ(client.Write(sda.head.handle, 1000, "synced"), 0);
    ASSERT_EQ(client.Do(DMDAX_OP_SYNC, sda.head.handle), 0);
    serving_->End(SIGKILL);
  }
  Serve();
  const Client client(serving());
  const Said sda = Open(client, kSda);
  EXPECT_EQ(client.Read(sda.head.handle, 1000, 6), "synced");
}

}  // namespace
}  // namespace dmdax
