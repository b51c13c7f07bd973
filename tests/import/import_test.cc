// SPDX-License-Identifier: Apache-2.0
//
// What is told apart, several inputs together, directories and archives.
#include "import/import.h"

#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "formats/world_format.h"
#include "import/import_files.h"
#include "import/import_paths.h"
#include "import/size_range.h"
#include "state/world_load.h"
#include "tests/import/import_testing.h"

namespace dmdax {
namespace {

using testing::HasSubstr;
using testing::Not;

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

TEST(Kernel, OfTheMachine) {
  const Imported m =
      Import({{"l", kLsblk}, {"u", "Linux h 6.12.57 #1 SMP x86_64\n"}});
  EXPECT_EQ(m.world.kernel(), "v6_12");
  EXPECT_THAT(Notes(Import({{"l", kLsblk}})), HasSubstr("v6_1 taken"));
}

// The emulated kernel takes fewer options than the machine did.
TEST(Mounts, TheMachinesOptionsAreKept) {
  const struct {
    std::string shown, options, machine;
  } kCases[] = {
      {"rw,nosuid,dax=always", "nosuid,dax=always", ""},
      {"rw,nosuid,dax=always,mb_new_word=1", "nosuid,dax=always",
       "nosuid,dax=always,mb_new_word=1"},
      {"rw,nosuid,dax=always,data=journal", "data=journal",
       "nosuid,dax=always,data=journal"},
  };
  for (const auto& c : kCases) {
    const Imported m = Import(
        {{"l", kLsblk},
         {"m", absl::StrCat("/dev/pmem0p1 /mnt ext4 ", c.shown, " 0 0\n")},
         {"u", "6.1.0\n"}});
    ASSERT_EQ(m.world.mount_size(), 1) << c.shown;
    EXPECT_EQ(m.world.mount(0).options(), c.options);
    EXPECT_EQ(m.world.mount(0).machine_options(), c.machine);
  }
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
  EXPECT_GE(m.world.mount_size(), 2) << Notes(m);  // the root, and the data
  EXPECT_EQ(m.world.left_out_size(), 0) << Notes(m);
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
  std::filesystem::create_symlink("nowhere", dir + "/link");
  std::filesystem::create_directory_symlink("..", dir + "/a/up");
  std::ofstream(dir + "/a/lsblk.json") << kLsblk;
  EXPECT_EQ(ImportPath(dir).world.pmem_size(), 1);
  std::filesystem::remove(dir + "/a/lsblk.json");
  Importer importer;
  EXPECT_THAT(std::string(importer.Add(dir).message()),
              HasSubstr("nothing in it can be imported"));
  // What a medium fails to give is no file that is not there.
  std::filesystem::create_symlink("/proc/self/mem", dir + "/bad");
  EXPECT_THAT(std::string(importer.Add(dir).message()),
              HasSubstr("/odd': bad: Input/output error"));
}

// Between two members nothing else tells.
TEST(Files, ATarWithoutItsEndIsCut) {
  const std::string tar = Tar("tests/import/samples/good", false);
  size_t accepted = 0;
  for (size_t size = 512; size < tar.size(); size += 512) {
    Importer importer;
    if (!importer.AddBytes(tar.substr(0, size), "x.tar").ok()) continue;
    // What is left out is no more than the zeros that fill the last record.
    EXPECT_EQ(tar.find_first_not_of('\0', size - 1024), tar.npos) << size;
    ++accepted;
  }
  EXPECT_LT(accepted, 20u);
}

TEST(Files, BrokenArchives) {
  std::string tar = Tar("tests/import/samples/good", true);
  tar.resize(tar.size() / 2);
  EXPECT_THAT(ErrorOf({{"t.tar.gz", tar}}), HasSubstr("t.tar.gz: "));
  EXPECT_THAT(ErrorOf({{"t.gz", "\x1f\x8b nonsense"}}), HasSubstr("t.gz"));
}

// Two machines in one would be a third that nobody has.
TEST(Files, TwoArchivesBehindEachOther) {
  for (const bool compressed : {false, true}) {
    const std::string one = Tar("tests/import/samples/good", compressed);
    const std::string other = Tar("tests/import/samples/thin", compressed);
    EXPECT_THAT(ErrorOf({{"t.tar", one + other}}),
                HasSubstr("a second archive is to be given by itself"));
    EXPECT_THAT(ErrorOf({{"t.tar", one + one}}),
                HasSubstr("a second archive is to be given by itself"));
    // Zeros are what fills a tape.
    EXPECT_EQ(Print(Import({{"t.tar", one + std::string(1 << 20, '\0')}})),
              Print(Import({{"t.tar", one}})));
  }
  const std::string tar = Tar("tests/import/samples/good", false);
  EXPECT_THAT(ErrorOf({{"t.tar", tar + "and so on"}}),
              HasSubstr("t.tar: behind the end of the tar, at byte "));
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
