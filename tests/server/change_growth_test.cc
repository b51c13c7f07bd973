// SPDX-License-Identifier: Apache-2.0
//
// What a change of a resident machine reads and writes does not grow: neither
// with the devices beside the one that is changed, nor with the changes before.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdint>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/resident.h"
#include "state/state_dir.h"
#include "state/world.pb.h"
#include "state/world_load.h"
#include "tests/testing.h"
#include "tools/dmsetup/dmsetup.h"

namespace dmdax {
namespace {

namespace fs = std::filesystem;

// What this process has read and written so far.
struct Moved {
  uint64_t read = 0, written = 0;

  static Moved Now() {
    std::ifstream io("/proc/self/io");
    Moved moved;
    std::string word;
    uint64_t number = 0;
    while (io >> word >> number) {
      if (word == "rchar:") moved.read = number;
      if (word == "wchar:") moved.written = number;
    }
    return moved;
  }
  Moved operator-(const Moved& other) const {
    return {read - other.read, written - other.written};
  }
};

class ChangeGrowthTest : public testing::Test {
 protected:
  ChangeGrowthTest() {
    std::string pattern = testing::TempDir() + "/growth.XXXXXX";
    root_ = mkdtemp(pattern.data());
  }
  ~ChangeGrowthTest() override { fs::remove_all(root_); }

  std::unique_ptr<Resident> Beside(int devices) {
    proto::World world;
    proto::Pmem* const pmem = world.add_pmem();
    pmem->set_name("pmem0");
    pmem->set_base(0x100000000);
    pmem->set_size(64 << 20);
    for (int i = 0; i < devices; ++i) {
      proto::MappedDevice* const device = world.add_mapped_device();
      device->set_name(absl::StrCat("d", i));
      proto::Target* const target = device->mutable_table()->add_target();
      target->set_length(8);
      target->mutable_linear()->set_device("/dev/pmem0");
    }
    absl::StatusOr<Session> session = LoadWorld(world);
    EXPECT_THAT(session, IsOk());
    const std::string path = absl::StrCat(root_, "/", devices);
    absl::StatusOr<StateDir> dir = StateDir::Open(path, StateDir::kWrite);
    EXPECT_THAT(dir, IsOk());
    EXPECT_THAT(dir->Read(), IsOk());
    EXPECT_THAT(dir->Write(SnapshotOf(*session, 0)), IsOk());
    absl::StatusOr<std::unique_ptr<Resident>> machine = Resident::Of(path);
    EXPECT_THAT(machine, IsOk());
    return *std::move(machine);
  }

  static void Change(Resident& machine, const std::vector<std::string>& words) {
    EXPECT_THAT(machine.Change(
                    [&](Session& session) {
                      EXPECT_EQ(RunDmsetup(*session.ctl, words, "").rc, 0);
                    },
                    Resident::Touches::kNoted),
                IsOk());
  }

  // Of so many times five changes.
  static Moved Changes(Resident& machine, int rounds) {
    const Moved before = Moved::Now();
    for (int i = 0; i < rounds; ++i) {
      Change(machine, {"create", "new", "--notable"});
      Change(machine, {"load", "new", "--table", "0 8 linear /dev/pmem0 0"});
      Change(machine, {"resume", "new"});
      Change(machine, {"rename", "new", "other"});
      Change(machine, {"remove", "other"});
    }
    return Moved::Now() - before;
  }

  std::string root_;
};

TEST_F(ChangeGrowthTest, ItIsThatOfTheChangeBesideAnyNumber) {
  // Enough that the log is emptied several times.
  constexpr int kRounds = 60;
  // Of ten, all rows of a kind are on one page; of a thousand, the trees have
  // the depth that they keep.
  constexpr int kFew = 1000;
  Moved few;
  for (const int devices : {kFew, 30 * kFew}) {
    const std::unique_ptr<Resident> machine = Beside(devices);
    // The first tells all.
    Change(*machine, {"suspend", "d0"});
    Change(*machine, {"resume", "d0"});
    const clock_t began = clock();
    const Moved moved = Changes(*machine, kRounds);
    constexpr int kChanges = 5 * kRounds;
    std::cout << "beside " << devices << ": a change reads "
              << moved.read / kChanges << " bytes and writes "
              << moved.written / kChanges << ", in "
              << (clock() - began) / kChanges << " us of CPU\n";
    if (devices == kFew) {
      few = moved;
      continue;
    }
    EXPECT_LT(moved.written, few.written * 3 / 2);
    EXPECT_LT(moved.read, few.read * 2);
  }
}

// Each would read all of the log, which is short after the first, if nobody
// held it.  When it is copied to the database it is read once, which is no more
// than was written to it.
TEST_F(ChangeGrowthTest, TheHundredthReadsWhatTheFirstRead) {
  constexpr int kRounds = 40;
  const std::unique_ptr<Resident> machine = Beside(10);
  Change(*machine, {"suspend", "d0"});
  Change(*machine, {"resume", "d0"});
  Changes(*machine, 1);
  const Moved first = Changes(*machine, 1);
  const Moved moved = Changes(*machine, kRounds);
  EXPECT_LT(moved.read, kRounds * first.read + moved.written);
}

}  // namespace
}  // namespace dmdax
