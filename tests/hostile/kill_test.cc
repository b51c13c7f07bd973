// SPDX-License-Identifier: Apache-2.0
//
// kill -9 at random moments of commands of all kinds.  A shadow machine has the
// same commands, unharmed: what was killed is there wholly or not at all, what
// was acknowledged is there, and the next command works.
//
//   DMDAX_KILLS=3000 bazel-bin/tests/hostile/kill_test bazel-bin/tools/dmdax
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/hostile/child.h"
#include "tests/hostile/machine_of.h"

namespace dmdax::hostile {
namespace {

using Words = std::vector<std::string>;
using Clock = std::chrono::steady_clock;

constexpr char kWorld[] = R"(
pmem { name: "pmem0" base: 0x100000000 size: 0x20000000 }
pmem { name: "pmem1" base: 0x140000000 size: 0x40000000 }
block { name: "sda" sectors: 8192 }
mapped_device {
  name: "d0"
  table { target { length: 65536 linear { device: "/dev/pmem0" start: 4096 } } }
}
mount {
  path: "/m0"
  device: "/dev/mapper/d0"
  options: "dax=always"
  allocator { start: 0x1000000 align: 0x200000 }
  file { name: "f0" size: 0x400000 }
}
process { pid: 7 vma { file: "/m0/f0" length: 0x400000 address: 0x7f0000000000 } }
)";
constexpr char kOther[] =
    "pmem { name: \"pmem0\" base: 0x100000000 size: 0x20000000 }\n"
    "mapped_device { name: \"d1\" }\n";

// A random command that changes something, or would.
class Commands {
 public:
  // `worlds`: files that a machine can be loaded from.
  Commands(uint32_t seed, Words worlds)
      : random_(seed), worlds_(std::move(worlds)) {}

  Words Next() {
    const std::string d = Name("d", 4), m = Name("/m", 2), f = Name("/f", 3);
    const std::string table =
        Pick({"0 2048 linear /dev/pmem0 0", "0 2048 zero",
              "0 4096 striped 2 8 /dev/pmem0 8192 /dev/pmem1 0", "0 2048 error",
              "0 65536 linear /dev/pmem1 4096", "0 8 linear /dev/nosuch 0",
              "0 1024 zero\n1024 1024 linear /dev/mapper/d0 0"});
    const std::string address =
        absl::StrCat(uint64_t{0x7f0000000000} + random_() % 4 * 0x200000);
    const Words kinds[] = {
        {"create", d, "--table", table},
        {"create", d, "--notable"},
        {"create", d, "-u", Name("u", 3), "--table", table},
        {"create", "--concise",
         absl::StrCat(d, ",,,rw,0 8 zero;x,,,,0 8 error")},
        {"remove", d},
        {"remove", "--force", d},
        {"remove", "--deferred", d},
        {"suspend", d},
        {"resume", d},
        {"load", d, "--table", table},
        {"reload", d, "--table", table},
        {"clear", d},
        {"rename", d, Name("d", 4)},
        {"rename", d, "--setuuid", Name("u", 3)},
        {"wipe_table", d},
        {"message", d, "0", "x"},
        {"setgeometry", d, "2", "4", "8", "0"},
        {"mknodes"},
        {"machine", "add-pmem", "pmem2", "--base", "16G", "--size", "64M"},
        {"machine", "add-block", Name("sd", 3), "--sectors", "4096"},
        {"machine", "set", d, "--max-sectors-kb",
         absl::StrCat(random_() % 2048)},
        {"mount", d, m, "-o", "dax=always", "--free-from", "16M"},
        {"umount", m},
        {"file", "add", m + f, "--extent", "0:2M:4M"},
        {"file", "add", m + f, "--size", "4M"},
        {"file", "remove", m + f},
        {"device-dax", "dax1.0", "--pmem", "pmem1"},
        {"mmap", m + f, "--len", "2M"},
        {"mmap", m + f, "--len", "4M", "--pid", "7"},
        {"touch", address, "--pid", "7", "--write"},
        {"touch", address, "--pid", "7"},
        {"munmap", address, "--len", "2M", "--pid", "7"},
        {"kill", "7"},
        {"machine", "undo"},
        {"machine", "load", "--replace", Pick(worlds_)},
        {"remove_all"},
    };
    // The last ones leave little to harm.
    const size_t rare = random_() % 5 == 0 ? 0 : 4;
    return kinds[random_() % (std::size(kinds) - rare)];
  }

 private:
  std::string Pick(const Words& from) { return from[random_() % from.size()]; }
  std::string Name(const char* prefix, uint32_t n) {
    return absl::StrCat(prefix, random_() % n);
  }

  std::mt19937 random_;
  const Words worlds_;
};

class KillTest : public testing::Test {
 protected:
  KillTest() : worlds_({shadow_.Put("a", kWorld), shadow_.Put("b", kOther)}) {
    for (const Scratch* each : {&harmed_, &shadow_}) {
      EXPECT_EQ(each->Run({"machine", "load", worlds_[0]}).rc, 0);
    }
  }

  // Runs it and kills it, or is too late.  Its exit status, -1: killed.
  int Harm(const Words& command) {
    const pid_t pid = harmed_.Start(command);
    // As often early as late in it, and sometimes too late.
    usleep(std::uniform_int_distribution<useconds_t>(0, usual_ * 2)(random_));
    kill(pid, SIGKILL);
    int status = 0;
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? -1 : WEXITSTATUS(status);
  }
  // Runs it to its end.
  ChildResult Whole(const Words& command) {
    const Clock::time_point begin = Clock::now();
    ChildResult result = shadow_.Run(command);
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(
                          Clock::now() - begin)
                          .count();
    usual_ = static_cast<useconds_t>((usual_ * 7 + took) / 8);
    return result;
  }

  Scratch harmed_, shadow_;
  const Words worlds_;
  std::mt19937 random_{2};
  // Microseconds that commands take here.
  useconds_t usual_ = 50'000;
};

TEST_F(KillTest, AllOrNothing) {
  int kills = kSanitized ? 30 : 150;
  if (const char* n = getenv("DMDAX_KILLS")) {
    ASSERT_TRUE(absl::SimpleAtoi(n, &kills)) << n;
  }
  Commands commands(3, worlds_);
  std::map<std::string, int> counts;
  std::string before = MachineOf(shadow_.state());
  while (counts["killed"] < kills) {
    const Words command = commands.Next();
    SCOPED_TRACE(absl::StrJoin(command, " "));
    const int rc = Harm(command);
    const std::string harmed = MachineOf(harmed_.state());
    const ChildResult whole = Whole(command);
    const std::string after = MachineOf(shadow_.state());
    ++counts[rc < 0 ? "killed" : "finished"];
    if (rc == 0) ++counts["acknowledged"];
    if (rc < 0 && before != after && harmed == after) {
      ++counts["killed with the change made"];
    } else if (rc < 0) {
      ASSERT_EQ(harmed, before) << "half of it";
      if (before != after) ++counts["killed before the change"];
      // Nothing was left that is in the way.
      const ChildResult again = harmed_.Run(command);
      ASSERT_EQ(again.rc, whole.rc) << again.err << whole.err;
      ASSERT_EQ(again.err, whole.err);
      ASSERT_EQ(MachineOf(harmed_.state()), after);
    } else {
      ASSERT_EQ(rc, whole.rc) << whole.err;
      ASSERT_EQ(harmed, after) << "lost";
    }
    before = after;
  }
  for (const auto& [what, n] : counts) std::cout << what << ": " << n << "\n";
  EXPECT_GT(counts["killed before the change"], 0);
}

}  // namespace
}  // namespace dmdax::hostile
