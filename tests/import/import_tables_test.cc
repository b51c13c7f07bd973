// SPDX-License-Identifier: Apache-2.0
//
// Tables of mapped devices: dmsetup, kernel lines, dmsetup info.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "state/world_load.h"
#include "tests/import/import_testing.h"

namespace dmdax {
namespace {

using testing::HasSubstr;

TEST(Table, OfAMachineInAnyOrder) {
  const Imported m = Import({{"lsblk.json", kLsblk},
                             {"t",
                              "a: 0 2048 linear 253:1 0\n"
                              "vg-a: 0 4096 linear 259:3 4096\n"
                              "vg-a: 4096 4096 linear 259:3 16384\n"},
                             {"i",
                              "Name Maj Min Stat Open Targ Event UUID\n"
                              "a 253 0 L--w 0 1 0\n"
                              "vg-a 253 1 L--w 1 2 0 LVM-abc\n"}});
  EXPECT_EQ(m.world.dm_major(), 253u);
  ASSERT_EQ(m.world.mapped_device_size(), 2);
  EXPECT_EQ(m.world.mapped_device(0).name(), "a");
  EXPECT_EQ(m.world.mapped_device(1).uuid(), "LVM-abc");
  EXPECT_EQ(m.world.mapped_device(1).table().target_size(), 2);
  EXPECT_TRUE(LoadWorld(m.world).ok());
}

TEST(Table, Errors) {
  EXPECT_THAT(ErrorOf({{"t", "a: 0 8 zero\na: 8 x zero\n"}}),
              HasSubstr("t:2:6: a length in sectors is expected, not 'x'"));
  EXPECT_THAT(ErrorOf({{"t", "a: 0 8\n"}}, "table"),
              HasSubstr("a target's type is expected, not the end"));
  EXPECT_THAT(ErrorOf({{"t", "a: 0 8 zero\n"}, {"u", "a: 0 16 zero\n"}}),
              HasSubstr("u:1:1: the table of a is another one than at t:1:1"));
}

TEST(Table, StatusIsNoTable) {
  const Imported m =
      Import({{"l", kLsblk}, {"s", "vg-a: 0 8 linear \nb: 0 8 zero\n"}});
  EXPECT_THAT(Notes(m), HasSubstr("s: dmsetup status says nothing of tables"));
  const Imported striped =
      Import({{"l", kLsblk}, {"s", "x: 0 16 striped 16 259:0 259:1 1 AA\n"}});
  EXPECT_THAT(Notes(striped), HasSubstr("says nothing of tables"));
}

TEST(Table, DevicesThatNothingDescribes) {
  const Imported m = Import({{"t",
                              "a: 0 2048 linear 8:5 0\n"
                              "b: 0 2048 linear /dev/pmem7 4096\n"}});
  EXPECT_THAT(Notes(m), HasSubstr("8:5: no input says what this is"));
  ASSERT_EQ(m.world.pmem_size(), 1);
  EXPECT_EQ(m.world.pmem(0).size(), 3u << 20);
  EXPECT_EQ(m.world.mapped_device_size(), 2);
}

TEST(Table, ACryptKeyIsNotKept) {
  const std::string disk =
      "{\"blockdevices\":[{\"name\":\"sda\",\"maj:min\":\"8:0\",\"size\":"
      "1073741824,\"type\":\"disk\"}]}";
  for (const std::string key :
       {"00112233445566778899aabbccddeeff", ":16:logon:cryptsetup:secret"}) {
    const Imported m = Import({{"l", disk},
                               {"t", "c: 0 8192 crypt aes-cbc-essiv:sha256 " +
                                         key + " 0 8:0 4096\n"}});
    ASSERT_EQ(m.world.mapped_device_size(), 1) << Notes(m);
    EXPECT_EQ(m.world.mapped_device(0).table().target(0).raw().params(),
              "aes-cbc-essiv:sha256 00000000000000000000000000000000 0 8:0 "
              "4096");
  }
}

TEST(Concise, ReadOnlyEscapesAndOrder) {
  const Imported m =
      Import({{"l", kPmem},
              {"c",
               "top,uu\\,id,0,ro,0 8 linear 254:1 0;"
               "base,,1,rw,0 8 linear /dev/pmem0 0,8 8 zero\n"}});
  ASSERT_EQ(m.world.mapped_device_size(), 2) << Notes(m);
  EXPECT_EQ(m.world.mapped_device(0).uuid(), "uu,id");
  EXPECT_TRUE(m.world.mapped_device(0).table().readonly());
  EXPECT_EQ(m.world.mapped_device(1).table().target_size(), 2);
  EXPECT_THAT(ErrorOf({{"c", "a,b,c,,0 8 zero"}}),
              HasSubstr("c:1:5: a minor is expected, not 'c'"));
  EXPECT_THAT(ErrorOf({{"c", "a,b"}}, "concise"),
              HasSubstr("name,uuid,minor,flags,row is expected"));
  EXPECT_THAT(ErrorOf({{"c", "a,,,rw,0 8 zero;\nb,,,rw,0 y zero"}}),
              HasSubstr("c:2:8: a length in sectors is expected"));
}

TEST(Boot, BothForms) {
  const Imported m = Import({{"l", kPmem},
                             {"cmdline",
                              "BOOT_IMAGE=/vmlinuz "
                              "dm-mod.create=\"r,,4,ro,0 8 linear "
                              "/dev/pmem0 0;s,,,rw,0 8 zero\" quiet"}});
  ASSERT_EQ(m.world.mapped_device_size(), 2) << Notes(m);
  const Imported old =
      Import({{"l", kPmem},
              {"cmdline",
               "root=/dev/dm-0 dm=\"2 a none ro 1,0 8 linear "
               "/dev/pmem0 0,b none rw 2,0 8 zero,8 8 zero\""}});
  ASSERT_EQ(old.world.mapped_device_size(), 2) << Notes(old);
  EXPECT_EQ(old.world.mapped_device(1).table().target_size(), 2);
  EXPECT_THAT(ErrorOf({{"c", "root=x dm=\"a none ro,0 8\""}}),
              HasSubstr("a target's type is expected"));
}

TEST(Info, FormsOfIt) {
  for (const char* info :
       {"Name Maj Min Stat Open Targ Event UUID\nb 253 7 L--w 0 1 0\n",
        "b:253:7:L--w:0:1:0:\n", "b\t(253:7)\n",
        "Name,Maj,Min,UUID\nb,253,7,\n"}) {
    const Imported m =
        Import({{"l", kPmem}, {"t", "b: 0 8 zero\n"}, {"i", info}});
    ASSERT_EQ(m.world.mapped_device_size(), 1) << info;
    EXPECT_EQ(m.world.mapped_device(0).minor(), 7u) << info;
  }
  EXPECT_THAT(ErrorOf({{"i", "Name Maj Min UUID\nb x 7 u\n"}}),
              HasSubstr("i:2:3: a number is expected in the column Maj"));
  EXPECT_THAT(ErrorOf({{"i", "Name Maj Min UUID\nb 7\n"}}),
              HasSubstr("4 columns are expected, not 2"));
  EXPECT_THAT(ErrorOf({{"i", "a:253:7:L--w:0:1:0:\nb:253:7:L--w:0:1:0:\n"}}),
              HasSubstr("has the number 253:7"));
}

}  // namespace
}  // namespace dmdax
