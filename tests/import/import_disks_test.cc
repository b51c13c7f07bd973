// SPDX-License-Identifier: Apache-2.0
//
// Disks and persistent memory: lsblk, ndctl, /sys, LVM reports.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/import/import_testing.h"

namespace dmdax {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Lsblk, DevicesPartitionsAndNumbers) {
  const Imported m = Import({{"lsblk.json", kLsblk}});
  ASSERT_EQ(m.world.pmem_size(), 1);
  EXPECT_EQ(m.world.pmem(0).dev(), "259:3");
  EXPECT_EQ(m.world.pmem(0).logical_block_size(), 4096u);
  EXPECT_EQ(m.world.pmem(0).base() % (1 << 30), 0u);
  EXPECT_THAT(Notes(m), HasSubstr("no input says where pmem0 is in memory"));
  ASSERT_EQ(m.world.block_size(), 2);  // not the empty loop device
  EXPECT_EQ(m.world.block(1).name(), "pmem0p1");
  EXPECT_EQ(m.world.block(1).partition_of(), "pmem0");
  EXPECT_EQ(m.world.block(1).start(), 2048u);
  // Known, but without a table.
  EXPECT_THAT(Notes(m), HasSubstr("no input has the table of vg-a"));
  ASSERT_EQ(m.world.mount_size(), 1);
  EXPECT_EQ(m.world.mount(0).device(), "/dev/pmem0p1");
}

TEST(Lsblk, APartitionWithoutAStart) {
  const Imported m = Import(
      {{"l",
        "{\"blockdevices\":[{\"name\":\"sda\",\"type\":\"disk\",\"size\":"
        "10485760,\"children\":[{\"name\":\"sda1\",\"type\":\"part\","
        "\"size\":1048576},{\"name\":\"sda2\",\"type\":\"part\",\"size\":"
        "1048576}]}]}"}});
  ASSERT_EQ(m.world.block_size(), 3);
  EXPECT_EQ(m.world.block(1).start(), 2048u);
  EXPECT_EQ(m.world.block(2).start(), 4096u);
  // Nobody asks for pages of it.
  EXPECT_THAT(Notes(m), Not(HasSubstr("begins")));
  EXPECT_EQ(m.world.guess_size(), 0);
}

TEST(Lsblk, APartitionOfPmemWithoutAStart) {
  const Imported m = Import(
      {{"l",
        "{\"blockdevices\":[{\"name\":\"pmem0\",\"type\":\"disk\",\"size\":"
        "10485760,\"dax\":true,\"children\":[{\"name\":\"pmem0p1\",\"type\":"
        "\"part\","
        "\"size\":1048576}]}]}"},
       {"/proc/iomem", "100000000-1009fffff : namespace0.0\n"}});
  ASSERT_EQ(m.world.guess_size(), 1) << Notes(m);
  EXPECT_EQ(m.world.guess(0).name(), "pmem0p1");
  EXPECT_EQ(m.world.guess(0).decides(), proto::Guess::DAX);
  EXPECT_EQ(m.world.guess(0).taken(), "sector 2048");
  EXPECT_THAT(Notes(m), HasSubstr("no input says where pmem0p1 begins"));
}

TEST(Lsblk, Errors) {
  EXPECT_THAT(ErrorOf({{"l", "{\"blockdevices\": 7}"}}),
              HasSubstr("l:1:18: a list of devices is expected, not '7'"));
  EXPECT_THAT(ErrorOf({{"l",
                        "{\"blockdevices\": [{\"name\": \"a\",\n"
                        "\"maj:min\": \"x\"}]}"}}),
              HasSubstr("l:2:12: major:minor is expected, not 'x'"));
  EXPECT_THAT(ErrorOf({{"l",
                        "{\"blockdevices\": [{\"name\": \"a\", "
                        "\"size\": \"big\"}]}"}}),
              HasSubstr("a size is expected, not 'big'"));
  EXPECT_THAT(ErrorOf({{"l", "{\"blockdevices\": [{\"name\": "}}),
              HasSubstr("l:2:1:"));
}

constexpr char kNdctl[] = R"j([
  {"dev":"region0", "size":"128.00 GiB (137.44 GB)", "type":"pmem",
   "persistence_domain":"cpu_cache",
   "namespaces":[
     {"dev":"namespace0.0", "mode":"fsdax", "map":"dev",
      "size":135289372672, "uuid":"x", "sector_size":512, "align":2097152,
      "blockdev":"pmem0"},
     {"dev":"namespace0.1", "mode":"devdax", "map":"dev", "size":1073741824,
      "align":2097152, "chardev":"dax0.1"},
     {"dev":"namespace0.2", "mode":"sector", "size":1073737728,
      "sector_size":4096, "blockdev":"pmem0.2s"},
     {"dev":"namespace0.3", "mode":"raw", "size":1073741824,
      "sector_size":512, "blockdev":"pmem0.3"},
     {"dev":"namespace0.4", "mode":"raw", "size":0, "state":"disabled"}]}])j";

// As ndctl and the kernel place them: see nd_pfn_init().
TEST(Ndctl, NamespacesOfEachMode) {
  const Imported m = Import({{"n", kNdctl},
                             {"iomem",
                              "1080000000-307fffffff : Persistent Memory\n"
                              "  1080000000-307fffffff : namespace0.0\n"
                              "3080000000-30c01fffff : Persistent Memory\n"
                              "  3080000000-30bfffffff : dax0.1\n"}});
  ASSERT_EQ(m.world.pmem_size(), 2);
  const proto::Pmem& pmem = m.world.pmem(0);
  EXPECT_EQ(pmem.base(), 0x1080000000u);
  EXPECT_EQ(pmem.size() - pmem.data_offset(), 135289372672u);
  EXPECT_EQ(pmem.data_offset(), 1025u * 2097152);
  EXPECT_TRUE(pmem.no_write_cache());
  EXPECT_TRUE(m.world.pmem(1).raw());
  ASSERT_EQ(m.world.dax_size(), 1);
  EXPECT_EQ(m.world.dax(0).range(0).start(), 0x3080000000u);
  ASSERT_EQ(m.world.block_size(), 1);
  EXPECT_EQ(m.world.block(0).name(), "pmem0.2s");
  EXPECT_THAT(Notes(m), HasSubstr("namespace0.4 is disabled"));
  EXPECT_THAT(Notes(m), HasSubstr("pmem0.2s is in sector mode"));
}

// What was made before 5.3 with align 4096 has its data 0x22000 bytes further
// on, and where memory of another region shares its last section the end of it
// is left out too: by its size alone 2 MiB in front would fit as well.
TEST(Ndctl, SizeOfAnotherRule) {
  for (const auto& [map, size] :
       {std::pair("mem", "8589795328"), std::pair("dev", "8455577600")}) {
    const Imported m =
        Import({{"n", absl::StrCat(
                          R"j([{"dev":"namespace0.0","mode":"fsdax","map":")j",
                          map, R"j(","sector_size":512,"align":4096,)j",
                          R"j("blockdev":"pmem0","size":)j", size, "}]")},
                {"iomem",
                 "180000000-3803fffff : Persistent Memory (legacy)\n"
                 "  180000000-3803fffff : namespace0.0\n"
                 "380400000-3ffffffff : Persistent Memory (legacy)\n"
                 "  380400000-3ffffffff : namespace1.0\n"}});
    EXPECT_THAT(Notes(m),
                HasSubstr("no input says where the data of pmem0 begins"))
        << map;
  }
}

TEST(Ndctl, SizesForPeople) {
  const Imported m = Import({{"n", R"j({"dev":"namespace1.0","mode":"fsdax",
      "map":"mem","size":"126.00 GiB (135.29 GB)","blockdev":"pmem1"})j"}});
  ASSERT_EQ(m.world.pmem_size(), 1);
  EXPECT_EQ(m.world.pmem(0).size(), uint64_t{126} << 30);
  EXPECT_THAT(Notes(m), HasSubstr("the size of pmem1 is"));
  // With the exact one beside it, whatever comes first.
  const Imported both =
      Import({{"n", R"j({"dev":"namespace1.0","mode":"fsdax","size":
      "126.00 GiB (135.29 GB)","blockdev":"pmem1"})j"},
              {"p", "major minor  #blocks  name\n\n 259 0 132118528 pmem1\n"}});
  EXPECT_EQ(both.world.pmem(0).size(), 135289372672u);
}

TEST(Ndctl, Contradictions) {
  EXPECT_THAT(
      ErrorOf({{"l", kLsblk},
               {"n",
                "{\"dev\":\"namespace0.0\",\"mode\":\"fsdax\",\"size\":"
                "4096,\"blockdev\":\"pmem0\"}"}}),
      testing::AllOf(HasSubstr("n:1:"), HasSubstr("the size of pmem0 is 4096"),
                     HasSubstr("l:3:"), HasSubstr("1073741824 bytes")));
  EXPECT_THAT(ErrorOf({{"l", kLsblk},
                       {"p",
                        "major minor  #blocks  name\n\n 259 9 1048576 "
                        "pmem0\n"}}),
              HasSubstr("p:3:1: the number of pmem0 is 259:9; l:3:"));
}

TEST(Daxctl, Mappings) {
  const Imported m =
      Import({{"d", R"j([{"chardev":"dax1.0","size":4194304,"align":2097152,
       "mode":"devdax","mappings":[{"page_offset":0,"start":"0x240000000",
       "end":"0x2403fffff","size":4194304}]},
       {"chardev":"dax2.0","size":4194304,"mode":"system-ram"}])j"}});
  ASSERT_EQ(m.world.dax_size(), 1);
  EXPECT_EQ(m.world.dax(0).range(0).start(), 0x240000000u);
  EXPECT_THAT(Notes(m), HasSubstr("dax2.0 is system memory"));
}

TEST(Iomem, ZerosAreNoAddresses) {
  const Imported m =
      Import({{"l", kLsblk}, {"i", "00000000-00000000 : namespace0.0\n"}});
  EXPECT_THAT(Notes(m), HasSubstr("i: only zeros"));
  EXPECT_THAT(ErrorOf({{"i", "00001000-0009ffff : a\nx\n"}}),
              HasSubstr("i:2:1: first-last : name is expected, not 'x'"));
}

TEST(Sysfs, QueuesNumbersAndAddresses) {
  const Imported m = Import({{"block/pmem0/size", "2097152\n"},
                             {"block/pmem0/dev", "259:2\n"},
                             {"block/pmem0/queue/max_sectors_kb", "4096\n"},
                             {"block/pmem0/device/resource", "0x180000000\n"},
                             {"block/pmem0/pmem0p1/start", "4096\n"},
                             {"block/pmem0/pmem0p1/size", "8192\n"},
                             {"block/dm-3/dm/name", "top\n"},
                             {"block/dm-3/size", "8\n"},
                             {"block/dm-3/queue/max_sectors_kb", "512\n"},
                             {"t", "top: 0 8 linear 259:2 0\n"}});
  ASSERT_EQ(m.world.pmem_size(), 1);
  EXPECT_EQ(m.world.pmem(0).base(), 0x180000000u);
  EXPECT_EQ(m.world.pmem(0).queue().max_sectors_kb(), 4096u);
  ASSERT_EQ(m.world.mapped_device_size(), 1);
  EXPECT_EQ(m.world.mapped_device(0).minor(), 3u);
  EXPECT_EQ(m.world.mapped_device(0).max_sectors_kb(), 512u);
  EXPECT_THAT(ErrorOf({{"block/sda/size", "big\n"}}),
              HasSubstr("block/sda/size:1:1: a number is expected"));
}

TEST(LvmReport, LinearAndStriped) {
  const Imported m = Import({{"r", R"j({"report":[{
    "vg":[{"vg_name":"vg","vg_extent_size":"4194304B"}],
    "pv":[{"pv_name":"/dev/pmem0","vg_name":"vg","pe_start":"2097152B",
           "dev_size":"1073741824B"},
          {"pv_name":"/dev/pmem1","vg_name":"vg","pe_start":"2097152B",
           "dev_size":"1073741824B"}],
    "lv":[{"lv_name":"a","vg_name":"vg","segtype":"linear","stripes":"1",
           "seg_start":"0B","seg_size":"8388608B",
           "seg_pe_ranges":"/dev/pmem0:3-4","stripe_size":"0B"},
          {"lv_name":"s","vg_name":"vg","segtype":"striped","stripes":"2",
           "seg_start":"0B","seg_size":"8388608B","stripe_size":"65536B",
           "seg_pe_ranges":"/dev/pmem0:0-0 /dev/pmem1:0-0"},
          {"lv_name":"t","vg_name":"vg","segtype":"thin","seg_start":"0B",
           "seg_size":"8388608B"}]}]})j"}});
  ASSERT_EQ(m.world.mapped_device_size(), 2) << Notes(m);
  EXPECT_EQ(m.world.mapped_device(0).table().target(0).linear().start(),
            4096u + 3 * 8192);
  EXPECT_EQ(m.world.mapped_device(1).table().target(0).striped().chunk(), 128u);
  EXPECT_THAT(Notes(m), HasSubstr("vg-t"));
}

// The device is all of its namespace, behind the info block and the memory map.
TEST(Ndctl, ADeviceDaxIsInItsNamespace) {
  const Imported m =
      Import({{"ndctl.json",
               R"j([{"dev":"namespace0.2","mode":"devdax","map":"dev",
              "size":2111832064,"chardev":"dax0.2","align":2097152}])j"},
              {"iomem", "200000000-27fffffff : namespace0.2\n"}});
  ASSERT_EQ(m.world.dax_size(), 1);
  ASSERT_EQ(m.world.dax(0).range_size(), 1);
  EXPECT_EQ(m.world.dax(0).range(0).start(), 0x202200000u);
  EXPECT_EQ(m.world.dax(0).range(0).size(), 2111832064u);
  EXPECT_THAT(Notes(m), Not(HasSubstr("dax0.2 is in memory")));
}

// What is asked for is not what is there already.
TEST(Ndctl, WhereTheDataBeginsIsNotAskedOfItAgain) {
  const Imported m =
      Import({{"ndctl.json",
               R"j([{"dev":"namespace0.3","mode":"fsdax","map":"mem",
              "size":2147467264,"blockdev":"pmem0.3","align":4096}])j"},
              {"iomem", "280000000-2ffffffff : namespace0.3\n"}});
  ASSERT_EQ(m.world.guess_size(), 1) << Notes(m);
  EXPECT_EQ(m.world.guess(0).ask(), "a copy of /sys/block");
}

}  // namespace
}  // namespace dmdax
