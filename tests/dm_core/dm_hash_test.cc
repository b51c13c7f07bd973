// SPDX-License-Identifier: Apache-2.0
#include "dm/dm_hash.h"

#include <cerrno>

#include "tests/dm_testing.h"

namespace dmdax {
namespace {

using testing::ElementsAre;

class DmHashTest : public testing::Test {
 protected:
  HashCell* Insert(absl::string_view name, uint32_t minor,
                   absl::string_view uuid = "") {
    absl::StatusOr<HashCell*> cell = Try(name, minor, uuid);
    EXPECT_THAT(cell, IsOk());
    return *cell;
  }
  absl::StatusOr<HashCell*> Try(absl::string_view name, uint32_t minor,
                                absl::string_view uuid = "") {
    return hash_.Insert(
        name, uuid, std::make_shared<MappedDevice>(machine_, DevT{254, minor}));
  }
  static std::vector<std::string> Names(const DmHash& hash) {
    std::vector<std::string> names;
    for (const HashCell* cell : hash.List()) names.push_back(cell->name);
    return names;
  }

  Machine machine_{DefaultKernelProfile()};
  DmHash hash_{DmListOrder::kByName};
};

TEST_F(DmHashTest, FindsByNameUuidAndMinor) {
  HashCell* cell = Insert("d0", 7, "LVM-1");
  EXPECT_EQ(hash_.FindName("d0"), cell);
  EXPECT_EQ(hash_.FindUuid("LVM-1"), cell);
  EXPECT_EQ(hash_.FindMinor(7), cell);
  EXPECT_EQ(cell->md->dm_name(), "d0");
  EXPECT_EQ(hash_.FindName("d1"), nullptr);
  EXPECT_EQ(hash_.FindUuid(""), nullptr) << "no uuid is no key";
  EXPECT_EQ(hash_.FindMinor(0), nullptr);
}

TEST_F(DmHashTest, NamesAndUuidsAreUnique) {
  Insert("d0", 0, "u");
  EXPECT_THAT(Try("d0", 1), HasErrno(EBUSY));
  EXPECT_THAT(Try("d1", 1, "u"), HasErrno(EBUSY));
  EXPECT_EQ(hash_.size(), 1u);
  EXPECT_EQ(hash_.FindMinor(1), nullptr);
  Insert("d1", 1);
  Insert("d2", 2);
}

TEST_F(DmHashTest, RemovedCellsAreGoneFromEveryIndex) {
  HashCell* cell = Insert("d0", 7, "u");
  const std::unique_ptr<HashCell> removed = hash_.Remove(cell);
  EXPECT_EQ(removed.get(), cell);
  EXPECT_EQ(hash_.FindName("d0"), nullptr);
  EXPECT_EQ(hash_.FindUuid("u"), nullptr);
  EXPECT_EQ(hash_.FindMinor(7), nullptr);
  Insert("d0", 7, "u");
}

TEST_F(DmHashTest, RenamesAndFirstUuids) {
  HashCell* cell = Insert("old", 0);
  hash_.ChangeName(cell, "new");
  EXPECT_EQ(hash_.FindName("new"), cell);
  EXPECT_EQ(hash_.FindName("old"), nullptr);
  EXPECT_EQ(cell->md->dm_name(), "new");
  hash_.SetUuid(cell, "u");
  EXPECT_EQ(hash_.FindUuid("u"), cell);
}

TEST_F(DmHashTest, TheLowestFreeMinorIsNext) {
  EXPECT_THAT(hash_.NextFreeMinor(), IsOkAndHolds(0u));
  Insert("a", 0);
  HashCell* b = Insert("b", 1);
  Insert("c", 3);
  EXPECT_THAT(hash_.NextFreeMinor(), IsOkAndHolds(2u));
  hash_.Remove(b);
  EXPECT_THAT(hash_.NextFreeMinor(), IsOkAndHolds(1u));
}

TEST_F(DmHashTest, NewKernelsListByName) {
  for (const char* name : {"b", "B", "a", "\xc3\xa4", "aa"}) {
    Insert(name, *hash_.NextFreeMinor());
  }
  EXPECT_THAT(Names(hash_), ElementsAre("B", "a", "aa", "b", "\xc3\xa4"));
}

TEST_F(DmHashTest, OldKernelsListByBucketNewestFirst) {
  DmHash old(DmListOrder::kHashBuckets);
  auto insert = [&](absl::string_view name, uint32_t minor) {
    EXPECT_THAT(
        old.Insert(name, "",
                   std::make_shared<MappedDevice>(machine_, DevT{254, minor})),
        IsOk());
  };
  // 'd' and '$' are 64 apart: their hashes, mod 64, are equal.
  insert("d", 0);
  insert("$", 1);
  EXPECT_THAT(Names(old), ElementsAre("$", "d"));
  insert("\xa4", 2);  // signed: -92, 128 below '$'
  EXPECT_THAT(Names(old), ElementsAre("\xa4", "$", "d"));
}

}  // namespace
}  // namespace dmdax
