// SPDX-License-Identifier: Apache-2.0
//
// Readers translate while another thread reloads or removes devices below
// them.  Worth most under --config=tsan and --config=asan.
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "block/machine.h"
#include "dm/dm_ioctl.h"
#include "tests/property/naive_walker.h"
#include "tests/property/random_table.h"

namespace dmdax::property {
namespace {

constexpr uint64_t kPages = 256;
constexpr int kReaders = 3;

// Tables of the lowest device: same size, other frames, other boundaries.
const char* const kLowTables[] = {
    "0 1024 linear pmem0 0\n"
    "1024 1024 striped 2 64 pmem0 2048 pmem1 0\n",

    "0 512 striped 4 32 pmem1 0 pmem0 4096 pmem1 2048 pmem0 8\n"
    "512 1536 linear pmem1 1024\n",

    "0 2048 error\n",
};
constexpr int kTables = 3;

// pmem0 and pmem1, "low" (dm-0), "mid" (dm-1) on it and "top" (dm-2) on mid.
class LiveTableTest : public testing::TestWithParam<int> {
 protected:
  LiveTableTest()
      : machine_(AllKernelProfiles()[static_cast<size_t>(GetParam())]),
        ctl_(machine_) {
    for (int i = 0; i < 2; ++i) {
      EXPECT_TRUE(machine_
                      .AddPmem({.name = absl::StrCat("pmem", i),
                                .base = Base(i),
                                .size = 2048 * kPageSize})
                      .ok());
    }
    // What the answers are with each table in place.
    for (const char* table : kLowTables) {
      auto world = std::make_unique<NaiveWorld>(
          machine_.profile().release.major, machine_.profile().release.minor);
      for (int i = 0; i < 2; ++i) {
        world->AddPmem(absl::StrCat("pmem", i),
                       {.base = Base(i), .sectors = 2048 * kPageSectors});
      }
      const char* text[] = {kLowTables[0], kMid, kTop};
      for (int d = 0; d < 3; ++d) {
        const std::string disk = absl::StrCat("dm-", d);
        world->CreateMapped(disk);
        EXPECT_TRUE(world->Load(disk, text[d]) && world->Resume(disk));
        world->SetMaxSectors(disk, 2560);
      }
      EXPECT_TRUE(world->Load("dm-0", table) && world->Resume("dm-0"));
      worlds_.push_back(std::move(world));
    }
  }

  static uint64_t Base(int i) { return uint64_t{1} << (32 + i); }

  absl::Status Load(const std::string& name, const std::string& text) {
    std::vector<DmTargetSpec> specs;
    for (absl::string_view line :
         absl::StrSplit(absl::StrReplaceAll(
                            text, {{"pmem", "/dev/pmem"}, {"dm-", "/dev/dm-"}}),
                        '\n', absl::SkipEmpty())) {
      const std::vector<std::string> words =
          absl::StrSplit(line, absl::MaxSplits(' ', 3));
      specs.push_back({sector_t{std::stoull(words[0])}, std::stoull(words[1]),
                       words[2], words.size() > 3 ? words[3] : ""});
    }
    DmIoctl io{.name = name};
    return ctl_.TableLoad(io, specs);
  }

  absl::Status Resume(const std::string& name) {
    DmIoctl io{.name = name};
    return ctl_.DevSuspend(io);
  }

  void Create(const std::string& name, const std::string& text) {
    DmIoctl io{.name = name};
    ASSERT_TRUE(ctl_.DevCreate(io).ok());
    ASSERT_TRUE(Load(name, text).ok());
    ASSERT_TRUE(Resume(name).ok());
  }

  void CreateAll() {
    Create("low", kLowTables[0]);
    Create("mid", kMid);
    Create("top", kTop);
  }

  void Remove(const std::string& name) {
    DmIoctl io{.name = name};
    EXPECT_TRUE(ctl_.DevRemove(io).ok()) << name;
  }

  // Whether `got` is what the walker says with table `t` below.
  bool Is(int t, uint64_t page, int64_t nr, const DaxAccess& got) const {
    const NaiveAnswer want =
        worlds_[static_cast<size_t>(t)]->DirectAccess("dm-2", page, nr, false);
    return got.ret == want.ret && (got.ret <= 0 || got.pfn.value() == want.pfn);
  }

  void ReadWhileReloading(MappedDevice& top, uint64_t seed);
  void ReadUntilRemoved(std::shared_ptr<MappedDevice> top, bool lock,
                        uint64_t seed);

  static constexpr char kMid[] =
      "0 1032 linear dm-0 1016\n"
      "1032 1016 linear dm-0 0\n";
  static constexpr char kTop[] = "0 2048 striped 2 128 dm-1 0 dm-1 1024\n";

  Machine machine_;
  DmCtl ctl_;
  std::vector<std::unique_ptr<NaiveWorld>> worlds_;
  // Reloads of "low" begun and finished; table n % kTables is the n-th.
  std::atomic<int> begun_{0}, finished_{0};
  std::atomic<bool> stop_{false};
  std::atomic<uint64_t> wrong_{0}, asked_{0}, certain_{0};
};

void LiveTableTest::ReadWhileReloading(MappedDevice& top, uint64_t seed) {
  Dice dice(seed);
  while (!stop_.load()) {
    const uint64_t page = dice.Range(0, kPages - 1);
    const int64_t nr = static_cast<int64_t>(dice.Range(1, 40));
    const int before = finished_.load();
    DaxAccess got;
    {
      DaxReadLock lock;
      got = DaxDirectAccess(&top.dax_dev(), pgoff_t{page}, nr,
                            DaxAccessMode::kAccess, nullptr);
    }
    const int after = begun_.load();
    // One of the tables that were live at some moment of the query.
    bool right = false;
    for (int n = before; n <= after && n < before + kTables; ++n) {
      right |= Is(n % kTables, page, nr, got);
    }
    if (!right) wrong_.fetch_add(1);
    if (before == after) certain_.fetch_add(1);
    asked_.fetch_add(1);
  }
}

TEST_P(LiveTableTest, ReloadsUnderReaders) {
  CreateAll();
  const std::shared_ptr<MappedDevice> top = ctl_.FindDevice("top");
  std::vector<std::thread> readers;
  for (int i = 0; i < kReaders; ++i) {
    readers.emplace_back(
        [&, i] { ReadWhileReloading(*top, static_cast<uint64_t>(i)); });
  }
  for (int n = 1; n <= 150; ++n) {
    // Let readers see the table at rest, too.
    const uint64_t seen = asked_.load();
    while (asked_.load() < seen + 10) std::this_thread::yield();
    ASSERT_TRUE(Load("low", kLowTables[n % kTables]).ok());
    begun_.store(n);
    ASSERT_TRUE(Resume("low").ok());
    finished_.store(n);
  }
  stop_.store(true);
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong_.load(), 0u) << "of " << asked_.load();
  EXPECT_GT(certain_.load(), 0u);
}

// With the lock: the right answer, then ENXIO for ever.  Without, a reader
// may also find the device without its table.
void LiveTableTest::ReadUntilRemoved(std::shared_ptr<MappedDevice> top,
                                     bool lock, uint64_t seed) {
  Dice dice(seed);
  bool gone = false;
  while (!stop_.load()) {
    const uint64_t page = dice.Range(0, kPages - 1);
    const auto ask = [&] {
      return DaxDirectAccess(&top->dax_dev(), pgoff_t{page}, 7,
                             DaxAccessMode::kAccess, nullptr);
    };
    DaxAccess got;
    if (lock) {
      DaxReadLock read;
      got = ask();
    } else {
      got = ask();
    }
    const bool right = (!gone && Is(0, page, 7, got)) || got.ret == -ENXIO ||
                       (!lock && got.ret == -EIO);
    if (!right) wrong_.fetch_add(1);
    gone |= got.ret == -ENXIO;
    asked_.fetch_add(1);
  }
}

TEST_P(LiveTableTest, RemovesUnderReaders) {
  for (uint64_t round = 0; round < 20; ++round) {
    ASSERT_NO_FATAL_FAILURE(CreateAll());
    const std::shared_ptr<MappedDevice> top = ctl_.FindDevice("top");
    stop_.store(false);
    std::vector<std::thread> readers;
    for (uint64_t i = 0; i < kReaders; ++i) {
      readers.emplace_back(
          [&, i] { ReadUntilRemoved(top, i != 0, round * kReaders + i); });
    }
    const uint64_t seen = asked_.load();
    while (asked_.load() < seen + 50) std::this_thread::yield();
    Remove("top");
    const DaxAccess after = DaxDirectAccess(&top->dax_dev(), pgoff_t{0}, 1,
                                            DaxAccessMode::kAccess, nullptr);
    EXPECT_EQ(after.ret, -ENXIO);
    // What it held is free at once, whoever still has the pointer.
    Remove("mid");
    Remove("low");
    stop_.store(true);
    for (std::thread& reader : readers) reader.join();
  }
  EXPECT_EQ(wrong_.load(), 0u) << "of " << asked_.load();
}

INSTANTIATE_TEST_SUITE_P(
    Kernels, LiveTableTest,
    testing::Range(0, static_cast<int>(AllKernelProfiles().size())),
    [](const auto& test) {
      return AllKernelProfiles()[static_cast<size_t>(test.param)].name;
    });

}  // namespace
}  // namespace dmdax::property
