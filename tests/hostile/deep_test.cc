// SPDX-License-Identifier: Apache-2.0
//
// Thousands of devices on each other, and a stack of half a MiB (ulimit -s
// 512): each verb answers, or says in our name that it is too deep, in time
// that does not grow with the square of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/hostile/child.h"

namespace dmdax::hostile {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

constexpr int kDepth = kSanitized ? 600 : 2000;

// What device `i` is, which stands on `below`.
using OneOf = std::string (*)(int i, const std::string& below);

std::string Linear(int i, const std::string& below) {
  return absl::StrCat("mapped_device { name: \"d", i,
                      "\" table { target { length: 65536 linear { device: \"",
                      below, "\" } } } }\n");
}

std::string Delay(int i, const std::string& below) {
  return absl::StrCat("mapped_device { name: \"d", i,
                      "\" table { target { length: 65536 raw { type: \"delay\" "
                      "params: \"",
                      below, " 0 0\" } } } }\n");
}

std::string Unmodelled(int i, const std::string& below) {
  return absl::StrCat("mapped_device { name: \"d", i,
                      "\" table { target { length: 65536 zero {} } } "
                      "unmodelled { driver: \"vdo\" device: \"",
                      below, "\" } }\n");
}

std::string Stack(OneOf one) {
  std::string world =
      "pmem { name: \"pmem0\" base: 0x100000000 size: 0x4000000 }\n";
  std::string below = "/dev/pmem0";
  for (int i = 0; i < kDepth; ++i) {
    world += one(i, below);
    below = absl::StrCat("/dev/mapper/d", i);
  }
  return world;
}

class DeepTest : public testing::TestWithParam<OneOf> {
 protected:
  DeepTest() { scratch_.stack = 512 << 10; }

  std::vector<std::vector<std::string>> Verbs() const {
    const std::string top = absl::StrCat("d", kDepth - 1);
    const std::string next = absl::StrCat("d", kDepth - 2);
    return {{"ls"},
            {"ls", "--tree"},
            {"ls", "--tree", "-o", "inverted"},
            {"info"},
            {"info", "-c", "-o", "all"},
            {"deps"},
            {"table"},
            {"status"},
            {"measure", top},
            {"explain", top, "0"},
            {"explain", "d250", "0"},
            {"--json", "explain", "d250", "0"},
            {"translate", top, "0"},
            {"translate", "d250", "0"},
            {"map", top, "8"},
            {"map", "d250", "8"},
            {"--json", "map", top, "8"},
            {"diff", top, next},
            {"diff", "d250", "d249"},
            {"diff", top, top, "--with-kernel", "6.12"},
            {"sweep", top},
            {"sweep", "d250"},
            {"check"},
            {"check", "d250"},
            {"draw", "--format", "dot"},
            {"draw", "--format", "html"},
            {"advise", "pmem0"},
            {"advise", "--size", "6M"},
            {"export"},
            {"machine", "list"},
            {"mount"},
            {"maps"}};
  }

  void ExpectSane(const std::vector<std::string>& words,
                  const std::string& kernel) {
    std::string line = kernel;
    for (const std::string& word : words) absl::StrAppend(&line, " ", word);
    const ChildResult r = scratch_.Run(words);
    EXPECT_EQ(r.signal, 0) << line;
    EXPECT_THAT(r.rc, AnyOf(0, 1, 2)) << line << r.err;
    if (r.rc == 1) {
      EXPECT_NE(r.out + r.err, "") << line;
      EXPECT_LT(r.err_bytes, 8192u) << line;
    }
  }

  Scratch scratch_;
};

TEST_P(DeepTest, EachVerb) {
  scratch_.seconds = 30;
  const std::string world = scratch_.Put("world", Stack(GetParam()));
  for (std::vector<std::string> words : Verbs()) {
    words.insert(words.begin(), {"--world", world, "--kernel", "6.1"});
    ExpectSane(words, "6.1");
  }
}

// A kernel whose DAX check walks down the stack at each load.
TEST_P(DeepTest, AKernelThatRecurses) {
  scratch_.seconds = 30;
  const std::string world = scratch_.Put("world", Stack(GetParam()));
  const std::string top = absl::StrCat("d", kDepth - 1);
  for (std::vector<std::string> words :
       std::vector<std::vector<std::string>>{{"ls"},
                                             {"explain", top, "0"},
                                             {"explain", "d250", "0"},
                                             {"sweep", "d250"},
                                             {"check", "d250"},
                                             {"advise", "pmem0"}}) {
    words.insert(words.begin(), {"--world", world, "--kernel", "5.10"});
    ExpectSane(words, "5.10");
  }
}

TEST_P(DeepTest, AState) {
  scratch_.seconds = 30;
  const std::string world = scratch_.Put("world", Stack(GetParam()));
  ASSERT_EQ(scratch_.Run({"machine", "load", world}).rc, 0);
  for (const std::vector<std::string>& words : Verbs()) ExpectSane(words, "");
  const std::string top = absl::StrCat("d", kDepth - 1);
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{
           {"suspend", "--checks", top},
           {"resume", top},
           {"reload", "d0", "--table", "0 65536 zero"},
           {"suspend", "d0"},
           {"resume", "d0"},
           {"mount", absl::StrCat("/dev/mapper/", top), "/m"},
           {"umount", "/m"},
           {"remove", "--force", top},
           {"remove_all"}}) {
    ExpectSane(words, "");
  }
  EXPECT_EQ(scratch_.Run({"ls"}).out, "No devices found\n");
}

INSTANTIATE_TEST_SUITE_P(Stacks, DeepTest,
                         testing::Values(Linear, Delay, Unmodelled));

// Volumes of LVM2 that lie on each other, as far as a backup says.
TEST(DeepVolumesTest, AreImported) {
  Scratch scratch;
  scratch.seconds = 30;
  scratch.stack = 512 << 10;
  std::string backup =
      "contents = \"Text Format Volume Group\"\nversion = 1\n"
      "vg {\nid = \"v\"\nstatus = [\"READ\", \"WRITE\"]\nextent_size = 8192\n"
      "physical_volumes {\npv0 {\nid = \"p\"\ndevice = \"/dev/pmem0\"\n"
      "status = [\"ALLOCATABLE\"]\npe_start = 2048\npe_count = 100\n}\n}\n"
      "logical_volumes {\n";
  for (int i = 0; i < 10 * kDepth; ++i) {
    absl::StrAppend(&backup, "l", i, " {\nid = \"l", i,
                    "\"\nstatus = [\"READ\", \"VISIBLE\"]\nsegment_count = 1\n"
                    "segment1 {\nstart_extent = 0\nextent_count = 1\ntype = "
                    "\"striped\"\nstripe_count = 1\nstripes = [\"",
                    i == 0 ? "pv0" : absl::StrCat("l", i - 1),
                    "\", 0]\n}\n}\n");
  }
  backup += "}\n}\n";
  const ChildResult r =
      scratch.Run({"import", scratch.Put("backup", backup),
                   scratch.Put("ndctl.json",
                               "[{\"dev\":\"namespace0.0\",\"mode\":\"fsdax\","
                               "\"map\":\"dev\",\"size\":1073741824,"
                               "\"blockdev\":\"pmem0\"}]")});
  EXPECT_EQ(r.signal, 0);
  EXPECT_THAT(r.rc, AnyOf(0, 1)) << r.err;
  EXPECT_NE(r.out + r.err, "");
}

// Thousands of mounts that keep each other busy.
TEST(ManyMountsTest, AreLookedAtOnce) {
  Scratch scratch;
  scratch.seconds = 40;
  std::string world =
      "pmem { name: \"pmem0\" base: 0x100000000 size: 0x40000000 }\n"
      "mapped_device { name: \"vg-x\" uuid: \"LVM-x\" table { target { length: "
      "65536 linear { device: \"/dev/pmem0\" start: 2048 } } } }\n"
      "mount { device: \"/dev/mapper/vg-x\" path: \"/m\" type: \"ext4\" "
      "options: "
      "\"dax=always\" file { name: \"f\" size: 8388608 extent { physical: "
      "4198400 length: 8388608 } } }\n";
  for (int i = 0; i < 5 * kDepth; ++i) {
    absl::StrAppend(&world, "mount_beside { path: \"/m/", i,
                    "\" source: \"tmpfs\" type: \"tmpfs\" }\n");
  }
  const ChildResult r =
      scratch.Run({"--world", scratch.Put("world", world), "check"});
  EXPECT_EQ(r.signal, 0);
  EXPECT_EQ(r.rc, 2) << r.err;
}

// A device that stands on itself is a stack without an end.
TEST(CircleTest, IsNotCompared) {
  Scratch scratch;
  scratch.seconds = 20;
  ASSERT_EQ(scratch
                .Run({"machine", "load", "-"},
                     "kernel: \"v6_1\" pmem { name: \"pmem0\" size: 0x20000000 "
                     "}")
                .rc,
            0);
  const auto run = [&](const std::vector<std::string>& words) {
    const ChildResult r = scratch.Run(words);
    EXPECT_EQ(r.rc, 0) << r.err;
  };
  run({"create", "a", "--table", "0 1048576 linear /dev/pmem0 0"});
  run({"create", "b", "--table", "0 1048576 linear /dev/mapper/a 0"});
  run({"load", "a", "--table", "0 1048576 linear /dev/mapper/b 0"});
  run({"suspend", "a"});
  run({"resume", "a"});
  const ChildResult r = scratch.Run({"diff", "a", "b"});
  EXPECT_EQ(r.rc, 1) << r.signal;
  EXPECT_THAT(r.err, HasSubstr("more than 256 mapped devices on each other"));
}

}  // namespace
}  // namespace dmdax::hostile
