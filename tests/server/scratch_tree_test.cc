// SPDX-License-Identifier: Apache-2.0
//
// The tree follows the machine by what the machine notes: after each of many
// random changes it has what a look at every device says, and nothing else.
#include "server/scratch_tree.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/kernel_profile.h"
#include "server/attribute.h"
#include "server/disk_facts.h"
#include "state/session.h"
#include "tests/testing.h"

namespace dmdax {
namespace {

namespace fs = std::filesystem;

std::string ReadAll(const fs::path& path) {
  std::ostringstream all;
  all << std::ifstream(path).rdbuf();
  return all.str();
}

// By path: the text of a file, where a link leads, "" for a directory.
using Listing = std::map<std::string, std::string>;

Listing ListingOf(const std::string& tree) {
  Listing all;
  for (const char* top :
       {"sys/devices/virtual/block", "sys/devices/virtual/bdi", "sys/block",
        "sys/class/block", "sys/class/bdi", "sys/dev/block"}) {
    for (const auto& entry :
         fs::recursive_directory_iterator(tree + "/" + top)) {
      const std::string path = entry.path().string().substr(tree.size() + 1);
      all[path] = entry.is_symlink() ? fs::read_symlink(entry.path()).string()
                  : entry.is_directory() ? ""
                                         : ReadAll(entry.path());
    }
  }
  for (const char* file :
       {"proc/iomem", "proc/partitions", "proc/sys/kernel/osrelease"}) {
    all[file] = ReadAll(absl::StrCat(tree, "/", file));
  }
  return all;
}

Listing ExpectedOf(const Session& session) {
  Listing all;
  std::map<std::string, std::set<std::string>> holders;
  std::vector<DiskFacts> disks;
  for (const BlockDevice* bdev : session.machine->BlockDevices()) {
    disks.push_back(*FactsOf(session, bdev->dev()));
    for (const std::string& below : disks.back().slaves) {
      holders[below].insert(disks.back().name);
    }
  }
  all["proc/iomem"] = IomemEntry(session).text;
  all["proc/sys/kernel/osrelease"] = OsRelease(session) + "\n";
  all["proc/partitions"] = kPartitionsHead;
  for (const DiskFacts& f : disks) {
    all["proc/partitions"] += PartitionsLine(f);
    for (const TreeEntry& e : EntriesOf(f)) all[e.path] = e.text;
    for (const std::string& by : holders[f.name]) {
      const TreeEntry link = HolderEntry(f, by);
      all[link.path] = link.text;
    }
  }
  return all;
}

class ScratchTreeTest : public testing::Test {
 protected:
  ScratchTreeTest() : session_(NewSession(DefaultKernelProfile(), 254)) {
    EXPECT_THAT(
        session_.machine->AddPmem(
            {.name = "pmem0", .base = uint64_t{4} << 30, .size = 64 << 20}),
        IsOk());
    absl::StatusOr<std::unique_ptr<ScratchTree>> tree = ScratchTree::Make();
    EXPECT_THAT(tree, IsOk());
    tree_ = *std::move(tree);
    Expect("the machine");
  }
  void Expect(const std::string& after) {
    SCOPED_TRACE(after);
    ASSERT_THAT(tree_->Sync(session_), IsOk());
    const Listing there = ListingOf(tree_->path()),
                  expected = ExpectedOf(session_);
    for (const auto& [path, text] : expected) {
      ASSERT_TRUE(there.contains(path)) << path << " is missing";
      ASSERT_EQ(there.at(path), text) << path;
    }
    for (const auto& [path, text] : there) {
      ASSERT_TRUE(expected.contains(path)) << path << " is left";
    }
    const auto nodes = session_.machine->Nodes();
    ASSERT_EQ(tree_->nodes(), nodes);
    for (const auto& [path, dev] : nodes) {
      ASSERT_EQ(tree_->NodeAt(path), dev) << path;
      ASSERT_TRUE(tree_->NodesOf(dev).contains(path)) << path;
    }
  }
  // It may fail, as the command of a program may.
  void Load(const std::string& name, const std::string& type,
            const std::string& params) {
    DmIoctl load;
    load.name = name;
    (void)session_.ctl->TableLoad(load, {{sector_t{0}, 2048, type, params}});
  }

  Session session_;
  std::unique_ptr<ScratchTree> tree_;
};

TEST_F(ScratchTreeTest, FollowsRandomChanges) {
  std::mt19937 random(7);
  const auto name = [&](const char* prefix, unsigned n) {
    return absl::StrCat(prefix, random() % n);
  };
  Machine& machine = *session_.machine;
  DmCtl& ctl = *session_.ctl;
  const std::vector<std::pair<const char*, std::function<void()>>> changes = {
      {"create",
       [&] {
         DmIoctl p;
         p.name = name("d", 5);
         if (random() % 2 == 0) p.uuid = name("u", 5);
         (void)ctl.DevCreate(p);
       }},
      {"load",
       [&] {
         const std::string below[] = {"/dev/pmem0", "/dev/" + name("sd", 3),
                                      "/dev/mapper/" + name("d", 5),
                                      "/dev/" + name("dm-", 5)};
         if (random() % 4 == 0) return Load(name("d", 5), "zero", "");
         Load(name("d", 5), "linear",
              absl::StrCat(below[random() % std::size(below)], " 0"));
       }},
      {"resume",
       [&] {
         DmIoctl p;
         p.name = name("d", 5);
         (void)ctl.DevSuspend(p);
       }},
      {"suspend",
       [&] {
         DmIoctl p;
         p.name = name("d", 5);
         p.flags = DM_SUSPEND_FLAG;
         (void)ctl.DevSuspend(p);
       }},
      {"rename",
       [&] {
         DmIoctl p;
         p.name = name("d", 5);
         (void)ctl.DevRename(p, name("d", 5));
       }},
      {"set the uuid",
       [&] {
         DmIoctl p;
         p.name = name("d", 5);
         p.flags = DM_UUID_FLAG;
         (void)ctl.DevRename(p, name("u", 5));
       }},
      {"clear",
       [&] {
         DmIoctl p;
         p.name = name("d", 5);
         (void)ctl.TableClear(p);
       }},
      {"remove",
       [&] {
         DmIoctl p;
         p.name = name("d", 5);
         p.flags = random() % 2 == 0 ? DM_DEFERRED_REMOVE : 0u;
         (void)ctl.DevRemove(p);
       }},
      {"remove all",
       [&] {
         DmIoctl p;
         if (random() % 8 == 0) (void)ctl.RemoveAll(p);
       }},
      {"add a disk",
       [&] {
         BlockOptions disk;
         disk.name = name("sd", 3);
         disk.nr_sectors = 8192;
         (void)machine.AddBlock(disk);
       }},
      {"add a partition",
       [&] {
         BlockOptions part;
         part.partition_of = name("sd", 3);
         const unsigned n = random() % 3;
         part.name = absl::StrCat(part.partition_of, n + 1);
         part.start_sect = sector_t{8 + n * 2100};
         part.nr_sectors = 2048;
         (void)machine.AddBlock(part);
       }},
      {"remove a disk or partition",
       [&] {
         (void)machine.Remove(name("sd", 3));
         (void)machine.Remove(absl::StrCat(name("sd", 3), random() % 3 + 1));
       }},
      {"another size",
       [&] {
         BlockDevice* const disk = machine.FindBdevByName(name("sd", 3));
         if (disk != nullptr) {
           machine.SetBlockCapacity(*disk, random() % 3 * 8192);
         }
       }},
      {"an attribute",
       [&] {
         const std::string disk =
             random() % 2 == 0 ? name("sd", 3) : name("dm-", 5);
         (void)StoreAttribute(
             session_,
             absl::StrCat("sys/devices/virtual/block/", disk,
                          random() % 2 == 0 ? "/queue/read_ahead_kb"
                                            : "/queue/max_sectors_kb"),
             absl::StrCat(64 << random() % 4));
       }},
      {"a node",
       [&] {
         const auto all = machine.BlockDevices();
         machine.AddNode("/dev/mapper/" + name("d", 5),
                         all[random() % all.size()]->dev());
       }},
      {"no node", [&] { machine.RemoveNode("/dev/mapper/" + name("d", 5)); }},
  };
  for (int i = 0; i < 600; ++i) {
    std::string after = absl::StrCat("change ", i, ":");
    // As in one request, there may be several.
    for (unsigned n = random() % 3 + 1; n > 0; --n) {
      const auto& [what, change] = changes[random() % changes.size()];
      absl::StrAppend(&after, " ", what);
      change();
    }
    Expect(after);
    if (HasFatalFailure()) return;
  }
}

// Of a directory in which something could not be written, all is written anew.
TEST_F(ScratchTreeTest, GoesOnAfterAFailure) {
  const std::string block = tree_->path() + "/sys/class/block";
  fs::rename(block, block + ".away");
  std::ofstream(block) << "in the way";
  BlockOptions disk;
  disk.name = "sda";
  disk.nr_sectors = 8;
  ASSERT_THAT(session_.machine->AddBlock(disk), IsOk());
  EXPECT_FALSE(tree_->Sync(session_).ok());
  fs::remove(block);
  fs::rename(block + ".away", block);
  Expect("the failure");
}

// One that looks for the first time sees all, whatever others have taken.
TEST_F(ScratchTreeTest, AnotherTreeOfTheSameMachine) {
  absl::StatusOr<std::unique_ptr<ScratchTree>> other = ScratchTree::Make();
  ASSERT_THAT(other, IsOk());
  tree_ = *std::move(other);
  Expect("another tree");
}

// What was left behind goes; what the user has made, of whatever name, stays.
TEST(ScratchTreeStaleTest, OnlyOursIsRemoved) {
  const fs::path parent = fs::path(testing::TempDir()) / "stale";
  fs::create_directories(parent);
  const char* const before = getenv("TMPDIR");
  const std::string restored = before == nullptr ? "" : before;
  setenv("TMPDIR", parent.c_str(), 1);
  const absl::Cleanup restore = [&] {
    before == nullptr ? unsetenv("TMPDIR")
                      : setenv("TMPDIR", restored.c_str(), 1);
    fs::remove_all(parent);
  };
  // As a killed process leaves it, once with all and once as it began.
  std::string mark;
  {
    absl::StatusOr<std::unique_ptr<ScratchTree>> tree = ScratchTree::Make();
    ASSERT_THAT(tree, IsOk());
    std::ifstream in((*tree)->directory() + "/lock");
    mark.assign(std::istreambuf_iterator<char>(in), {});
  }
  ASSERT_FALSE(mark.empty());
  const auto make = [&](const std::string& path, const std::string& text) {
    fs::create_directories((parent / path).parent_path());
    std::ofstream(parent / path) << text;
  };
  make("dmdax-aaaaaa/lock", mark);
  make("dmdax-aaaaaa/tree/dev/mapper/control", "c");
  make("dmdax-bbbbbb/lock.new", mark);
  make("dmdax-cccccc/src/main.c", "int main;");
  make("dmdax-dddddd/lock", "");
  make("dmdax-eeeeee/lock", mark + "and more");
  make("dmdax-ffffff/lock.new", mark);
  make("dmdax-ffffff/notes", "mine");
  make("other-gggggg/lock", mark);
  fs::create_directory(parent / "dmdax-hhhhhh");
  fs::create_directory(parent / "dmdax-iiiiii");
  fs::create_symlink("../dmdax-aaaaaa/lock", parent / "dmdax-iiiiii/lock");
  for (const auto& entry : fs::directory_iterator(parent)) {
    fs::last_write_time(entry.path(), fs::file_time_type::clock::now() -
                                          std::chrono::hours(24));
  }
  absl::StatusOr<std::unique_ptr<ScratchTree>> tree = ScratchTree::Make();
  ASSERT_THAT(tree, IsOk());
  EXPECT_FALSE(fs::exists(parent / "dmdax-aaaaaa"));
  EXPECT_FALSE(fs::exists(parent / "dmdax-bbbbbb"));
  for (const char* mine :
       {"dmdax-cccccc/src/main.c", "dmdax-dddddd/lock", "dmdax-eeeeee/lock",
        "dmdax-ffffff/notes", "other-gggggg/lock", "dmdax-hhhhhh",
        "dmdax-iiiiii"}) {
    EXPECT_TRUE(fs::exists(parent / mine)) << mine;
  }
}

// A change costs what it changes: with others beside, no more is looked at.
TEST_F(ScratchTreeTest, ADeviceBesideManyIsOneDevice) {
  const auto looked = [&](int n) {
    BlockOptions disk;
    disk.name = absl::StrCat("x", n);
    disk.nr_sectors = 8;
    EXPECT_THAT(session_.machine->AddBlock(disk), IsOk());
    const auto taken =
        session_.machine->changed().Take(ChangedDevices::Reader::kTree);
    EXPECT_TRUE(taken.has_value());
    return taken ? taken->devices.size() + taken->nodes.size() : 0;
  };
  const size_t once = looked(0);
  for (int n = 1; n < 50; ++n) looked(n);
  EXPECT_EQ(looked(50), once);
}

}  // namespace
}  // namespace dmdax
