// SPDX-License-Identifier: Apache-2.0
//
// WouldFault against the fault: random worlds and mappings, and for every
// question a process that is new, in a mount that is new, and touches.  That
// way is slow and obvious; it is the judge.
//
// DMDAX_WOULD_FAULT_QUESTIONS=1000000 asks more of them, DMDAX_PROPERTY_SEEDS=
// <seed> replays a failure.
#include "process/sweep/would_fault.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/errno_status.h"
#include "process/sweep/sweep_probe.h"
#include "tests/property/seeds.h"
#include "tests/sweep/random_world.h"

namespace dmdax {
namespace {

constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kFewest = 20000;  // questions
constexpr int kMappings = 5;
constexpr int kOffsets = 24;

using Outcomes = std::map<std::string, uint64_t>;

std::string ReasonText(const FaultReason& reason) {
  if (!reason) return "";
  std::string text = absl::StrCat(" ", FaultReasonName(reason.code), " (tried ",
                                  reason.order, ") errno ", reason.err);
  if (reason.level.has_value()) {
    absl::StrAppend(&text, " at ", LevelText(reason.level));
  }
  return text;
}

template <typename Answer>
std::string Describe(const Answer& a) {
  if (a.sig != 0) return absl::StrCat("signal ", a.sig, " ", a.si_code);
  return absl::StrFormat("order %d pfn %#x%s", a.order, a.pfn.value(),
                         a.zero_page ? " zero page" : "");
}

std::string AllOf(const WouldFaultAnswer& a) {
  return absl::StrCat(Describe(a), ReasonText(a.reason), ": ",
                      a.reason ? FaultReasonText(a.reason) : "");
}

// What a fresh process gets, if it can map the file at all.
absl::StatusOr<WouldFaultAnswer> Judge(RandomWorld& world, VmaOptions mapping,
                                       uint64_t offset, AccessKind access) {
  UserSpace user(world.machine(), world.faults());
  EXPECT_TRUE(world.Make(user));
  mapping.file = world.Open(user);
  Task task(1, world.faults(), user.mem());
  absl::StatusOr<VmAreaStruct*> vma = task.Map(mapping);
  if (!vma.ok()) return vma.status();
  task.mm().set_recorder(nullptr);
  const FaultOutcome fault =
      task.mm().Touch((*vma)->vm_start + offset, access == AccessKind::kWrite);
  return WouldFaultAnswer{.order = fault.order,
                          .sig = fault.sig,
                          .si_code = fault.si_code,
                          .zero_page = fault.sig == 0 && fault.zero_page,
                          .pfn = fault.pfn,
                          .reason = fault.reason};
}

VmaOptions DrawMapping(property::Dice& dice, const FaultProfile& faults,
                       uint64_t size) {
  const uint64_t page = faults.page_size();
  const uint64_t unit = dice.OneOf({page, 2 * kMiB, 2 * kMiB, 1024 * kMiB});
  VmaOptions m;
  if (dice.Percent(50)) m.offset = dice.Range(0, size / unit) * unit;
  m.length = dice.Percent(50) ? size : dice.Range(1, size + 4 * kMiB);
  if (dice.Percent(30)) m.length = (m.length / unit + 1) * unit;
  if (dice.Percent(60)) {
    m.address = faults.pud_size() * dice.Range(1, 4);
    if (dice.Percent(30)) m.address += dice.Range(1, 3000) * page;
  }
  m.is_private = dice.Percent(15);
  m.sync = !m.is_private && dice.Percent(10);
  if (dice.Percent(10)) m.huge = VmaHuge::kNohugepage;
  if (dice.Percent(5)) m.huge = VmaHuge::kHugepage;
  if (dice.Percent(10)) m.prot = PROT_READ;
  if (dice.Percent(3)) m.prot = PROT_NONE;
  return m;
}

// All that a question might have changed of the file.
std::string StateOf(const File& file, UserSpace& user) {
  std::string text = absl::StrCat(user.mem().nr_folios(), " folios");
  if (file.f_inode->type != InodeType::kRegular) return text;
  const auto& inode = *static_cast<const DaxInode*>(file.f_inode);
  for (const FileExtent& e : inode.extents.All()) {
    absl::StrAppend(&text, " ", e.logical, "+", e.length, "@", e.physical, ":",
                    e.type);
  }
  for (const DaxEntry& e : inode.entries) {
    absl::StrAppend(&text, " ", e.index, ":", e.raw(), e.dirty ? "d" : "");
  }
  return absl::StrCat(text, " ", inode.known_holes.all().size(), " ",
                      inode.datasync_dirty, " ", inode.mapping.i_mmap.size());
}

std::string CompareMapping(RandomWorld& world, Outcomes* outcomes) {
  property::Dice& dice = world.dice();
  UserSpace user(world.machine(), world.faults());
  if (!world.Make(user)) return "";
  VmaOptions mapping = DrawMapping(dice, world.faults(), world.size());
  const AccessKind access =
      dice.Percent(40) ? AccessKind::kWrite : AccessKind::kRead;
  const std::string text = absl::StrFormat(
      "%s offset %#x length %#x at %#x prot %d%s%s huge %d\n%s",
      access == AccessKind::kWrite ? "write" : "read", mapping.offset,
      mapping.length, mapping.address, mapping.prot,
      mapping.is_private ? " private" : "", mapping.sync ? " sync" : "",
      static_cast<int>(mapping.huge), world.Text());
  mapping.file = world.Open(user);
  const std::string before = StateOf(*mapping.file, user);
  const absl::StatusOr<std::unique_ptr<WouldFault>> would =
      WouldFault::Make(user, mapping);
  if (!would.ok()) {
    const int want = ErrnoOf(Judge(world, mapping, 0, access).status());
    return want == ErrnoOf(would.status())
               ? ""
               : absl::StrCat(would.status().ToString(), " instead of ",
                              ErrnoName(want), "\n", text);
  }
  std::vector<uint64_t> offsets;
  std::vector<std::string> answers;
  for (int i = 0; i < kOffsets; ++i) {
    uint64_t offset = dice.Range(0, mapping.length - 1);
    if (dice.Percent(40)) offset = offset / (2 * kMiB) * (2 * kMiB);
    if (dice.Percent(3)) offset += mapping.length;
    const absl::StatusOr<WouldFaultAnswer> want =
        Judge(world, mapping, offset, access);
    const WouldFaultAnswer got = (*would)->Ask(offset, access);
    if (!want.ok() || AllOf(got) != AllOf(*want)) {
      return absl::StrCat("offset ", offset, ": ", AllOf(got), "\ninstead of: ",
                          want.ok() ? AllOf(*want) : want.status().ToString(),
                          "\n", text);
    }
    offsets.push_back(offset);
    answers.push_back(absl::StrCat(Describe(got), ReasonText(got.reason)));
    ++(*outcomes)[got.sig != 0
                      ? Describe(got)
                      : absl::StrCat("order ", got.order,
                                     got.zero_page ? " zero" : "", " ",
                                     FaultReasonName(got.reason.code))];
  }
  // Twice: what the first pass finds out the second one knows.
  std::vector<WouldFaultVerdict> verdicts(offsets.size());
  for (int pass = 0; pass < 2; ++pass) {
    (*would)->AskBatch(offsets, access, absl::MakeSpan(verdicts));
    for (size_t i = 0; i < offsets.size(); ++i) {
      const WouldFaultVerdict& v = verdicts[i];
      const std::string got = absl::StrCat(
          Describe(v), v.reason != nullptr ? ReasonText(*v.reason) : "");
      if (got != answers[i]) {
        return absl::StrCat("offset ", offsets[i], " in a batch: ", got,
                            "\ninstead of: ", answers[i], "\n", text);
      }
    }
  }
  const std::string after = StateOf(*mapping.file, user);
  return after == before ? ""
                         : absl::StrCat("it changed\n", before, "\nto\n", after,
                                        "\n", text);
}

TEST(WouldFault, AnswersAsTheFaultDoes) {
  uint64_t want = kFewest;
  if (const char* asked = getenv("DMDAX_WOULD_FAULT_QUESTIONS")) {
    ASSERT_TRUE(absl::SimpleAtoi(asked, &want)) << asked;
  }
  Outcomes outcomes;
  uint64_t questions = 0;
  const auto run = [&](uint64_t seed) {
    RandomWorld world(seed);
    for (int i = 0; i < kMappings; ++i) {
      ASSERT_EQ(CompareMapping(world, &outcomes), "")
          << "seed " << seed << " (DMDAX_PROPERTY_SEEDS=" << seed
          << " replays it)";
    }
  };
  if (getenv("DMDAX_PROPERTY_SEEDS") != nullptr) {
    for (uint64_t seed : property::Seeds(0, 0)) run(seed);
    return;
  }
  for (uint64_t seed = 0; questions < want && !HasFatalFailure(); ++seed) {
    run(seed);
    questions = 0;
    for (const auto& [outcome, n] : outcomes) questions += n;
  }
  printf("%lu questions\n", questions);
  for (const auto& [outcome, n] : outcomes) {
    printf("  %8lu %s\n", n, outcome.c_str());
  }
  EXPECT_GT(outcomes.size(), 20u);
}

// A hole of a file with indirect blocks is as long as the largest tree that is
// missing, which the extents before the hole decide as well.  A sweep asked
// without them and said 12 pages.
TEST(WouldFault, AHoleOfIndirectBlocksEndsWithItsTree) {
  Machine machine{DefaultKernelProfile()};
  BlockDevice& disk = **machine.AddPmem(
      {.name = "pmem0", .base = uint64_t{1} << 32, .size = 64 * kMiB});
  const auto make = [&](UserSpace& user) {
    MountPoint* mount =
        *user.Mount({.path = "/mnt",
                     .request = {.type = "ext4", .options = "dax=always"},
                     .claim = DeviceClaim::kShared},
                    disk);
    EXPECT_TRUE(mount
                    ->RestoreFile({.name = "f",
                                   .extents = {{.logical = 3793 * kPageSize,
                                                .physical = 2 * kMiB,
                                                .length = 285 * kPageSize},
                                               {.logical = 5446 * kPageSize,
                                                .physical = 8 * kMiB,
                                                .length = 90 * kPageSize}},
                                   .indirect_blocks = true})
                    .ok());
    return *user.Open("/mnt/f");
  };
  const FaultProfile& faults = DefaultKernelProfile().fault;
  VmaOptions mapping{.length = 20 * kMiB, .address = faults.pud_size()};
  UserSpace judge(machine, faults);
  Task task(1, faults, judge.mem());
  mapping.file = make(judge);
  ASSERT_TRUE(task.Map(mapping).ok());
  const FaultOutcome want =
      task.mm().Touch(mapping.address + 16 * kMiB, /*write=*/false);
  ASSERT_EQ(want.reason.code, FaultReasonCode::kExtentShort);
  UserSpace user(machine, faults);
  mapping.file = make(user);
  const std::string text = FaultReasonText(want.reason);
  EXPECT_EQ(FaultReasonText((*WouldFault::Make(user, mapping))
                                ->Ask(16 * kMiB, AccessKind::kRead)
                                .reason),
            text);
  SweepProbe probe(mapping.file, faults, user.mem(), SweepAccess{});
  EXPECT_EQ(FaultReasonText(probe.Ask(16 * kMiB / kPageSize).reason), text);
}

// Threads that ask the same things at once get what one gets.
TEST(WouldFault, ThreadsDoNotDisturbEachOther) {
  for (uint64_t seed = 0; seed < 12; ++seed) {
    RandomWorld world(seed);
    UserSpace user(world.machine(), world.faults());
    if (!world.Make(user)) continue;
    const absl::StatusOr<std::unique_ptr<WouldFault>> would = WouldFault::Make(
        user, {.file = world.Open(user),
               .length = (world.size() / (2 * kMiB) + 1) * (2 * kMiB)});
    if (!would.ok()) continue;
    std::vector<uint64_t> offsets;
    for (int i = 0; i < 200; ++i) {
      offsets.push_back(world.dice().Range(0, world.size() - 1));
    }
    std::vector<std::string> texts[2];
    std::vector<std::thread> threads;
    for (auto& text : texts) {
      threads.emplace_back([&] {
        std::vector<WouldFaultVerdict> verdicts(offsets.size());
        (*would)->AskBatch(offsets, AccessKind::kRead,
                           absl::MakeSpan(verdicts));
        for (const WouldFaultVerdict& v : verdicts) {
          text.push_back(absl::StrCat(
              Describe(v), v.reason != nullptr ? ReasonText(*v.reason) : ""));
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(texts[0], texts[1]) << "seed " << seed;
    for (size_t i = 0; i < offsets.size(); ++i) {
      const WouldFaultAnswer one = (*would)->Ask(offsets[i], AccessKind::kRead);
      EXPECT_EQ(texts[0][i],
                absl::StrCat(Describe(one), ReasonText(one.reason)));
    }
  }
}

}  // namespace
}  // namespace dmdax
