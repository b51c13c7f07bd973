// SPDX-License-Identifier: Apache-2.0
//
// A disk that the state has filled, and others to the last byte: what is there
// can be removed, and then there is room again.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/hostile/child.h"

namespace dmdax::hostile {
namespace {

class FullDiskTest : public testing::Test {
 protected:
  // Runs `commands` with sh where t is a file system of `size`, D dmdax with a
  // state there, and w, big and half Worlds.
  void Run(const std::string& commands, const std::string& size = "512k") {
    const std::string script = scratch_.Put(
        "script", absl::StrCat("cd \"$1\" || exit 78\n"
                               "mount -t tmpfs -o size=",
                               size,
                               ",mode=700 none t || exit 77\n"
                               "dmdax=$2\n"
                               "D() { \"$dmdax\" --state t/s \"$@\"; }\n"
                               "Fill() { head -c 64m /dev/zero >> t/fill; }\n"
                               "Fail() { echo \"$*\"; exit 1; }\n",
                               commands));
    scratch_.Put("w",
                 "pmem { name: \"pmem0\" base: 0x100000000 size: 0x20000000 }\n"
                 "block { name: \"sda\" sectors: 2097152 }\n"
                 "mapped_device { name: \"was\" }\n");
    scratch_.Put("big", Big(3000));
    scratch_.Put("half", Big(1500));
    const std::string out = scratch_.File("out"), dir = scratch_.File("");
    const auto run = [&](const std::string& what) {
      return system(absl::StrCat("mkdir -p '", dir, "t' && unshare -rm ", what,
                                 " > '", out, "' 2>&1")
                        .c_str());
    };
    if (run("mount -t tmpfs none '" + dir + "t'") != 0) {
      GTEST_SKIP() << "no mounts in a user namespace here";
    }
    EXPECT_EQ(run(absl::StrCat(
                  "sh '", script, "' '", dir, "' '",
                  std::filesystem::absolute(Scratch::dmdax).string(), "'")),
              0)
        << ReadFile(out);
  }

  // A machine of some megabytes; each device has a kilobyte.
  static std::string Big(int devices) {
    std::string world =
        "pmem { name: \"pmem0\" base: 0x100000000 size: 0x20000000 }\n";
    for (int i = 0; i < devices; ++i) {
      absl::StrAppend(&world, "mapped_device { name: \"d", i, "\" uuid: \"u", i,
                      "-", std::string(100, 'u'), "\" table {");
      for (int row = 0; row < 40; ++row) {
        absl::StrAppend(&world, " target { start: ", row * 8,
                        " length: 8 linear { device: \"/dev/pmem0\" start: ",
                        (i * 40 + row) * 8, " } }");
      }
      world += " } }\n";
    }
    return world;
  }

  Scratch scratch_;
};

TEST_F(FullDiskTest, WhatHasFilledItCanBeRemoved) {
  Run(R"sh(
D machine load w || Fail load
n=0
while D create d$n --notable 2> err; do n=$((n + 1)); done
cat err
grep -q 'No space left' err || Fail not full
[ $n -gt 100 ] || Fail only $n
Fill
D create e --notable && Fail created where there is no room
D remove d1 || Fail remove
D ls > ls || Fail ls
grep -qw d1 ls && Fail d1 is there
D remove_all || Fail remove_all
D machine load --replace w || Fail replace
[ "$(D ls --noheadings | cut -f1)" = was ] || Fail another machine
for i in 1 2 3 4 5; do D create f$i --notable || Fail create again; done
)sh");
}

TEST_F(FullDiskTest, WhatOthersHaveFilled) {
  Run(R"sh(
D machine load w || Fail load
Fill
D remove was || Fail remove
for i in $(seq 40); do
  D create d --notable || Fail create $i
  D remove d || Fail remove $i
done
[ -z "$(D machine list | grep 'was')" ] || Fail it is there
)sh");
}

// To remove is not to write: of megabytes no more than of a few bytes.
TEST_F(FullDiskTest, MegabytesCanBeRemoved) {
  Run(R"sh(
D machine load big || Fail load
[ $(stat -c %s t/s/state.db) -gt 3000000 ] || Fail not large: $(stat -c %s t/s/*)
Fill
D remove_all || Fail remove_all
[ "$(D ls)" = 'No devices found' ] || Fail devices
for i in 1 2 3 4 5; do D create f$i --notable || Fail create again; done
)sh",
      "32m");
}

TEST_F(FullDiskTest, MegabytesCanBeReplacedAndComeBack) {
  Run(R"sh(
D machine load big || Fail load
D table | sort > before
Fill
D machine load --replace w || Fail replace
[ "$(D ls --noheadings | cut -f1)" = was ] || Fail another machine
D machine load --replace w || Fail replace again
D remove_all || Fail remove_all
rm t/fill
D machine load --replace big || Fail load
D machine load --replace w || Fail replace
Fill
D machine undo
rm t/fill
D machine undo || Fail undo
D table | sort | cmp - before || Fail other tables
)sh",
      "32m");
}

TEST_F(FullDiskTest, WhatThereIsNoRoomForSaysHowMuchItTakes) {
  Run(R"sh(
D machine load big || Fail load
D table | sort > before
Fill
D machine load --replace half 2> err && Fail there was room
grep -q 'No space left on device; [0-9]* bytes more are enough' err ||
  Fail $(cat err)
D table | sort | cmp - before || Fail changed
n=$(sed 's/.*device; \([0-9]*\) bytes.*/\1/' err)
truncate -s -$((n + 65536)) t/fill
D machine load --replace half || Fail it was not enough
)sh",
      "32m");
}

}  // namespace
}  // namespace dmdax::hostile
