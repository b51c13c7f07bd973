// SPDX-License-Identifier: Apache-2.0
//
// Leases: bytes that a client moves itself, where they lie, when it may no
// more, and what waits for it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/fd.h"
#include "server/protocol.h"
#include "tests/server/serving.h"

namespace dmdax {
namespace {

constexpr uint64_t kSda = DMDAX_DEV(8, 0), kDm0 = DMDAX_DEV(254, 0);
constexpr uint64_t kMiB = 1 << 20;

struct Lease {
  int error = 0;
  uint64_t offset = 0, length = 0, generation = 0;
  Fd fd = Fd();
};

class LeaseTest : public ServingTest {
 protected:
  void Prepare() override { AddSda(64 * kMiB); }
  static Said Open(const Client& client, uint64_t dev, int flags = O_RDWR) {
    Said said = client.Open(DMDAX_KIND_BLOCK, dev, flags);
    EXPECT_EQ(said.head.error, 0);
    return said;
  }
  static Lease Ask(const Client& client, uint64_t handle, uint32_t flags,
                   uint64_t offset = 0, uint64_t size = kMiB) {
    dmdax_message m = Client::Head(DMDAX_OP_LEASE, handle);
    m.flags = flags;
    m.arg[0] = offset;
    m.arg[1] = size;
    Said said = client.Call(m);
    Lease lease = {.error = said.head.error,
                   .offset = said.head.arg[0],
                   .length = said.head.arg[1],
                   .fd = std::move(said.fd)};
    if (said.bytes.size() == sizeof(lease.generation)) {
      memcpy(&lease.generation, said.bytes.data(), sizeof(lease.generation));
    }
    return lease;
  }
  static dmdax_lease_page* Page(const Client& client) {
    const Said said = client.Call(Client::Head(DMDAX_OP_LEASE));
    EXPECT_EQ(said.head.error, 0);
    void* const page =
        mmap(nullptr, sizeof(dmdax_lease_page), PROT_READ | PROT_WRITE,
             MAP_SHARED, said.fd.get(), 0);
    EXPECT_NE(page, MAP_FAILED);
    return static_cast<dmdax_lease_page*>(page);
  }
  // As a client sees it.
  static bool IsThere(const Fd& page) {
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    EXPECT_EQ(fcntl(page.get(), F_OFD_GETLK, &lock), 0);
    return lock.l_type != F_UNLCK;
  }
  static uint64_t Generation(const dmdax_lease_page& page) {
    return __atomic_load_n(&page.generation, __ATOMIC_SEQ_CST);
  }
};

TEST_F(LeaseTest, WhatIsWrittenThereIsTheDevice) {
  {
    const Client client(serving());
    const dmdax_lease_page& page = *Page(client);
    const Said control = client.Open(DMDAX_KIND_CHAR, kControl, O_RDWR);
    Create(client, control.head.handle, Row("linear", "8:0 5"));
    const Said d = Open(client, kDm0);
    const uint64_t h = d.head.handle;
    const Lease lease = Ask(client, h, DMDAX_LEASE_WRITE, 512);
    ASSERT_EQ(lease.error, 0);
    EXPECT_EQ(lease.generation, Generation(page));
    EXPECT_EQ(lease.offset, 6 * 512u);
    EXPECT_EQ(lease.length, 7 * 512u) << "the end of the device";
    ASSERT_EQ(pwrite(lease.fd.get(), "direct", 6,
                     static_cast<off_t>(lease.offset) + 3),
              6);
    EXPECT_EQ(client.Read(h, 512 + 3, 6), "direct");
    EXPECT_EQ(client.Do(DMDAX_OP_SYNC, h), 0);
    EXPECT_NE(lease.generation, Generation(page)) << "it is kept now";
    serving_->End(SIGKILL);
  }
  Serve();
  const Client client(serving());
  const Said sda = Open(client, kSda);
  EXPECT_EQ(client.Read(sda.head.handle, 6 * 512 + 3, 6), "direct");
}

TEST_F(LeaseTest, AChangeEndsIt) {
  const Client client(serving());
  const dmdax_lease_page& page = *Page(client);
  const Said control = client.Open(DMDAX_KIND_CHAR, kControl, O_RDWR);
  const uint64_t c = control.head.handle;
  Create(client, c, Row("linear", "8:0 5"));
  const Said d = Open(client, kDm0);
  const uint64_t h = d.head.handle;
  const Lease lease = Ask(client, h, DMDAX_LEASE_WRITE);
  ASSERT_EQ(lease.error, 0);
  ASSERT_EQ(client.Call(DmHead(c, kSuspend), DmSuspend()).head.error, 0);
  EXPECT_NE(lease.generation, Generation(page));
  EXPECT_EQ(Ask(client, h, DMDAX_LEASE_WRITE).error, EOPNOTSUPP) << "it waits";
  ASSERT_EQ(client.Call(DmHead(c, kResume), DmRequest()).head.error, 0);
  const Lease again = Ask(client, h, DMDAX_LEASE_WRITE);
  EXPECT_EQ(again.error, 0);
  // A part of a sector is read, changed and written by the server.
  EXPECT_EQ(client.Write(h, 512, std::string(512, 'x')), 0);
  EXPECT_EQ(again.generation, Generation(page));
  EXPECT_EQ(client.Write(h, 1, "x"), 0);
  EXPECT_NE(again.generation, Generation(page));
}

TEST_F(LeaseTest, WhoIsInTheMiddleIsWaitedFor) {
  const Client client(serving());
  dmdax_lease_page& page = *Page(client);
  const Said control = client.Open(DMDAX_KIND_CHAR, kControl, O_RDWR);
  const uint64_t c = control.head.handle;
  Create(client, c, Row("linear", "8:0 5"));
  const Said d = Open(client, kDm0);
  const auto begin = [&](pid_t thread) {
    ASSERT_EQ(Ask(client, d.head.handle, DMDAX_LEASE_WRITE).error, 0);
    __atomic_store_n(&page.busy[7], static_cast<uint64_t>(thread),
                     __ATOMIC_SEQ_CST);
    client.Send(DmHead(c, kSuspend), DmSuspend());
  };
  begin(getpid());
  EXPECT_FALSE(client.HasAnswer());
  __atomic_store_n(&page.busy[7], 0, __ATOMIC_SEQ_CST);
  EXPECT_EQ(client.Receive()->head.error, 0);
  ASSERT_EQ(client.Call(DmHead(c, kResume), DmRequest()).head.error, 0);
  // One that was killed is not.
  const pid_t gone = fork();
  if (gone == 0) _exit(0);
  ASSERT_EQ(waitpid(gone, nullptr, 0), gone);
  begin(gone);
  EXPECT_EQ(client.Receive()->head.error, 0);
  EXPECT_EQ(page.busy[7], 0u);
  ASSERT_EQ(client.Call(DmHead(c, kResume), DmRequest()).head.error, 0);
  // Nor one for ever that does not go on.
  begin(getpid());
  EXPECT_EQ(client.Receive()->head.error, 0);
}

TEST_F(LeaseTest, AServerThatIsKilledIsSeen) {
  const Client client(serving());
  const Said page = client.Call(Client::Head(DMDAX_OP_LEASE));
  ASSERT_EQ(page.head.error, 0);
  EXPECT_TRUE(IsThere(page.fd));
  serving_->End(SIGKILL);
  EXPECT_FALSE(IsThere(page.fd));
}

// As cmp(1) reads: little at a time, and all of it.
TEST_F(LeaseTest, WhoReadsLittleManyTimesGetsOne) {
  constexpr uint64_t kLittle = 4096;
  const Client client(serving());
  const Said disk = Open(client, kSda);
  const uint64_t sda = disk.head.handle;
  ASSERT_EQ(client.Write(sda, 0, std::string(kMiB, 'x')), 0);
  ASSERT_EQ(client.Call(Client::Head(DMDAX_OP_SYNC, sda)).head.error, 0);
  for (uint64_t read = 0; read < 256 << 10; read += kLittle) {
    ASSERT_EQ(Ask(client, sda, 0, read, kLittle).error, EAGAIN) << read;
    EXPECT_EQ(client.Read(sda, read, kLittle), std::string(kLittle, 'x'));
  }
  EXPECT_EQ(Ask(client, sda, 0, 0, kLittle).error, 0);
}

TEST_F(LeaseTest, WhoGetsNone) {
  const Client client(serving());
  const Said control = client.Open(DMDAX_KIND_CHAR, kControl, O_RDWR);
  const uint64_t c = control.head.handle;
  EXPECT_EQ(Ask(client, c, 0).error, EOPNOTSUPP);
  EXPECT_EQ(Ask(client, 12345, 0).error, EBADF);
  const Said reads = Open(client, kSda, O_RDONLY);
  EXPECT_EQ(Ask(client, reads.head.handle, DMDAX_LEASE_WRITE).error,
            EOPNOTSUPP);
  const Said direct = Open(client, kSda, O_RDWR | O_DIRECT);
  EXPECT_EQ(Ask(client, direct.head.handle, DMDAX_LEASE_WRITE).error,
            EOPNOTSUPP);
  EXPECT_EQ(Ask(client, reads.head.handle, 0, 64 * kMiB).error, EOPNOTSUPP)
      << "the end";
  EXPECT_EQ(Ask(client, reads.head.handle, 0, 0, 4096).error, EAGAIN)
      << "a little, which nobody else is to wait for";
  EXPECT_EQ(Ask(client, reads.head.handle, 0).error, EOPNOTSUPP)
      << "a blank disk has no file";
  const Said writes = Open(client, kSda);
  EXPECT_EQ(Ask(client, writes.head.handle, DMDAX_LEASE_WRITE).error, 0);
  EXPECT_EQ(Ask(client, reads.head.handle, 0).error, 0);
  Create(client, c, Row("error", ""));
  const Said d = Open(client, kDm0);
  EXPECT_EQ(Ask(client, d.head.handle, DMDAX_LEASE_WRITE).error, EOPNOTSUPP);
  for (const char* row : {"flakey", "delay"}) {
    const std::string arguments =
        absl::StrCat("8:0 0 ", row[0] == 'f' ? "0 1" : "0");
    ASSERT_EQ(client.Call(DmHead(c, kLoad), DmRequest(Row(row, arguments), 1))
                  .head.error,
              0);
    ASSERT_EQ(client.Call(DmHead(c, kResume), DmRequest()).head.error, 0);
    EXPECT_EQ(Ask(client, d.head.handle, DMDAX_LEASE_WRITE).error, EOPNOTSUPP)
        << row;
  }
}

}  // namespace
}  // namespace dmdax
