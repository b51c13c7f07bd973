// SPDX-License-Identifier: Apache-2.0
#include "tests/property/random_lines.h"

#include <iterator>

#include "absl/strings/str_split.h"

namespace dmdax {

const char kRandomHardware[] = R"pb(
  pmem { name: "pmem0" base: 0x100000000 size: 0x4000000 }
  pmem { name: "pmem1" base: 0x200000000 size: 0x4000000 }
  pmem { name: "pmem2" base: 0x300000000 size: 0x4000000 }
  pmem { name: "pmem3" base: 0x400000000 size: 0x4000000 }
  block { name: "sda" dev: "8:0" sectors: 131072 }
  block {
    name: "sda1"
    dev: "8:1"
    partition_of: "sda"
    start: 2048
    sectors: 65536
  }
  block {
    name: "sda2"
    dev: "8:2"
    partition_of: "sda"
    start: 67584
    sectors: 4096
  }
  block { name: "sdb" dev: "8:16" sectors: 131072 }
  node { path: "/dev/disk/by-id/one" dev: "8:16" }
  mapped_device {
    name: "mounted"
    table {
      target {
        length: 16384
        linear { device: "/dev/pmem1" }
      }
    }
  }
  mount {
    path: "/mnt"
    device: "/dev/mapper/mounted"
    allocator { start: 6291456 }
    file {
      name: "f"
      extent { length: 4194304 }
    }
  }
  mount { path: "/b" device: "/dev/sda2" type: "ext2" }
  dax { name: "dax3.0" pmem: "pmem3" }
  process {
    pid: 7
    vma { file: "/mnt/f" length: 4194304 }
  }
)pb";

std::vector<std::string> RandomLines::Next(std::string* input) {
  input->clear();
  switch (Below(26)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
      return Create(input);
    case 5:
      return {"create", Name(), "--notable"};
    case 6:
    case 7:
      *input = Table();
      return {"load", Which()};
    case 8:
    case 9:
      return {"resume", Which()};
    case 10:
      return {"suspend", Which()};
    case 11:
    case 12:
      return {"remove", Which()};
    case 13:
      return {"remove", "--deferred", Which()};
    case 14:
      return {"rename", Which(), Name()};
    case 15:
      return {"rename", Which(), "--setuuid", Uuid()};
    case 16:
      return {"message", Which(), "0", "hello"};
    case 17:
      return {"clear", Which()};
    case 18:
      return {"setgeometry", Which(), "1", "2", "3", "0"};
    case 19:
      return Concise();
    case 20:
      return {"mknodes", Which()};
    case 21:
      if (Below(8) == 0) return {"remove_all"};
      return {"message", Which(), "0", "@stats_create", "-", "/1"};
    default:
      return Question();
  }
}

std::vector<std::string> RandomLines::Question() {
  static constexpr const char* kQuestions[] = {
      "info",    "info -c",        "table", "table --inactive",
      "status",  "deps",           "ls",    "deps -o devname",
      "info -C", "table --noflush"};
  std::vector<std::string> words =
      absl::StrSplit(kQuestions[Below(std::size(kQuestions))], ' ');
  switch (Below(8)) {
    case 0:
      return words;
    case 1:
      words.insert(words.end(), {"-u", Uuid()});
      return words;
    case 2:
      words.insert(words.end(), {"-j", "254", "-m", absl::StrCat(Below(9))});
      return words;
    case 3:
      return {"ls", "--tree"};
    case 4:
      words.insert(words.end(), {Which(), Which()});
      return words;
    default:
      words.push_back(Which());
      return words;
  }
}

std::string RandomLines::Path() {
  static constexpr const char* kBelow[] = {
      "/dev/pmem0", "/dev/pmem0",          "259:0",
      "/dev/pmem2", "/dev/pmem1",          "/dev/pmem3",
      "/dev/sda",   "/dev/sda1",           "8:16",
      "/dev/sda2",  "/dev/disk/by-id/one", "/dev/none"};
  switch (Below(5)) {
    case 0:
      return absl::StrCat("254:", Below(9));
    case 1:
      return absl::StrCat("/dev/dm-", Below(9));
    case 2:
      return absl::StrCat("/dev/mapper/", Name());
    default:
      return kBelow[Below(std::size(kBelow))];
  }
}

std::string RandomLines::Name() {
  return Below(12) == 0 ? "mounted" : absl::StrCat("d", Below(8));
}

std::string RandomLines::Which() {
  switch (Below(9)) {
    case 0:
      return absl::StrCat("/dev/dm-", Below(9));
    case 1:
      return absl::StrCat("/dev/mapper/", Name());
    default:
      return Name();
  }
}

std::string RandomLines::Row(uint64_t start) {
  const std::string at = absl::StrCat(start, " 1024 ");
  switch (Below(14)) {
    case 0:
      return at + "zero";
    case 1:
      return at + "error";
    case 2:
    case 3:
      return absl::StrCat(at, "striped 2 8 ", Path(), " 0 ", Path(), " 8");
    case 4:
      return absl::StrCat(at, "snapshot ", Path(), " ", Path(), " N 8");
    case 5:
      return absl::StrCat(at, "snapshot-origin ", Path());
    case 6:
      // No mirror: what it does over time it does when it is loaded, so the
      // numbers of its events are those of the commands that looked at it.
      return absl::StrCat(at, "unstriped 2 8 1 ", Path(), " 8");
    case 7:
      return absl::StrCat(at, "log-writes ", Path(), " ", Path());
    case 8:
      return absl::StrCat(at, "delay ", Path(), " 0 1");
    default:
      return absl::StrCat(at, "linear ", Path(), " ", 8 * Below(64));
  }
}

std::string RandomLines::Table() {
  std::string table = Row(0);
  if (Below(3) == 0) absl::StrAppend(&table, "\n", Row(1024));
  return table;
}

std::vector<std::string> RandomLines::Create(std::string* input) {
  std::vector<std::string> words = {"create", Name()};
  if (Below(3) == 0) words.insert(words.end(), {"-u", Uuid()});
  if (Below(4) == 0) {
    words.insert(words.end(), {"-j", "254", "-m", absl::StrCat(Below(9))});
  }
  if (Below(6) == 0) words.push_back("-r");
  *input = Table();
  return words;
}

std::vector<std::string> RandomLines::Concise() {
  return {"create", "--concise",
          absl::StrCat(Name(), ",,,rw,0 8 zero;", Name(), ",", Uuid(),
                       ",,rw,0 8 linear ", Path(), " 0")};
}

}  // namespace dmdax
