// SPDX-License-Identifier: Apache-2.0
//
// What `dmdax check` promises of a file against what real kernels gave at
// faults: every recorded fsdax and lvm case becomes a World, as a person would
// have it from an import, and each first touch of 2 MiB that a mapping covers
// must have got the page that the check says.
//
// What a check says nothing of is not compared, and counted: writes to holes,
// private writes, mappings that cover no whole 2 MiB, lie askew or forbid the
// access, and what follows an operation on the file.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "process/sweep/dax_sweep.h"
#include "state/world_load.h"
#include "tests/conformance/fault_run.h"
#include "tests/conformance/fed_blocks.h"
#include "tools/check/dax_check.h"

namespace dmdax::conformance {
namespace {

constexpr char kCorpus[] = "tests/conformance/corpus/";
constexpr uint64_t kPmd = 2 << 20;

std::vector<Json> ReadLines(const std::string& name) {
  std::vector<Json> all;
  std::ifstream file(absl::StrCat(kCorpus, name));
  EXPECT_TRUE(file.is_open()) << name;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) all.push_back(Json::parse(line));
  }
  return all;
}

void AddExtent(const FileExtent& e, proto::File& file) {
  proto::Extent& extent = *file.add_extent();
  extent.set_logical(e.logical);
  extent.set_physical(e.physical);
  extent.set_length(e.length);
  extent.set_shared(e.shared);
  extent.set_type(e.type == IOMAP_UNWRITTEN  ? proto::Extent::UNWRITTEN
                  : e.type == IOMAP_DELALLOC ? proto::Extent::DELALLOC
                  : e.type == IOMAP_INLINE   ? proto::Extent::INLINE
                                             : proto::Extent::MAPPED);
}

// The case's file system with its files.
void AddMount(const Json& test, const Json& result, proto::World& world) {
  const MountRequest request = RequestOfCase(test, result, /*io_opt=*/0);
  proto::Mount& mount = *world.add_mount();
  mount.set_path("/mnt");
  mount.set_device(test["dev"].get<std::string>());
  mount.set_type(request.type);
  mount.set_options(request.options);
  mount.set_block_size(static_cast<uint32_t>(request.block_size));
  mount.set_inline_data(request.inline_data);
  mount.set_reflink(request.reflink);
  const Json none = Json::object();
  const Json fiemap = result.value("fiemap", none);
  for (const auto& [name, extents] : fiemap.items()) {
    if (!extents.is_array()) continue;  // the recipe could not make it
    const Json stat = result.value("statx", none).value(name, none);
    proto::File& file = *mount.add_file();
    file.set_name(name);
    file.set_size(stat.value("size", uint64_t{0}));
    file.set_dax(stat.value("dax", false));
    file.set_indirect_blocks(request.type == "ext2");
    for (const Json& e : extents) AddExtent(Fiemap(e), file);
  }
}

// What each 2 MiB of a file gets of such an access.
std::vector<SweepOutcome> Slots(Session& session, const std::string& path,
                                const SweepAccess& access) {
  std::vector<SweepOutcome> slots;
  absl::StatusOr<std::shared_ptr<File>> file = session.user->Open(path);
  EXPECT_TRUE(file.ok()) << file.status();
  if (!file.ok()) return slots;
  absl::StatusOr<DaxSweep> sweep =
      SweepDax(*session.user, {.file = *file,
                               .size = (*file)->f_inode->i_size,
                               .order = session.user->faults().pmd_order(),
                               .access = access});
  EXPECT_TRUE(sweep.ok()) << sweep.status();
  if (!sweep.ok()) return slots;
  sweep->ForEachRange([&](const SweepRange& range) {
    slots.insert(slots.end(), range.slots,
                 sweep->totals[range.outcome].outcome);
    return true;
  });
  return slots;
}

struct Touch {
  char kind = 0;  // 'r' or 'w'
  uint64_t offset = 0;
};

// "w@4096"; nothing: it is something else.
std::optional<Touch> ParseTouch(const std::string& text) {
  Touch touch;
  if (text.size() < 3 || text[1] != '@' || (text[0] != 'r' && text[0] != 'w') ||
      !absl::SimpleAtoi(text.substr(2), &touch.offset)) {
    return std::nullopt;
  }
  touch.kind = text[0];
  return touch;
}

class CheckedKernel {
 public:
  explicit CheckedKernel(const std::string& version)
      : version_(version), profile_(**FindKernelProfile(version)) {
    // The recordings of 6.1 have no version in their names.
    suffix_ = version == "6.1" ? "" : absl::StrCat(".", version);
    std::ifstream file(absl::StrCat(kCorpus, "env", suffix_, ".json"));
    EXPECT_TRUE(file.is_open());
    env_ = Json::parse(file);
  }

  void Run(const std::string& kind) {
    std::map<std::string, Json> results;
    for (Json& line :
         ReadLines(absl::StrCat(kind, ".results", suffix_, ".jsonl"))) {
      results[line["id"]] = std::move(line["result"]);
    }
    for (const Json& test : ReadLines(absl::StrCat(kind, ".cases.jsonl"))) {
      const std::string id = test["id"];
      if (!results.contains(id)) continue;
      RunCase(id, test, results[id]);
    }
  }

  int huge() const { return huge_; }
  int small() const { return small_; }
  int cases() const { return cases_; }
  std::string Skipped() const {
    std::string text;
    for (const auto& [why, n] : skipped_) {
      absl::StrAppend(&text, text.empty() ? "" : ", ", why, " ", n);
    }
    return text;
  }

 private:
  void RunCase(const std::string& id, const Json& test, const Json& result) {
    SCOPED_TRACE(absl::StrCat(version_, " ", id));
    if (result.contains("oracle_error") || !result.contains("mount") ||
        (result.contains("mkfs") && result["mkfs"].value("rc", 0) != 0)) {
      return Skip("no mount");
    }
    Verdict verdict;
    absl::StatusOr<Session> guest =
        GuestOfCase(test, result, env_, profile_, verdict);
    ASSERT_TRUE(guest.ok()) << guest.status();
    ASSERT_EQ(verdict.unsupported, "");
    proto::World world = DescribeWorld(*guest);
    const std::string dev = test["dev"];
    if (!guest->machine->LookupBdev(dev).ok()) {
      return Skip("a device that ndctl made and no World has");
    }
    // A loop without a file is no block of a World, which has sectors.
    auto& blocks = *world.mutable_block();
    blocks.erase(
        std::remove_if(blocks.begin(), blocks.end(),
                       [](const auto& block) { return block.sectors() == 0; }),
        blocks.end());
    AddMount(test, result, world);
    *guest = Session();
    DaxChecker checker(world, profile_.name);
    if (!result["mount"]["errno"].is_null()) {
      EXPECT_TRUE(!checker.error().ok() || !checker.refused().empty())
          << "the kernel refused the mount";
      return;
    }
    ASSERT_TRUE(checker.error().ok()) << checker.error();
    if (!result.contains("maps") || !result.contains("fiemap")) {
      return Skip("no mapping");
    }
    ++cases_;
    std::map<std::string, Slotted> files;
    for (size_t i = 0; i < result["maps"].size(); ++i) {
      const Json& recorded = result["maps"][i];
      if (!recorded.contains("steps") || recorded["steps"].empty()) continue;
      const std::string name = test["maps"][i]["file"];
      if (!result["fiemap"].contains(name) ||
          !result["fiemap"][name].is_array()) {
        continue;
      }
      auto [file, fresh] = files.try_emplace(name);
      if (fresh) Ask(checker, absl::StrCat("/mnt/", name), file->second);
      CompareMap(test, test["maps"][i], recorded, file->second);
    }
  }

  // What the check says of a file.
  struct Slotted {
    bool dax = false;
    std::vector<SweepOutcome> slots;
    std::set<uint64_t> touched;
    bool changed = false;  // by an operation on the file
  };

  void Ask(DaxChecker& checker, const std::string& path, Slotted& file) {
    const DaxCheck check = checker.Check({path}, Wish::kPmd)[0];
    ASSERT_TRUE(check.error.ok()) << check.error;
    file.dax = check.dax;
    if (!check.dax) return;
    // The recorded touches read, or write.  The check has what is allocated
    // and was never written as a write finds it: its shares are of those slots.
    file.slots = Slots(checker.session(), path, {});
    uint64_t huge = 0;
    for (const SweepOutcome& slot : Slots(checker.session(), path, kAsUsed)) {
      huge += slot.order > 0 && slot.sig == 0 && !slot.zero_page ? 1 : 0;
    }
    EXPECT_EQ(check.now.pmd, huge * kPmd);
  }

  void CompareMap(const Json& test, const Json& map, const Json& recorded,
                  Slotted& file) {
    const Json& steps = recorded["steps"];
    if (!steps[0].value("errno", Json()).is_null()) return Skip("no mmap");
    const uint64_t off = map.value("off", uint64_t{0});
    const uint64_t end = off + map.value("len", uint64_t{0});
    const bool is_private =
        absl::StrContains(map.value("flags", "shared"), "private");
    const bool askew = steps[0].value("addr_mod_2m", uint64_t{0}) != off % kPmd;
    for (size_t i = 1; i < steps.size() && i - 1 < map["touch"].size(); ++i) {
      const std::string text = map["touch"][i - 1];
      const std::optional<Touch> touch = ParseTouch(text);
      if (!touch) {
        file.changed |= !absl::StartsWith(text, "look@");
        continue;
      }
      // A touch's place is in the mapping.
      const uint64_t slot = (off + touch->offset) / kPmd;
      const bool first = file.touched.insert(slot).second;
      if (file.changed) {
        Skip("after an operation");
      } else if (Thp(test)) {
        Skip("huge pages are switched off");
      } else if (!first) {
        Skip("not the first");
      } else if (!absl::StrContains(map.value("prot", "rw"), touch->kind)) {
        Skip("the mapping forbids it");
      } else if (askew || slot * kPmd < off || (slot + 1) * kPmd > end) {
        Skip("not covered");
      } else if (touch->kind == 'w' && is_private) {
        Skip("private write");
      } else {
        CompareTouch(text, *touch, slot, steps[i], file);
      }
    }
  }

  static bool Thp(const Json& test) {
    for (const char* part : {"pre", "after_dm", "mid"}) {
      for (const Json& step : test.value(part, Json::array())) {
        if (step.contains("thp")) return true;
      }
    }
    return false;
  }

  void CompareTouch(const std::string& text, const Touch& touch, uint64_t slot,
                    const Json& recorded, const Slotted& file) {
    const bool pmd = recorded.value("pmd", false);
    if (!file.dax) {
      ++small_;
      EXPECT_FALSE(pmd) << text << ": the check says that it is not DAX";
      return;
    }
    if (slot >= file.slots.size()) return Skip("beyond the end");
    const SweepOutcome& says = file.slots[slot];
    const bool signal = !recorded.value("sig", Json()).is_null();
    if (says.sig != 0) {
      EXPECT_TRUE(signal) << text << ": the check says signal " << says.sig;
      return;
    }
    const bool zero = recorded.value("zero_page", false);
    if (touch.kind == 'w' && (says.zero_page || signal)) {
      return Skip("write to a hole");
    }
    EXPECT_FALSE(signal) << text << ": the check says no signal";
    const bool huge = says.order > 0;
    ++(huge ? huge_ : small_);
    EXPECT_EQ(pmd, huge) << text << ": the check says "
                         << (says.zero_page ? "a hole, " : "")
                         << (huge ? "2 MiB" : "4 KiB: ")
                         << (huge ? "" : FaultReasonText(says.reason));
    if (huge) {
      EXPECT_EQ(zero, says.zero_page) << text;
    }
  }

  void Skip(const std::string& why) { ++skipped_[why]; }

  const std::string version_;
  const KernelProfile& profile_;
  std::string suffix_;
  Json env_;
  int cases_ = 0, huge_ = 0, small_ = 0;
  std::map<std::string, int> skipped_;
};

class CheckTest : public testing::TestWithParam<std::string> {};

TEST_P(CheckTest, PromisesWhatTheKernelGave) {
  CheckedKernel kernel(GetParam());
  kernel.Run("fsdax");
  kernel.Run("lvm");
  std::cout << GetParam() << ": " << kernel.cases() << " cases, "
            << kernel.huge() << " pages of 2 MiB, " << kernel.small()
            << " of 4 KiB; not compared: " << kernel.Skipped() << "\n";
  // The corpus is there, and says something.
  EXPECT_GE(kernel.cases(), 100);
  EXPECT_GE(kernel.huge(), 90);
  EXPECT_GE(kernel.small(), 80);
}

INSTANTIATE_TEST_SUITE_P(Recorded, CheckTest,
                         testing::Values("5.10", "6.1", "6.12", "7.2"),
                         [](const auto& kernel) {
                           std::string name = kernel.param;
                           for (char& c : name) c = c == '.' ? '_' : c;
                           return absl::StrCat("v", name);
                         });

}  // namespace
}  // namespace dmdax::conformance
