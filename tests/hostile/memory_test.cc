// SPDX-License-Identifier: Apache-2.0
//
// Little address space and little time: what is asked of a machine of terabytes
// takes none of them, and a small archive that unpacks to gigabytes is refused
// before they are unpacked.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/hostile/child.h"

namespace dmdax::hostile {
namespace {

using testing::HasSubstr;

class MemoryTest : public testing::Test {
 protected:
  MemoryTest() { scratch_.memory = uint64_t{1} << 30; }

  // An archive that shell commands make, and that unpacks to too much.
  void TooMuchIsRefused(const std::string& commands, const std::string& archive,
                        int seconds) {
    scratch_.seconds = seconds;
    const std::string there = absl::StrCat("cd '", scratch_.File(""), "' && ");
    ASSERT_EQ(system((there + commands).c_str()), 0);
    const ChildResult r = scratch_.Run({"import", scratch_.File(archive)});
    EXPECT_EQ(r.signal, 0);
    EXPECT_EQ(r.rc, 1);
    EXPECT_THAT(r.err, HasSubstr(archive + ": unpacked it has more than "));
  }

  Scratch scratch_;
};

// A pool of thin volumes on eight terabytes.
TEST_F(MemoryTest, AThinPoolOnTerabytes) {
  const std::string ndctl = scratch_.Put(
      "ndctl.json",
      "[{\"dev\":\"namespace0.0\",\"mode\":\"fsdax\",\"map\":\"dev\","
      "\"size\":8657871044608,\"sector_size\":512,\"align\":2097152,"
      "\"blockdev\":\"pmem0\"}]");
  const std::string table =
      scratch_.Put("table",
                   "vg-pool_tmeta: 0 262144 linear 259:0 2048\n"
                   "vg-pool_tdata: 0 16777216 linear 259:0 264192\n"
                   "vg-pool-tpool: 0 16777216 thin-pool 253:0 253:1 128 0 0\n"
                   "vg-thin1: 0 2097152 thin 253:2 1\n");
  const std::string info =
      scratch_.Put("info",
                   "Name:Maj:Min:Stat:Open:Targ:Event:UUID\n"
                   "vg-pool_tmeta:253:0:L--w:1:1:0:LVM-tmeta\n"
                   "vg-pool_tdata:253:1:L--w:1:1:0:LVM-tdata\n"
                   "vg-pool-tpool:253:2:L--w:1:1:0:LVM-tpool\n"
                   "vg-thin1:253:3:L--w:0:1:0:LVM-thin1\n");
  const std::string devices = scratch_.Put(
      "lsblk.json",
      "{\"blockdevices\": [{\"name\": \"pmem0\", \"maj:min\": \"259:0\", "
      "\"size\": 8657871044608, \"type\": \"disk\"}]}");
  const ChildResult load =
      scratch_.Run({"import", ndctl, table, info, devices, "--load"});
  ASSERT_EQ(load.rc, 0) << load.err;
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"status"},
                                             {"translate", "pmem0", "5"},
                                             {"check"},
                                             {"export"},
                                             {"sweep", "pmem0"}}) {
    const ChildResult r = scratch_.Run(words);
    EXPECT_EQ(r.signal, 0);
    EXPECT_NE(r.rc, 1) << words[0] << r.err;
  }
  EXPECT_THAT(scratch_.Run({"status"}).out, HasSubstr("thin-pool"));
}

TEST_F(MemoryTest, BytesInMemoryNameTheLimit) {
  if (kSanitized) GTEST_SKIP() << "no limit";
  const std::string world = scratch_.Put(
      "w", "pmem { name: \"pmem0\" size: 0x80000000000 memory: true }");
  const ChildResult r = scratch_.Run({"--world", world, "ls"});
  EXPECT_EQ(r.rc, 1);
  EXPECT_THAT(r.err, HasSubstr("the address space is limited to 1073741824 "
                               "bytes (ulimit -v)"));
}

TEST_F(MemoryTest, ASmallArchiveOfGigabytes) {
  if (kSanitized) GTEST_SKIP() << "too slow";
  TooMuchIsRefused(
      "mkdir -p sos/proc && truncate -s 1500M sos/proc/iomem && "
      "tar -cf - sos | gzip -9 > t.tar.gz",
      "t.tar.gz", 20);
}

// What an archive says besides the bytes of its files counts too: holes of
// sparse files, and names.
TEST_F(MemoryTest, ASmallArchiveOfHoles) {
  if (kSanitized) GTEST_SKIP() << "too slow";
  TooMuchIsRefused(
      "for i in $(seq 40); do mkdir -p sos/$i && truncate -s 60M sos/$i/x && "
      "echo x >> sos/$i/x || exit; done; tar -cSf t.tar sos",
      "t.tar", 100);
}

// A member of a tar, padded.
std::string Member(char type, const std::string& name,
                   const std::string& bytes) {
  std::string header(512, '\0');
  header.replace(0, name.size(), name);
  header.replace(100, 7, "0000644");
  header.replace(124, 11, absl::StrFormat("%011o", bytes.size()));
  header.replace(148, 8, "        ");
  header[156] = type;
  header.replace(257, 8, std::string("ustar\00000", 8));
  unsigned sum = 0;
  for (char c : header) sum += static_cast<unsigned char>(c);
  header.replace(148, 7, absl::StrFormat("%06o", sum) + '\0');
  return header + bytes + std::string((512 - bytes.size() % 512) % 512, '\0');
}

// With its path in a header of its own, as POSIX has it.
std::string EmptyFile(const std::string& path) {
  const std::string record = absl::StrCat(" path=", path, "\n");
  size_t length = record.size();
  while (absl::StrCat(length).size() + record.size() != length) ++length;
  return Member('x', "x", absl::StrCat(length, record)) + Member('0', "x", "");
}

TEST_F(MemoryTest, ASmallArchiveOfLongNames) {
  if (kSanitized) GTEST_SKIP() << "too slow";
  std::string names;
  for (int i = 0; i < 6000; ++i) {
    names += EmptyFile(absl::StrCat(i, "/", std::string(4000, 'a'), "/x"));
  }
  scratch_.Put("names", names);
  // Packed once, given again and again.
  TooMuchIsRefused(
      "gzip -9 < names > once && for i in $(seq 24); do cat once; done > "
      "t.tar.gz",
      "t.tar.gz", 100);
  // Longer ones no machine has.
  scratch_.Put("long.tar",
               EmptyFile(std::string(900'000, 'a')) + std::string(1024, '\0'));
  const ChildResult longer =
      scratch_.Run({"import", scratch_.File("long.tar")});
  EXPECT_EQ(longer.rc, 1);
  EXPECT_THAT(longer.err, HasSubstr("a path of 900000 bytes"));
  EXPECT_LT(longer.err_bytes, 2000u);
}

}  // namespace
}  // namespace dmdax::hostile
