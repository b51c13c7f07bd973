// SPDX-License-Identifier: Apache-2.0
//
// What `dmdax advise` prints is what it promises: random wishes on random
// memory, and the printed lines carried out, word by word, by code that knows
// nothing of how they were made.
#include "tools/advise/advise.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "state/world_load.h"
#include "tests/property/seeds.h"
#include "tests/testing.h"
#include "tools/dmsetup/dmsetup.h"

namespace dmdax {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kGiB = uint64_t{1} << 30;

// The words of a shell's line, where single quotes keep blanks.
std::vector<std::string> Words(const std::string& line) {
  std::vector<std::string> words;
  bool quoted = false, open = false;
  for (char c : line) {
    if (c == '\'') {
      quoted = !quoted;
    } else if (c == ' ' && !quoted) {
      open = false;
      continue;
    }
    if (!open) words.emplace_back();
    open = true;
    if (c != '\'') words.back() += c;
  }
  return words;
}

// "2m" of LVM2's options.
uint64_t LvmBytes(const std::string& word) {
  static const std::map<char, uint64_t> kUnits = {
      {'b', 1}, {'k', 1 << 10}, {'m', kMiB}, {'g', kGiB}};
  uint64_t n = 0;
  EXPECT_TRUE(absl::SimpleAtoi(word.substr(0, word.size() - 1), &n)) << word;
  return n * kUnits.at(word.back());
}

// The value behind an option, or "".
std::string After(const std::vector<std::string>& words,
                  const std::string& option) {
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] == option) return words[i + 1];
  }
  return "";
}

struct Disk {
  uint64_t address = 0, bytes = 0;
};

// A machine with some pmem, aligned or not, and a partition now and then.
struct Lot {
  proto::World world;
  std::map<std::string, Disk> disks;  // by path
};

Lot RandomLot(std::mt19937_64& random) {
  const auto below = [&](uint64_t n) { return random() % n; };
  Lot lot;
  uint64_t at = 4 * kGiB;
  const int pmems = static_cast<int>(below(5));
  for (int i = 0; i < pmems; ++i) {
    proto::Pmem& pmem = *lot.world.add_pmem();
    pmem.set_name(absl::StrCat("pmem", i));
    const uint64_t shifts[] = {0, 0, 0, kMiB, 4096, 2 * kMiB - 4096};
    pmem.set_base(at + shifts[below(6)]);
    if (below(4) == 0) pmem.set_data_offset(4096 * below(1024));
    const uint64_t sizes[] = {8 * kMiB, 64 * kMiB, 512 * kMiB, 4 * kGiB};
    pmem.set_size(sizes[below(4)] + 4096 * below(600) + pmem.data_offset());
    pmem.set_asynchronous(below(8) == 0);
    if (below(12) == 0) pmem.set_raw(true);
    if (below(12) == 0) {
      proto::BadBlocks& bad = *pmem.add_badblocks();
      bad.set_sector(below(16000));
      bad.set_count(1 + below(20));
    }
    at = (pmem.base() + pmem.size()) / kGiB * kGiB + kGiB;
    const Disk disk{pmem.base() + pmem.data_offset(),
                    (pmem.size() - pmem.data_offset()) / 512 * 512};
    if (below(4) != 0) {
      lot.disks[absl::StrCat("/dev/", pmem.name())] = disk;
      continue;
    }
    proto::Block& part = *lot.world.add_block();
    part.set_name(absl::StrCat(pmem.name(), "p1"));
    part.set_partition_of(pmem.name());
    part.set_start(8 * (1 + below(600)));
    part.set_sectors((disk.bytes / 512 - part.start()) / 8 * 8);
    lot.disks[absl::StrCat("/dev/", part.name())] = {
        disk.address + part.start() * 512, part.sectors() * 512};
  }
  return lot;
}

AdviceWish RandomWish(std::mt19937_64& random) {
  const auto below = [&](uint64_t n) { return random() % n; };
  AdviceWish wish;
  if (below(3) != 0) wish.size = below(1200) * kMiB + below(2) * 4096;
  if (below(2) == 0) wish.stripes = 1 + below(4);
  const AdviseFs fs[] = {AdviseFs::kExt4, AdviseFs::kXfs, AdviseFs::kNone};
  wish.fs = fs[below(3)];
  const AdvisePage pages[] = {AdvisePage::k2M, AdvisePage::k2M, AdvisePage::k2M,
                              AdvisePage::k4K, AdvisePage::k1G};
  wish.page = pages[below(5)];
  wish.sync = below(4) == 0;
  return wish;
}

// Where the data of each device begins, and where the volume's next piece of
// it does, as LVM2 would have it.
struct Lvm {
  std::map<std::string, uint64_t> pe_start;
  uint64_t size = 0, stripes = 1, chunk = 0;
  std::set<std::string> used;
};

Lvm RunLvm(const std::vector<std::string>& lines) {
  Lvm lvm;
  for (const std::string& line : lines) {
    const std::vector<std::string> words = Words(line);
    if (words[0] == "pvcreate") {
      const uint64_t align = LvmBytes(After(words, "--dataalignment"));
      const std::string offset = After(words, "--dataalignmentoffset");
      const uint64_t start = (kMiB + align - 1) / align * align +
                             (offset.empty() ? 0 : LvmBytes(offset));
      for (const std::string& word : words) {
        if (absl::StartsWith(word, "/dev/")) lvm.pe_start[word] = start;
      }
    } else if (words[0] == "vgcreate") {
      EXPECT_EQ(After(words, "--physicalextentsize"), "4m");
    } else {
      EXPECT_EQ(words[0], "lvcreate");
      lvm.size = LvmBytes(After(words, "-L"));
      if (!After(words, "-i").empty()) {
        EXPECT_TRUE(absl::SimpleAtoi(After(words, "-i"), &lvm.stripes));
        lvm.chunk = LvmBytes(After(words, "-I"));
      }
      EXPECT_EQ(lvm.size % (4 * kMiB * lvm.stripes), 0u) << line;
    }
  }
  return lvm;
}

// The table's own arithmetic: every row on whole extents of its devices, none
// twice, and with 2 MiB pages every page at a boundary of the memory.
void CheckTable(const Advice& advice, const Lot& lot) {
  const Lvm lvm = RunLvm(advice.lvm);
  const bool huge = advice.wish.page == AdvisePage::k2M;
  std::map<std::string, std::map<uint64_t, uint64_t>> taken;
  uint64_t end = 0;
  for (absl::string_view row : absl::StrSplit(advice.table, '\n')) {
    const std::vector<std::string> words = Words(std::string(row));
    uint64_t start, length, chunk = 0;
    ASSERT_TRUE(absl::SimpleAtoi(words[0], &start));
    ASSERT_TRUE(absl::SimpleAtoi(words[1], &length));
    EXPECT_EQ(start, end);
    end = start + length;
    size_t leg = 3;
    uint64_t legs = 1;
    if (words[2] == "striped") {
      ASSERT_TRUE(absl::SimpleAtoi(words[3], &legs));
      ASSERT_TRUE(absl::SimpleAtoi(words[4], &chunk));
      EXPECT_EQ(chunk * 512, lvm.chunk);
      leg = 5;
    }
    EXPECT_EQ(legs, lvm.stripes);
    EXPECT_EQ(words.size(), leg + 2 * legs);
    const uint64_t bytes = length * 512 / legs;
    if (huge) {
      EXPECT_EQ(start * 512 % (2 * kMiB), 0u);
      EXPECT_EQ(bytes % (2 * kMiB), 0u);
      EXPECT_EQ(chunk * 512 % (2 * kMiB), 0u);
    }
    for (; leg + 1 < words.size(); leg += 2) {
      ASSERT_TRUE(lot.disks.count(words[leg])) << words[leg];
      const Disk& disk = lot.disks.at(words[leg]);
      uint64_t sector;
      ASSERT_TRUE(absl::SimpleAtoi(words[leg + 1], &sector));
      const uint64_t at = sector * 512;
      EXPECT_LE(at + bytes, disk.bytes);
      const uint64_t pe_start = lvm.pe_start.at(words[leg]);
      EXPECT_GE(at, pe_start);
      EXPECT_EQ((at - pe_start) % (4 * kMiB), 0u);
      if (huge) {
        EXPECT_EQ((disk.address + at) % (2 * kMiB), 0u) << row;
      }
      for (const auto& [from, to] : taken[words[leg]]) {
        EXPECT_TRUE(at >= to || at + bytes <= from) << "twice: " << row;
      }
      taken[words[leg]][at] = at + bytes;
    }
  }
  EXPECT_EQ(end * 512, lvm.size);
  EXPECT_EQ(lvm.size, advice.wish.size);
}

// Carries out what is printed of a volume, on one kernel.  What comes of it, as
// a World: with a file of all that is 2 MiB behind the volume's start.
absl::StatusOr<proto::World> CarryOut(const Advice& advice,
                                      const KernelAdvice& on, const Lot& lot) {
  proto::World world = lot.world;
  world.set_kernel(on.kernel);
  absl::StatusOr<Session> session = LoadWorld(world);
  if (!session.ok()) return session.status();
  // dmsetup create NAME --table ROW, or printf '%s\n' ROW ... | dmsetup create
  // NAME.
  const std::vector<std::string> words = Words(advice.dmsetup[0]);
  const bool piped = words[0] == "printf";
  EXPECT_TRUE(piped || words[0] == "dmsetup") << words[0];
  const std::string mapped = piped ? words.back() : words[2];
  std::string table = piped ? "" : words[4];
  for (size_t i = 2; piped && words[i] != "|"; ++i) {
    absl::StrAppend(&table, i == 2 ? "" : "\n", words[i]);
  }
  const DmsetupResult made =
      RunDmsetup(*session->ctl, {"create", mapped}, absl::StrCat(table, "\n"));
  EXPECT_EQ(made.rc, 0) << made.err;
  world = DescribeWorld(*session);
  for (const std::string& line : on.sysfs) {
    const std::vector<std::string> echo = Words(line);
    EXPECT_TRUE(absl::StrContains(line, absl::StrCat(mapped, ")/queue/")))
        << line;
    uint32_t kb = 0;
    EXPECT_TRUE(absl::SimpleAtoi(echo[1], &kb));
    world.mutable_mapped_device(0)->set_max_sectors_kb(kb);
  }
  if (advice.mkfs.empty()) return world;
  const std::vector<std::string> mkfs = Words(advice.mkfs[0]);
  EXPECT_EQ(mkfs.back(), absl::StrCat("/dev/mapper/", mapped));
  const std::vector<std::string> mount = Words(advice.mount[0]);
  proto::Mount& fs = *world.add_mount();
  fs.set_type(std::string(absl::StripPrefix(mkfs[0], "mkfs.")));
  const std::string block = After(mkfs, "-b");
  fs.set_block_size(4096);
  EXPECT_TRUE(block == "4096" || block == "size=4096");
  fs.set_reflink(fs.type() == "xfs" && After(mkfs, "-m") != "reflink=0");
  fs.set_options(After(mount, "-o"));
  fs.set_device(mount[mount.size() - 2]);
  fs.set_path(mount.back());
  proto::File& file = *fs.add_file();
  file.set_name("f");
  proto::Extent& extent = *file.add_extent();
  extent.set_physical(2 * kMiB);
  extent.set_length(advice.wish.size / (2 * kMiB) * (2 * kMiB) - 2 * kMiB);
  return world;
}

void CheckPromise(const Advice& advice, const Lot& lot) {
  if (advice.table.empty()) {
    // The size that it takes is read before.
    ASSERT_EQ(advice.ndctl.size(), 2u);
    EXPECT_THAT(advice.ndctl[0], testing::HasSubstr("&& size_"));
    EXPECT_THAT(advice.ndctl[1],
                testing::StartsWith("ndctl create-namespace -f -e $ns_"));
    EXPECT_THAT(advice.ndctl[1], testing::HasSubstr(" --size $size_"));
    return;
  }
  CheckTable(advice, lot);
  for (const KernelAdvice& on : advice.kernels) {
    SCOPED_TRACE(on.kernel);
    absl::StatusOr<proto::World> world = CarryOut(advice, on, lot);
    ASSERT_THAT(world, IsOk());
    absl::StatusOr<Session> session = LoadWorld(*world);
    ASSERT_THAT(session, IsOk());
    const std::string subject =
        world->mount_size() == 0 ? world->mapped_device(0).name()
                                 : absl::StrCat(world->mount(0).path(), "/f");
    const Look look = LookAt(*session, {.name = subject, .wish = Wish::kPmd});
    ASSERT_THAT(look.error, IsOk());
    EXPECT_TRUE(look.dax);
    EXPECT_EQ(look.shares.signal, 0u);
    EXPECT_TRUE(look.sync || !advice.wish.sync);
    if (advice.wish.page == AdvisePage::k2M) {
      EXPECT_EQ(look.shares.pmd, look.shares.total);
    }
    // No line is printed that is not needed.
    if (on.sysfs.empty()) continue;
    world->mutable_mapped_device(0)->set_max_sectors_kb(0);
    absl::StatusOr<Session> without = LoadWorld(*world);
    ASSERT_THAT(without, IsOk());
    EXPECT_LT(LookAt(*without, {.name = subject}).shares.pmd,
              look.shares.total);
  }
}

TEST(Advise, WhatIsPrintedIsWhatWasPromised) {
  const std::vector<std::vector<std::string>> kernels = {
      {"v6_1"},
      {"v4_14"},
      {"v5_10", "v6_12"},
      {"v7_2"},
      {"v4_14", "v5_10", "v6_1", "v6_12", "v6_16", "v6_17", "v6_18", "v7_2",
       "v7_3"}};
  int given = 0, refused = 0, queue = 0, nearest = 0;
  for (uint64_t seed : property::Seeds(0, 199)) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    std::mt19937_64 random(seed);
    const Lot lot = RandomLot(random);
    AdviseRequest request{.world = lot.world,
                          .kernels = kernels[random() % kernels.size()],
                          .wish = RandomWish(random)};
    const absl::StatusOr<Advice> advice = Advise(request);
    ASSERT_THAT(advice, IsOk());
    if (advice->given) {
      ++given;
      EXPECT_GE(advice->wish.size, request.wish.size);
      for (const KernelAdvice& on : advice->kernels) queue += on.sysfs.size();
      CheckPromise(*advice, lot);
      continue;
    }
    ++refused;
    EXPECT_NE(advice->reason, "");
    EXPECT_NE(advice->text, "");
    if (!advice->nearest) continue;
    ++nearest;
    // The nearest wish is one that is given.
    request.wish = *advice->nearest;
    const absl::StatusOr<Advice> near = Advise(request);
    ASSERT_THAT(near, IsOk());
    EXPECT_TRUE(near->given) << WishText(request.wish);
    if (near->given) CheckPromise(*near, lot);
  }
  // Each kind of answer has come.
  EXPECT_GT(given, 0);
  EXPECT_GT(refused, 0);
  EXPECT_GT(queue, 0);
  EXPECT_GT(nearest, 0);
}

}  // namespace
}  // namespace dmdax
