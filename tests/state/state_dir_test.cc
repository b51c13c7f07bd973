// SPDX-License-Identifier: Apache-2.0
#include "state/state_dir.h"

#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "state/any_bytes.h"
#include "state/sqlite.h"
#include "tests/testing.h"

namespace dmdax {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class StateDirTest : public testing::Test {
 protected:
  StateDirTest() {
    std::string pattern = testing::TempDir() + "/state.XXXXXX";
    root_ = mkdtemp(pattern.data());
    path_ = root_ + "/deep/er";
  }
  ~StateDirTest() override { fs::remove_all(root_); }

  absl::StatusOr<proto::StateSnapshot> Read() {
    absl::StatusOr<StateDir> dir = StateDir::Open(path_, StateDir::kRead);
    if (!dir.ok()) return dir.status();
    return dir->Read();
  }
  // Adds a pmem called `name` to the state.
  absl::Status Add(const std::string& name) {
    absl::StatusOr<StateDir> dir = StateDir::Open(path_, StateDir::kWrite);
    if (!dir.ok()) return dir.status();
    absl::StatusOr<proto::StateSnapshot> state = dir->Read();
    if (!state.ok()) return state.status();
    state->mutable_world()->add_pmem()->set_name(name);
    return dir->Write(*state);
  }
  std::string Bytes(const std::string& file) {
    std::ostringstream all;
    all << std::ifstream(path_ + "/" + file, std::ios::binary).rdbuf();
    return all.str();
  }
  void Put(const std::string& file, const std::string& bytes) {
    fs::create_directories(path_);
    fs::permissions(path_, fs::perms::owner_all);
    std::ofstream(path_ + "/" + file, std::ios::binary) << bytes;
  }

  std::string root_, path_;
};

TEST_F(StateDirTest, NothingThereIsAnEmptyStateAndMakesNothing) {
  ASSERT_THAT(Read(), IsOk());
  EXPECT_EQ(Read()->generation(), 0u);
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(StateDirTest, WhatIsWrittenIsRead) {
  ASSERT_THAT(Add("pmem0"), IsOk());
  ASSERT_THAT(Add("pmem1"), IsOk());
  ASSERT_THAT(Read(), IsOk());
  EXPECT_EQ(Read()->generation(), 2u);
  EXPECT_EQ(Read()->world().pmem_size(), 2);
}

// Neither waits for the other.
TEST_F(StateDirTest, AReaderSeesTheStateBeforeAWriter) {
  ASSERT_THAT(Add("pmem0"), IsOk());
  absl::StatusOr<StateDir> writer = StateDir::Open(path_, StateDir::kWrite);
  ASSERT_THAT(writer, IsOk());
  absl::StatusOr<proto::StateSnapshot> state = writer->Read();
  ASSERT_THAT(state, IsOk());
  state->mutable_world()->add_pmem()->set_name("pmem1");
  EXPECT_EQ(Read()->world().pmem_size(), 1);
  ASSERT_THAT(writer->Write(*state), IsOk());
  EXPECT_EQ(Read()->world().pmem_size(), 2);
}

TEST_F(StateDirTest, AWriterThatGoesChangesNothing) {
  ASSERT_THAT(Add("pmem0"), IsOk());
  {
    absl::StatusOr<StateDir> writer = StateDir::Open(path_, StateDir::kWrite);
    ASSERT_THAT(writer, IsOk());
    ASSERT_THAT(writer->Read(), IsOk());
  }
  EXPECT_EQ(Read()->world().pmem_size(), 1);
  EXPECT_EQ(Read()->generation(), 1u);
}

TEST_F(StateDirTest, DamageIsFoundAndNothingIsOverwritten) {
  ASSERT_THAT(Add("pmem0"), IsOk());
  for (const std::string& bad :
       {std::string("\xff\xff\xff\xff"), std::string(5000, '\xff'),
        std::string("kernel: \"v6_1\"\n")}) {
    for (const char* other : {"state.db-wal", "state.db-shm"}) {
      fs::remove(path_ + "/" + other);
    }
    Put("state.db", bad);
    EXPECT_THAT(Read(), StatusIs(absl::StatusCode::kDataLoss,
                                 HasSubstr("/deep/er/state.db")));
    EXPECT_THAT(Add("pmem1"), StatusIs(absl::StatusCode::kDataLoss));
    EXPECT_EQ(Bytes("state.db"), bad);
  }
}

// --- the state of versions before the database ---

class OldStateTest : public StateDirTest {
 protected:
  // Writes a machine of one pmem as they did.
  void PutOld(uint32_t format, const std::string& name = "pmem0") {
    proto::StateSnapshot old;
    old.set_format_version(format);
    old.set_generation(7);
    old.mutable_world()->add_pmem()->set_name(name);
    old.set_escaped(format == 2 && EscapeAnyBytes(old));
    Put("state", old.SerializeAsString());
  }
};

TEST_F(OldStateTest, IsReadAndTakenOver) {
  PutOld(1);
  EXPECT_EQ(Read()->world().pmem_size(), 1);
  EXPECT_FALSE(fs::exists(path_ + "/state.db")) << "a reader makes nothing";
  ASSERT_THAT(Add("pmem1"), IsOk());
  EXPECT_EQ(Read()->world().pmem_size(), 2);
  // Those versions must not go on with what they know.
  proto::StateSnapshot mark;
  ASSERT_TRUE(mark.ParseFromString(Bytes("state")));
  EXPECT_EQ(mark.format_version(), 3u);
  EXPECT_FALSE(fs::exists(path_ + "/state.new"));
}

TEST_F(OldStateTest, AnyBytesInIt) {
  PutOld(2, "\xff\xfe");
  EXPECT_EQ(Read()->world().pmem(0).name(), "\xff\xfe");
  ASSERT_THAT(Add("pmem1"), IsOk());
  EXPECT_EQ(Read()->world().pmem(0).name(), "\xff\xfe");
}

// It was killed between the two files: the database is the newer.
TEST_F(OldStateTest, ATakeOverThatWasCutShort) {
  PutOld(1);
  const std::string old = Bytes("state");
  ASSERT_THAT(Add("pmem1"), IsOk());
  Put("state", old);
  EXPECT_EQ(Read()->world().pmem_size(), 2);
  ASSERT_THAT(Add("pmem2"), IsOk());
  EXPECT_EQ(Read()->world().pmem_size(), 3);
  EXPECT_NE(Bytes("state"), old);
}

TEST_F(OldStateTest, DamageIsFoundAndNothingIsOverwritten) {
  PutOld(1);
  const std::string good = Bytes("state");
  for (const std::string& bad :
       {std::string(), std::string("\xff\xff\xff\xff"), std::string(8, '\0'),
        good.substr(0, good.size() - 1), good + std::string("\x0a\x7f")}) {
    Put("state", bad);
    EXPECT_THAT(Read(), StatusIs(absl::StatusCode::kDataLoss,
                                 HasSubstr(path_ + "/state")));
    EXPECT_THAT(Add("pmem1"), StatusIs(absl::StatusCode::kDataLoss));
    EXPECT_EQ(Bytes("state"), bad);
  }
}

TEST_F(OldStateTest, ANewerFormatIsLeftAlone) {
  PutOld(99);
  const std::string newer = Bytes("state");
  const auto refused = StatusIs(absl::StatusCode::kFailedPrecondition,
                                HasSubstr("has format 99"));
  EXPECT_THAT(Read(), refused);
  EXPECT_THAT(Add("pmem0"), refused);
  EXPECT_EQ(Bytes("state"), newer);
}

TEST_F(OldStateTest, AMarkWithoutItsDatabase) {
  ASSERT_THAT(Add("pmem0"), IsOk());
  PutOld(1);
  ASSERT_THAT(Add("pmem1"), IsOk());
  for (const char* file : {"state.db", "state.db-wal", "state.db-shm"}) {
    fs::remove(path_ + "/" + file);
  }
  EXPECT_THAT(Read(), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(Add("pmem2"), StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(StateDirTest, AFileInPlaceOfTheDirectory) {
  fs::create_directories(root_ + "/deep");
  std::ofstream(path_) << "a file";
  EXPECT_THAT(Add("pmem0"), HasErrno(ENOTDIR, HasSubstr(path_)));
  EXPECT_THAT(Read(), HasErrno(ENOTDIR));
}

TEST_F(StateDirTest, ADirectoryInPlaceOfAFile) {
  fs::create_directories(path_ + "/state.db");
  fs::permissions(path_, fs::perms::owner_all);
  EXPECT_THAT(Add("pmem0"), HasErrno(EISDIR, HasSubstr("state.db")));
  fs::remove(path_ + "/state.db");
  fs::remove(path_ + "/lock");
  fs::create_directories(path_ + "/lock");
  EXPECT_THAT(Add("pmem0"), HasErrno(EISDIR, HasSubstr("lock")));
}

TEST_F(StateDirTest, AReadOnlyDirectory) {
  ASSERT_THAT(Add("pmem0"), IsOk());
  if (geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  fs::permissions(path_, fs::perms::owner_read | fs::perms::owner_exec);
  EXPECT_THAT(Read(), IsOk());
  EXPECT_THAT(Add("pmem1"), HasErrno(EACCES));
  fs::permissions(path_, fs::perms::owner_all);
  EXPECT_EQ(Read()->world().pmem_size(), 1);
}

// Whether modes are for root too.
void ObeyModes(bool obey) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct caps[2] = {};
  ASSERT_EQ(syscall(SYS_capget, &header, caps), 0);
  const uint32_t override = 1u << CAP_DAC_OVERRIDE;
  caps[0].effective = obey ? caps[0].effective & ~override
                           : caps[0].effective | (caps[0].permitted & override);
  ASSERT_EQ(syscall(SYS_capset, &header, caps), 0);
}

// A copy without the index of the log, which can not be made there.
TEST_F(StateDirTest, AReadOnlyCopyIsRead) {
  ASSERT_THAT(Add("pmem0"), IsOk());
  fs::remove(path_ + "/state.db-shm");
  fs::permissions(path_, fs::perms::owner_read | fs::perms::owner_exec);
  ObeyModes(true);
  const absl::StatusOr<proto::StateSnapshot> read = Read();
  ObeyModes(false);
  fs::permissions(path_, fs::perms::owner_all);
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(read->world().pmem_size(), 1);
  EXPECT_FALSE(fs::exists(path_ + "/state.db-shm"));
}

TEST_F(StateDirTest, AFullDiskKeepsTheOldState) {
  ASSERT_THAT(Add("pmem0"), IsOk());
  signal(SIGXFSZ, SIG_IGN);
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  // What is there stays; nothing can be added.
  const rlimit full = {2048, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &full), 0);
  const absl::Status s = Add(std::string(1000, 'x'));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_THAT(s, HasErrno(EFBIG, HasSubstr("state.db")));
  EXPECT_EQ(Read()->world().pmem_size(), 1);
  EXPECT_THAT(Add("pmem1"), IsOk());
}

// Whoever opens it next reads all of it, and on a small disk it would be all
// that there is.
TEST_F(StateDirTest, TheLogStaysShort) {
  for (int i = 0; i < 200; ++i) {
    ASSERT_THAT(Add(absl::StrCat("pmem", i)), IsOk());
    EXPECT_LT(fs::file_size(path_ + "/state.db-wal"), 400u << 10) << i;
  }
  EXPECT_EQ(Read()->world().pmem_size(), 200);
}

// Protobuf would write it, and never read it again.
TEST_F(StateDirTest, WhatIsNotUtf8IsKept) {
  const std::string names[] = {"pmem0", "\xff\xfe",
                               "\xf4\x8f\xbf\xbf"
                               "41",
                               "ä"};
  for (const std::string& name : names) ASSERT_THAT(Add(name), IsOk());
  const absl::StatusOr<proto::StateSnapshot> snapshot = Read();
  ASSERT_THAT(snapshot, IsOk());
  ASSERT_EQ(snapshot->world().pmem_size(), 4);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(snapshot->world().pmem(i).name(), names[i]);
  }
}

TEST_F(StateDirTest, OfTwoWritersBothTakeEffect) {
  constexpr int kEach = 25;
  auto write = [&](char who) {
    for (int i = 0; i < kEach; ++i) {
      EXPECT_THAT(Add(std::string(1, who) + std::to_string(i)), IsOk());
    }
  };
  std::thread a(write, 'a'), b(write, 'b');
  a.join();
  b.join();
  EXPECT_EQ(Read()->world().pmem_size(), 2 * kEach);
  EXPECT_EQ(Read()->generation(), 2u * kEach);
}

class SomeRowsTest : public StateDirTest {
 protected:
  using Kind = StateObjectKind;

  // Mapped devices d0 to d9, in this order.
  void SetUp() override {
    const std::unique_ptr<StateDir> dir = Open();
    ASSERT_THAT(dir->Read(), IsOk());
    proto::StateSnapshot all;
    for (uint32_t i = 0; i < 10; ++i) AddDevice(i, i + 1, all);
    ASSERT_THAT(dir->Write(all), IsOk());
    mark_ = dir->mark();
    ASSERT_TRUE(mark_.has_value());
  }
  std::unique_ptr<StateDir> Open() {
    absl::StatusOr<StateDir> dir = StateDir::Open(path_, StateDir::kWrite);
    EXPECT_THAT(dir, IsOk());
    return std::make_unique<StateDir>(*std::move(dir));
  }
  static proto::MappedDevice Device(uint32_t minor) {
    proto::MappedDevice device;
    device.set_minor(minor);
    device.set_name(absl::StrCat("d", minor));
    device.mutable_table()->add_target()->set_length(minor + 1);
    return device;
  }
  static proto::MappedDevice* AddDevice(uint32_t minor, uint64_t inserted,
                                        proto::StateSnapshot& to) {
    proto::MappedDevice* const device = to.mutable_world()->add_mapped_device();
    *device = Device(minor);
    device->mutable_runtime()->set_inserted(inserted);
    return device;
  }
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    const absl::StatusOr<proto::StateSnapshot> state = Read();
    EXPECT_THAT(state, IsOk());
    for (const auto& device : state->world().mapped_device()) {
      names.push_back(
          absl::StrCat(device.name(), ":", device.table().target(0).length()));
    }
    return names;
  }

  std::optional<StateDb::Mark> mark_;
};

TEST_F(SomeRowsTest, AreWrittenAndTheOthersStay) {
  std::unique_ptr<StateDir> dir = Open();
  EXPECT_THAT(dir->BeginIfStill(*mark_), IsOkAndHolds(true));
  proto::StateSnapshot some;
  // Another table; a device that goes; another name, which comes last.
  AddDevice(2, 3, some)->mutable_table()->mutable_target(0)->set_length(77);
  AddDevice(5, 11, some)->set_name("other");
  AddDevice(30, 12, some);
  EXPECT_THAT(dir->WriteSome({{Kind::kMachine, ""},
                              {Kind::kMappedDevice, "2"},
                              {Kind::kMappedDevice, "4"},
                              {Kind::kMappedDevice, "5"},
                              {Kind::kMappedDevice, "30"}},
                             some, 10),
              IsOkAndHolds(true));
  EXPECT_EQ(Names(), (std::vector<std::string>{"d0:1", "d1:2", "d2:77", "d3:4",
                                               "d6:7", "d7:8", "d8:9", "d9:10",
                                               "other:6", "d30:31"}));
  // And the next one finds what this one has left.
  mark_ = dir->mark();
  dir.reset();
  dir = Open();
  EXPECT_THAT(dir->BeginIfStill(*mark_), IsOkAndHolds(true));
}

TEST_F(SomeRowsTest, ManyThatGoAreNotSome) {
  std::unique_ptr<StateDir> dir = Open();
  ASSERT_THAT(dir->Read(), IsOk());
  proto::StateSnapshot all;
  std::vector<StateDb::ObjectName> names;
  for (uint32_t i = 0; i < 100; ++i) {
    AddDevice(i, 0, all);
    names.emplace_back(Kind::kMappedDevice, absl::StrCat(i));
  }
  ASSERT_THAT(dir->Write(all), IsOk());
  mark_ = dir->mark();
  dir.reset();
  dir = Open();
  EXPECT_THAT(dir->BeginIfStill(*mark_), IsOkAndHolds(true));
  EXPECT_THAT(dir->WriteSome(names, {}, 100), IsOkAndHolds(false));
  // Nothing is done yet; the whole way goes on from there.
  ASSERT_THAT(dir->Read(), IsOk());
  EXPECT_THAT(dir->Write({}), IsOk());
  EXPECT_THAT(Names(), testing::IsEmpty());
}

// Whoever has written meanwhile, and whatever it says of itself.
TEST_F(SomeRowsTest, AnotherWriterIsNoticed) {
  const auto is_still = [&] {
    const std::unique_ptr<StateDir> dir = Open();
    const absl::StatusOr<bool> still = dir->BeginIfStill(*mark_);
    EXPECT_THAT(still, IsOk());
    // All can be read, in any case.
    EXPECT_THAT(dir->Read(), IsOk());
    return *still;
  };
  EXPECT_TRUE(is_still());
  ASSERT_THAT(Add("pmem0"), IsOk());
  EXPECT_FALSE(is_still());
  const auto sql = [&](const char* text) {
    absl::StatusOr<SqliteDb> db = SqliteDb::Open(path_ + "/state.db");
    ASSERT_THAT(db, IsOk());
    ASSERT_THAT(db->Exec(text), IsOk());
  };
  // The generation of before, with other rows: of a copy, as somebody may go on
  // with it who removes what is known of the last.
  sql("UPDATE meta SET generation = generation - 1, summed = summed - 1");
  fs::remove(path_ + "/generation");
  EXPECT_FALSE(is_still());
  // A version that knows of no sums.
  sql("UPDATE meta SET generation = generation + 1");
  EXPECT_FALSE(is_still());
}

TEST_F(StateDirTest, TheDefaultFollowsTheEnvironment) {
  setenv("DMDAX_STATE", "/a", 1);
  EXPECT_EQ(DefaultStateDir(), "/a");
  unsetenv("DMDAX_STATE");
  setenv("XDG_STATE_HOME", "/b", 1);
  EXPECT_EQ(DefaultStateDir(), "/b/dmdax");
  unsetenv("XDG_STATE_HOME");
  setenv("HOME", "/c", 1);
  EXPECT_EQ(DefaultStateDir(), "/c/.local/state/dmdax");
}

// Who holds the database open is in nobody's way, and sees when its files are
// not those of the path any more.
TEST_F(StateDirTest, AHoldIsOfTheFilesAtThePath) {
  ASSERT_THAT(Add("pmem0"), IsOk());
  std::unique_ptr<StateHold> hold;
  {
    absl::StatusOr<StateDir> dir = StateDir::Open(path_, StateDir::kWrite);
    ASSERT_THAT(dir, IsOk());
    hold = dir->Hold();
  }
  ASSERT_NE(hold, nullptr);
  EXPECT_TRUE(hold->IsStill());
  ASSERT_THAT(Add("pmem1"), IsOk());
  EXPECT_EQ(Read()->world().pmem_size(), 2);
  EXPECT_TRUE(hold->IsStill());
  fs::rename(path_ + "/state.db-shm", path_ + "/away");
  EXPECT_FALSE(hold->IsStill());
  Put("state.db-shm", "x");
  EXPECT_FALSE(hold->IsStill()) << "another file";
  fs::rename(path_ + "/away", path_ + "/state.db-shm");
  EXPECT_TRUE(hold->IsStill());
  hold.reset();
  ASSERT_THAT(Add("pmem2"), IsOk());
  EXPECT_EQ(Read()->world().pmem_size(), 3);
}

}  // namespace
}  // namespace dmdax
