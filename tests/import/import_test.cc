// SPDX-License-Identifier: Apache-2.0
//
// Each format, and what several together say.
#include "import/import.h"

#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "formats/world_format.h"
#include "import/import_files.h"
#include "import/import_format.h"
#include "import/size_range.h"
#include "state/world_load.h"
#include "tests/import/import_testing.h"

namespace dmdax {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr char kPmem[] =
    "{\"blockdevices\": [{\"name\": \"pmem0\", \"maj:min\": \"259:3\", "
    "\"size\": 1073741824, \"type\": \"disk\"}]}";

constexpr char kLsblk[] = R"j({
   "blockdevices": [
      {"name":"pmem0", "maj:min":"259:3", "size":1073741824, "type":"disk",
       "log-sec":4096, "phy-sec":4096, "dax":true,
         "children": [
            {"name":"pmem0p1", "maj:min":"259:4", "size":536870912,
             "type":"part", "start":2048, "mountpoints":["/mnt"],
             "fstype":"ext4"},
            {"name":"vg-a", "kname":"dm-1", "maj:min":"253:1",
             "size":4194304, "type":"lvm"}
         ]
      },
      {"name":"sr0", "maj:min":"11:0", "size":"1024M", "type":"rom"},
      {"name":"loop0", "maj:min":"7:0", "size":0, "type":"loop"}
   ]
})j";

std::string TypeOf(const std::string& text, const std::string& path = "x") {
  const ImportInput input{path, path, text};
  const ImportFormat* format = DetectImport(input);
  return format == nullptr ? "" : std::string(format->name);
}

TEST(SizeRange, Parse) {
  EXPECT_EQ(ParseSize("512")->Likeliest(), 512u);
  EXPECT_TRUE(ParseSize("512B")->exact());
  EXPECT_EQ(ParseSize("126.00 GiB (135.29 GB)")->Likeliest(),
            uint64_t{126} << 30);
  EXPECT_EQ(ParseSize("126G")->Likeliest(), uint64_t{126} << 30);
  const SizeRange lsblk = *ParseSize("126G");
  EXPECT_LE(lsblk.least, 135289372672u);
  EXPECT_GE(lsblk.most, 135289372672u);
  EXPECT_FALSE(ParseSize("126.00 GiB (1.00 GB)"));
  for (const char* bad : {"", "G", "1.", ".5G", "12X", "1G2", "9999999999G",
                          "-1", "1 GiB (", "1..2G"}) {
    EXPECT_FALSE(ParseSize(bad)) << bad;
  }
}

TEST(Detect, ByContent) {
  EXPECT_EQ(TypeOf(kLsblk), "lsblk");
  EXPECT_EQ(TypeOf("vg-a: 0 8 linear 259:0 0\n"), "table");
  EXPECT_EQ(TypeOf("No devices found\n"), "table");
  EXPECT_EQ(TypeOf("a,,1,rw,0 8 linear /dev/pmem0 0\n"), "concise");
  EXPECT_EQ(TypeOf("root=/dev/sda1 dm-mod.create=\"a,,,rw,0 8 zero\"\n"),
            "boot");
  EXPECT_EQ(TypeOf("vg-a:253:1:L--w:0:1:0:LVM-x\n"), "info");
  EXPECT_EQ(TypeOf("home\t(254:0)\n"), "info");
  EXPECT_EQ(TypeOf("home (254:0)\n `- (259:0)\n"), "");
  EXPECT_EQ(TypeOf("[{\"dev\":\"namespace0.0\"}]"), "ndctl");
  EXPECT_EQ(TypeOf("[{\"chardev\":\"dax0.0\"}]"), "daxctl");
  EXPECT_EQ(TypeOf("00001000-0009ffff : System RAM\n"), "iomem");
  EXPECT_EQ(TypeOf("/dev/sda1 / ext4 rw,relatime 0 0\n"), "mounts");
  EXPECT_EQ(TypeOf("6.1.0-56-amd64\n"), "uname");
  EXPECT_EQ(TypeOf("Linux h 6.12 #1 SMP x86_64 GNU/Linux\n"), "uname");
  EXPECT_EQ(TypeOf("NAME=\"sda\" TYPE=\"disk\"\n"), "lsblk-pairs");
  EXPECT_EQ(TypeOf("1024\n", "sys/block/pmem0/size"), "sysfs");
  EXPECT_EQ(TypeOf("1024\n", "sys/devices/p/block/pmem0/size"), "sysfs");
  EXPECT_EQ(TypeOf("pmem { name: \"pmem0\" }", "a/block/b/w.textproto"), "");
  EXPECT_EQ(TypeOf("pmem { name: \"pmem0\" }"), "");
  EXPECT_EQ(TypeOf("1024\n"), "");
  EXPECT_EQ(TypeOf(""), "");
}

TEST(Lsblk, DevicesPartitionsAndNumbers) {
  const Imported m = Import({{"lsblk.json", kLsblk}});
  ASSERT_EQ(m.world.pmem_size(), 1);
  EXPECT_EQ(m.world.pmem(0).dev(), "259:3");
  EXPECT_EQ(m.world.pmem(0).logical_block_size(), 4096u);
  EXPECT_EQ(m.world.pmem(0).base() % (1 << 30), 0u);
  EXPECT_THAT(Notes(m),
              HasSubstr("pmem0: no input says where it is in memory"));
  ASSERT_EQ(m.world.block_size(), 2);  // not the empty loop device
  EXPECT_EQ(m.world.block(1).name(), "pmem0p1");
  EXPECT_EQ(m.world.block(1).partition_of(), "pmem0");
  EXPECT_EQ(m.world.block(1).start(), 2048u);
  // Known, but without a table.
  EXPECT_THAT(Notes(m), HasSubstr("vg-a: no input has its table"));
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
  EXPECT_THAT(Notes(m), HasSubstr("sda2: no input says where it begins"));
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
              HasSubstr("l:1:"));
}

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
  const Imported m = Import({{"l", kLsblk},
                             {"cmdline",
                              "BOOT_IMAGE=/vmlinuz "
                              "dm-mod.create=\"r,,4,ro,0 8 linear "
                              "/dev/pmem0 0;s,,,rw,0 8 zero\" quiet"}});
  ASSERT_EQ(m.world.mapped_device_size(), 2) << Notes(m);
  const Imported old =
      Import({{"l", kLsblk},
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
        Import({{"l", kLsblk}, {"t", "b: 0 8 zero\n"}, {"i", info}});
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
                              "  3080000000-30c01fffff : dax0.1\n"}});
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

constexpr char kFilefrag[] =
    "Filesystem type is: ef53\n"
    "File size of /mnt/a is 8192 (2 blocks of 4096 bytes)\n"
    " ext:     logical_offset:        physical_offset: length:   expected: "
    "flags:\n"
    "   0:        0..       1:        512..       513:      2:             "
    "last,eof\n"
    "/mnt/a: 1 extent found\n"
    "File size of /mnt/d/b is 4096 (1 block of 4096 bytes)\n"
    " ext:     logical_offset:        physical_offset: length:   expected: "
    "flags:\n"
    "   0:        0..       0:       1024..      1024:      1:             "
    "last,eof\n"
    "/mnt/d/b: 1 extent found\n";

TEST(Filefrag, ManyFiles) {
  const Imported m = Import({{"l", kLsblk}, {"f", kFilefrag}});
  ASSERT_EQ(m.world.mount_size(), 1);
  ASSERT_EQ(m.world.mount(0).file_size(), 2);
  EXPECT_EQ(m.world.mount(0).file(1).name(), "d/b");
  EXPECT_EQ(m.world.mount(0).file(1).extent(0).physical(), 1024u * 4096);
}

TEST(Filefrag, AnErrorHasItsLineInTheWholeInput) {
  std::string text = kFilefrag;
  text.replace(text.find("1024:"), 5, "xxxx:");
  EXPECT_THAT(ErrorOf({{"f", text}}), HasSubstr("f:8:"));
}

TEST(Filefrag, NoMountButOnePlace) {
  const Imported m = Import(
      {{"t", "a: 0 2097152 linear /dev/pmem0 2048\n"}, {"f", kFilefrag}});
  ASSERT_EQ(m.world.mount_size(), 1) << Notes(m);
  EXPECT_EQ(m.world.mount(0).device(), "/dev/mapper/a");
  EXPECT_THAT(Notes(m), HasSubstr("/dev/mapper/a with ext4, dax=always taken"));
}

TEST(XfsBmap, ManyFilesAndHoles) {
  const Imported m = Import(
      {{"l", kLsblk},
       {"m", "/dev/pmem0p1 /mnt xfs rw,relatime,dax=always,inode64 0 0\n"},
       {"x",
        "/mnt/a:\n EXT: FILE-OFFSET BLOCK-RANGE AG AG-OFFSET TOTAL FLAGS\n"
        "   0: [0..15]:  96..111  0 (96..111)  16 010000\n"
        "   1: [16..31]: hole 16\n/mnt/b: no extents\n"}});
  ASSERT_EQ(m.world.mount_size(), 1);
  EXPECT_EQ(m.world.mount(0).options(), "dax=always");
  ASSERT_GE(m.world.mount(0).file_size(), 1) << Notes(m);
  EXPECT_EQ(m.world.mount(0).file(0).extent(0).type(),
            proto::Extent::UNWRITTEN);
}

TEST(Fiemap, Bytes) {
  std::string bytes(32 + 56, '\0');
  bytes[20] = 1;            // fm_mapped_extents
  bytes[32 + 10] = '\x20';  // fe_physical
  bytes[32 + 17] = '\x10';  // fe_length
  bytes[32 + 40] = 1;       // FIEMAP_EXTENT_LAST
  EXPECT_EQ(TypeOf(bytes), "fiemap");
  const Imported m = Import({{"l", kLsblk}, {"/mnt/f.fiemap", bytes}});
  EXPECT_THAT(Notes(m), HasSubstr("extents of a file without a name"));
}

TEST(Mounts, WhatHasNoDeviceIsCounted) {
  const Imported m =
      Import({{"l", kLsblk},
              {"m",
               "proc /proc proc rw,nosuid 0 0\ntmpfs /run tmpfs rw 0 0\n"
               "/dev/pmem0p1 /a\\040b ext4 rw,dax=always 0 0\n"
               "/dev/sr0 /cd iso9660 ro 0 0\n"}});
  EXPECT_THAT(Notes(m), HasSubstr("2 mounts without a block device"));
  EXPECT_THAT(Notes(m), HasSubstr("file system 'iso9660'"));
  std::vector<std::string> paths;
  for (const proto::Mount& mount : m.world.mount()) {
    paths.push_back(mount.path());
  }
  EXPECT_THAT(paths, testing::Contains("/a b"));
}

TEST(Kernel, OfTheMachine) {
  const Imported m =
      Import({{"l", kLsblk}, {"u", "Linux h 6.12.57 #1 SMP x86_64\n"}});
  EXPECT_EQ(m.world.kernel(), "v6_12");
  EXPECT_THAT(Notes(Import({{"l", kLsblk}})), HasSubstr("v6_1 taken"));
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
  EXPECT_THAT(Notes(m), HasSubstr("vg/t"));
}

TEST(Import, NothingUseful) {
  EXPECT_THAT(ErrorOf({{"e", ""}}), HasSubstr("'e' is empty"));
  EXPECT_THAT(ErrorOf({{"e", "hello\n"}}), HasSubstr("none of the kinds"));
  EXPECT_THAT(ErrorOf({{"u", "6.1.0\n"}}), HasSubstr("describe no device"));
}

// --- directories and archives ---

std::string Print(const Imported& m) {
  return *PrintWorld(m.world, kTextprotoFormat);
}

Imported ImportPath(const std::string& path) {
  Importer importer;
  absl::Status s = importer.Add(path);
  EXPECT_TRUE(s.ok()) << s;
  absl::StatusOr<Imported> m = importer.Finish();
  EXPECT_TRUE(m.ok()) << m.status();
  return m.ok() ? *std::move(m) : Imported();
}

// The files below a directory as a tar in memory.
std::string Tar(const std::string& root, bool compressed) {
  archive* a = archive_write_new();
  if (compressed) archive_write_add_filter_gzip(a);
  archive_write_set_format_pax_restricted(a);
  std::string out(64 << 20, '\0');
  size_t used = 0;
  archive_write_open_memory(a, out.data(), out.size(), &used);
  for (const auto& file : std::filesystem::recursive_directory_iterator(root)) {
    if (!std::filesystem::is_regular_file(file.path())) continue;
    std::ifstream in(file.path());
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(
        entry,
        ("sos-db1/" + file.path().string().substr(root.size() + 1)).c_str());
    archive_entry_set_size(entry, static_cast<la_int64_t>(text.size()));
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_write_header(a, entry);
    archive_write_data(a, text.data(), text.size());
    archive_entry_free(entry);
  }
  archive_write_close(a);
  archive_write_free(a);
  out.resize(used);
  return out;
}

class SampleTest : public testing::TestWithParam<const char*> {
 protected:
  std::string Path() const {
    return absl::StrCat("tests/import/samples/", GetParam());
  }
};

TEST_P(SampleTest, DirectoryAndArchivesAreTheSame) {
  const std::string world = Print(ImportPath(Path()));
  for (bool compressed : {false, true}) {
    EXPECT_EQ(Print(Import({{"t.tar", Tar(Path(), compressed)}})), world);
  }
}

TEST_P(SampleTest, Loads) {
  const Imported m = ImportPath(Path());
  const absl::StatusOr<Session> session = LoadWorld(m.world);
  EXPECT_TRUE(session.ok()) << session.status();
  // The root has no place in a World.
  EXPECT_EQ(m.world.mount_size(), 1) << Notes(m);
  EXPECT_THAT(Notes(m), HasSubstr("/ is left out"));
  EXPECT_THAT(Notes(m), Not(HasSubstr("left out: what")));
  EXPECT_THAT(Notes(m), Not(HasSubstr("replaced by zero"))) << Notes(m);
}

INSTANTIATE_TEST_SUITE_P(Stories, SampleTest,
                         testing::Values("good", "misaligned", "crypt", "thin",
                                         "partition"),
                         [](const auto& p) { return p.param; });

TEST(Files, WhatIsNoFileIsNotOpened) {
  const std::string dir = testing::TempDir() + "/odd";
  std::filesystem::remove_all(dir);
  std::filesystem::create_directories(dir + "/a");
  ASSERT_EQ(mkfifo((dir + "/fifo").c_str(), 0600), 0);
  std::filesystem::create_symlink("/proc/self/mem", dir + "/link");
  std::filesystem::create_directory_symlink("..", dir + "/a/up");
  std::ofstream(dir + "/a/lsblk.json") << kLsblk;
  EXPECT_EQ(ImportPath(dir).world.pmem_size(), 1);
  std::filesystem::remove(dir + "/a/lsblk.json");
  Importer importer;
  EXPECT_THAT(std::string(importer.Add(dir).message()),
              HasSubstr("nothing in it can be imported"));
}

TEST(Files, BrokenArchives) {
  std::string tar = Tar("tests/import/samples/good", true);
  tar.resize(tar.size() / 2);
  EXPECT_THAT(ErrorOf({{"t.tar.gz", tar}}), HasSubstr("t.tar.gz: "));
  EXPECT_THAT(ErrorOf({{"t.gz", "\x1f\x8b nonsense"}}), HasSubstr("t.gz"));
}

TEST(Files, OfAReportOnlySomeParts) {
  EXPECT_TRUE(IsImportPath("sos-x/proc/iomem"));
  EXPECT_TRUE(IsImportPath("sos-x/etc/lvm/backup/vg"));
  EXPECT_FALSE(IsImportPath("sos-x/etc/lvm/archive/vg_1.vg"));
  EXPECT_FALSE(IsImportPath("sos-x/proc/4711/mounts"));
  EXPECT_FALSE(IsImportPath("sos-x/var/log/messages"));
  EXPECT_TRUE(IsImportPath("sys/block/pmem0/size"));
}

}  // namespace
}  // namespace dmdax
