// SPDX-License-Identifier: Apache-2.0
//
// What is written is read, whatever it is, and no more is written than what
// has changed.
#include "state/state_db.h"

#include <google/protobuf/util/message_differencer.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <random>

#include "absl/strings/str_cat.h"
#include "tests/testing.h"

namespace dmdax {
namespace {

namespace fs = std::filesystem;
using google::protobuf::util::MessageDifferencer;

class StateDbTest : public testing::Test {
 protected:
  StateDbTest() {
    std::string pattern = testing::TempDir() + "/db.XXXXXX";
    root_ = mkdtemp(pattern.data());
    path_ = root_ + "/state.db";
  }
  ~StateDbTest() override { fs::remove_all(root_); }

  proto::StateSnapshot Read() {
    absl::StatusOr<StateDb> db = StateDb::Open(path_);
    EXPECT_THAT(db, IsOk());
    absl::StatusOr<proto::StateSnapshot> snapshot = db->Read();
    EXPECT_THAT(snapshot, IsOk());
    return *snapshot;
  }
  // Changes the machine; how many bytes that added to the log.
  uint64_t Change(const std::function<void(proto::World&)>& change) {
    absl::StatusOr<StateDb> db = StateDb::Open(path_);
    EXPECT_THAT(db, IsOk());
    EXPECT_THAT(db->BeginWrite(), IsOk());
    absl::StatusOr<proto::StateSnapshot> snapshot = db->Read();
    EXPECT_THAT(snapshot, IsOk());
    change(*snapshot->mutable_world());
    const std::string log = path_ + "-wal";
    const uint64_t before = fs::exists(log) ? fs::file_size(log) : 0;
    EXPECT_THAT(db->Write(*snapshot), IsOk());
    // The first change is in the database itself.
    const uint64_t after = fs::exists(log) ? fs::file_size(log) : 0;
    return after > before ? after - before : 0;
  }

  std::string root_, path_;
};

// Devices with tables, files, mappings and touches; in any order.
void AddSome(std::mt19937& random, proto::World& world) {
  const uint32_t n = random() % 5;
  for (uint32_t i = 0; i < n; ++i) {
    const std::string name = absl::StrCat("n", random() % 100000);
    world.add_pmem()->set_name(name);
    world.add_node()->set_path(name);
    proto::MappedDevice& device = *world.add_mapped_device();
    device.set_name(name);
    static uint32_t minors = 0;
    device.set_minor(minors++);
    if (random() % 2) {
      device.mutable_table()->add_target()->set_length(random() % 100);
    }
    if (random() % 2) {
      device.mutable_inactive_table()->add_target()->set_length(7);
      (*device.mutable_inactive_table()
            ->mutable_runtime()
            ->mutable_target_state())[3] = "\xff";
    }
    proto::Mount& mount = *world.add_mount();
    mount.set_path("/" + name);
    mount.add_file()->set_name(
        "\xfe"
        "a");
    mount.add_file()->set_name("b");
    proto::Process& process = *world.add_process();
    process.set_pid(random());
    process.add_vma()->set_address(4096);
    process.add_touch()->set_sequence(random());
  }
}

void RemoveSome(std::mt19937& random, proto::World& world) {
  for (int i = world.mapped_device_size(); i-- > 0;) {
    if (random() % 4 != 0) continue;
    world.mutable_mapped_device()->DeleteSubrange(i, 1);
    world.mutable_mount()->DeleteSubrange(i, 1);
    world.mutable_process()->DeleteSubrange(i, 1);
  }
  for (proto::MappedDevice& device : *world.mutable_mapped_device()) {
    // A resume.
    if (!device.has_inactive_table() || random() % 2) continue;
    device.mutable_table()->Swap(device.mutable_inactive_table());
    device.clear_inactive_table();
  }
  if (world.mapped_device_size() > 1 && random() % 3 == 0) {
    world.mutable_mapped_device()->SwapElements(0,
                                                world.mapped_device_size() - 1);
  }
}

TEST_F(StateDbTest, WhatIsWrittenIsRead) {
  std::mt19937 random(1);
  proto::World expected;
  for (int step = 0; step < 60; ++step) {
    Change([&](proto::World& world) {
      RemoveSome(random, world);
      AddSome(random, world);
      expected = world;
    });
    const proto::StateSnapshot read = Read();
    ASSERT_TRUE(MessageDifferencer::Equals(read.world(), expected)) << step;
    EXPECT_EQ(read.generation(), static_cast<uint64_t>(step) + 1);
  }
}

TEST_F(StateDbTest, OnlyWhatHasChangedIsWritten) {
  constexpr int kDevices = 20000;
  Change([](proto::World& world) {
    for (int i = 0; i < kDevices; ++i) {
      proto::MappedDevice& d = *world.add_mapped_device();
      d.set_name(absl::StrCat("d", i));
      d.set_minor(static_cast<uint32_t>(i));
      d.mutable_table()->add_target()->set_length(8);
    }
    // A table of some megabytes.
    for (int i = 0; i < 100000; ++i) {
      proto::Target& t = *world.mutable_mapped_device(7)
                              ->mutable_inactive_table()
                              ->add_target();
      t.set_length(8);
      t.mutable_raw()->set_params(absl::StrCat("8:0 ", i));
    }
  });
  constexpr uint64_t kPage = 4096 + 24;
  const std::function<void(proto::World&)> changes[] = {
      [](proto::World&) {},
      [](proto::World& w) { w.mutable_mapped_device(5)->set_suspended(true); },
      [](proto::World& w) { w.mutable_mapped_device()->DeleteSubrange(3, 1); },
      [](proto::World& w) { w.add_mapped_device()->set_minor(kDevices); },
      [](proto::World& w) {
        proto::MappedDevice& d = *w.mutable_mapped_device(6);
        ASSERT_GT(d.inactive_table().target_size(), 1000);
        d.mutable_table()->Swap(d.mutable_inactive_table());
        d.clear_inactive_table();
      }};
  for (size_t i = 0; i < std::size(changes); ++i) {
    // The log grows from nothing, so that its length is what was written.
    absl::StatusOr<SqliteDb> db = SqliteDb::Open(path_);
    ASSERT_THAT(db, IsOk());
    ASSERT_THAT(db->Exec("PRAGMA wal_checkpoint(TRUNCATE)"), IsOk());
    EXPECT_LE(Change(changes[i]), 16 * kPage) << i;
  }
}

TEST_F(StateDbTest, UndoExchanges) {
  Change([](proto::World& w) { w.add_pmem()->set_name("first"); });
  {
    absl::StatusOr<StateDb> db = StateDb::Open(path_);
    ASSERT_THAT(db, IsOk());
    ASSERT_THAT(db->BeginWrite(), IsOk());
    ASSERT_THAT(db->Read(), IsOk());
    ASSERT_THAT(db->KeepForUndo(), IsOk());
    proto::StateSnapshot second;
    second.mutable_world()->add_pmem()->set_name("second");
    ASSERT_THAT(db->Write(second), IsOk());
  }
  for (const char* name : {"first", "second", "first"}) {
    absl::StatusOr<StateDb> db = StateDb::Open(path_);
    ASSERT_THAT(db, IsOk());
    ASSERT_THAT(db->BeginWrite(), IsOk());
    ASSERT_THAT(db->Undo(), IsOk());
    EXPECT_EQ(Read().world().pmem(0).name(), name);
  }
}

// By which a device is found without reading the others.
TEST_F(StateDbTest, TagsFollowTheRows) {
  const auto tagged = [&](const char* tag) {
    absl::StatusOr<StateDb> db = StateDb::Open(path_);
    EXPECT_THAT(db, IsOk());
    EXPECT_THAT(db->BeginRead(), IsOk());
    EXPECT_THAT(db->HasTags(), IsOkAndHolds(true));
    auto found = db->Tagged(tag);
    EXPECT_THAT(found, IsOk());
    std::vector<std::string> keys;
    for (const auto& [kind, key] : *found) keys.push_back(key);
    return keys;
  };
  using testing::ElementsAre;
  using testing::IsEmpty;
  const auto add = [](proto::World& w, const char* name, uint32_t minor) {
    proto::MappedDevice& d = *w.add_mapped_device();
    d.set_name(name);
    d.set_minor(minor);
    for (const uint32_t mode : {1, 3}) {
      proto::TableDevice& open = *d.mutable_runtime()->add_table_device();
      open.set_dev("259:0");
      open.set_mode(mode);
    }
  };
  Change([&](proto::World& w) { add(w, "one", 1); });
  EXPECT_THAT(tagged("name:one"), ElementsAre("1"));
  EXPECT_THAT(tagged("open1:259:0"), ElementsAre("1"));
  Change([&](proto::World& w) {
    w.mutable_mapped_device(0)->set_name("uno");
    add(w, "two", 2);
  });
  EXPECT_THAT(tagged("name:one"), IsEmpty());
  EXPECT_THAT(tagged("name:uno"), ElementsAre("1"));
  EXPECT_THAT(tagged("open0:259:0"), ElementsAre("1", "2"));
  Change(
      [](proto::World& w) { w.mutable_mapped_device()->DeleteSubrange(0, 1); });
  EXPECT_THAT(tagged("open0:259:0"), ElementsAre("2"));
  {
    // As the format before had it.
    absl::StatusOr<SqliteDb> db = SqliteDb::Open(path_);
    ASSERT_THAT(db, IsOk());
    ASSERT_THAT(db->Exec("DROP TABLE tag; PRAGMA user_version = 3"), IsOk());
  }
  {
    absl::StatusOr<StateDb> db = StateDb::Open(path_);
    ASSERT_THAT(db, IsOk());
    EXPECT_THAT(db->HasTags(), IsOkAndHolds(false));
    EXPECT_EQ(Read().world().mapped_device_size(), 1);
  }
  Change([](proto::World&) {});
  EXPECT_THAT(tagged("name:two"), ElementsAre("2"));
}

// SQLite has no checksums: a bit of a row would be another machine.
TEST_F(StateDbTest, ARowIsAsItWasWritten) {
  Change([](proto::World& w) {
    for (int i = 0; i < 40; ++i) {
      proto::MappedDevice& d = *w.add_mapped_device();
      d.set_minor(static_cast<uint32_t>(i));
      d.set_name(absl::StrCat("device-", i));
    }
  });
  {
    absl::StatusOr<SqliteDb> db = SqliteDb::Open(path_);
    ASSERT_THAT(db, IsOk());
    ASSERT_THAT(db->Exec("PRAGMA wal_checkpoint(TRUNCATE)"), IsOk());
  }
  const std::string world = Read().world().SerializeAsString();
  std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(file), {});
  const auto put = [&](size_t at, char byte) {
    file.clear();
    file.seekp(static_cast<std::streamoff>(at));
    file.put(byte).flush();
  };
  int refused = 0;
  for (size_t at = 100; at < bytes.size(); at += 13) {
    put(at, static_cast<char>(bytes[at] ^ (1 << at % 8)));
    absl::StatusOr<StateDb> db = StateDb::Open(path_);
    absl::StatusOr<proto::StateSnapshot> read =
        db.ok() ? db->Read() : db.status();
    if (read.ok()) {
      EXPECT_EQ(read->world().SerializeAsString(), world) << "byte " << at;
    } else {
      ++refused;
    }
    db = absl::UnknownError("closed");
    put(at, bytes[at]);
  }
  EXPECT_GT(refused, 0);
  EXPECT_EQ(Read().world().SerializeAsString(), world);
}

TEST_F(StateDbTest, OneWithoutChecksumsGetsThem) {
  const auto sums = [&]() -> int64_t {
    absl::StatusOr<SqliteDb> db = SqliteDb::Open(path_);
    return *db->Number("SELECT count(*) FROM object WHERE sum IS NOT NULL");
  };
  Change([](proto::World& w) {
    w.add_mapped_device()->set_name("one");
    w.add_node()->set_path("/dev/x");
  });
  const int64_t all = sums();
  EXPECT_GT(all, 1);
  {
    absl::StatusOr<SqliteDb> db = SqliteDb::Open(path_);
    ASSERT_THAT(db->Exec("ALTER TABLE object DROP COLUMN sum; "
                         "ALTER TABLE kept DROP COLUMN sum; "
                         "ALTER TABLE meta DROP COLUMN sums; "
                         "ALTER TABLE meta DROP COLUMN summed"),
                IsOk());
  }
  EXPECT_EQ(Read().world().node_size(), 1);
  Change([](proto::World&) {});
  EXPECT_EQ(sums(), all);
  EXPECT_EQ(Read().world().node_size(), 1);
  {
    absl::StatusOr<SqliteDb> db = SqliteDb::Open(path_);
    ASSERT_THAT(
        db->Exec("DELETE FROM object WHERE key = CAST('/dev/x' AS BLOB)"),
        IsOk());
  }
  absl::StatusOr<StateDb> db = StateDb::Open(path_);
  ASSERT_THAT(db, IsOk());
  EXPECT_THAT(db->Read(), StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(StateDbTest, NothingToUndo) {
  absl::StatusOr<StateDb> db = StateDb::Open(path_);
  ASSERT_THAT(db, IsOk());
  ASSERT_THAT(db->BeginWrite(), IsOk());
  EXPECT_THAT(db->Undo(), HasErrno(ENOENT));
}

}  // namespace
}  // namespace dmdax
