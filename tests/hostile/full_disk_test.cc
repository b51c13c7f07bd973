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
  // Runs `commands` with sh where t is a file system of 512 KiB, D dmdax with a
  // state there, and w a World.
  void Run(const std::string& commands) {
    const std::string script = scratch_.Put(
        "script",
        absl::StrCat("cd \"$1\" || exit 78\n"
                     "mount -t tmpfs -o size=512k,mode=700 none t || exit 77\n"
                     "dmdax=$2\n"
                     "D() { \"$dmdax\" --state t/s \"$@\"; }\n"
                     "Fill() { head -c 1m /dev/zero >> t/fill; }\n"
                     "Fail() { echo \"$*\"; exit 1; }\n",
                     commands));
    scratch_.Put("w",
                 "pmem { name: \"pmem0\" base: 0x100000000 size: 0x20000000 }\n"
                 "block { name: \"sda\" sectors: 2097152 }\n"
                 "mapped_device { name: \"was\" }\n");
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

}  // namespace
}  // namespace dmdax::hostile
