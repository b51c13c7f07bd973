// SPDX-License-Identifier: Apache-2.0
//
// What twice as much costs: for each kind of thing a machine can have many of,
// the time of a load (text to machine to state, and the machine's end) with
// twice as many, over that with as many; and the time in which `dmdax check`
// finds and tries a cure for each of so many files or volumes, `dmdax advise`
// looks for room on so many pmems, or `dmdax import` makes a World of a text.
//
//   devices 50000 -> 100000: x2.08
//
// `resident` is what programs of `dmdax run` do; `change` is one of their
// changes beside so many devices of a state.
//
// A ratio above 2.3 is a failure: something grows faster than its input; for
// `change` one above 1.2, for beside what it changes it costs nothing.  A
// time is the least of several runs, each a process of its own; a kind that
// fails is measured again, for a busy machine only adds.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "bench/big_texts.h"
#include "bench/big_worlds.h"
#include "bench/child_cost.h"
#include "bench/families.h"
#include "bench/resident_change.h"
#include "bench/scratch_state.h"
#include "import/import.h"
#include "server/scratch_tree.h"
#include "state/world_load.h"
#include "tools/advise/advise.h"
#include "tools/check/machine_check.h"
#include "tools/dmsetup/dmsetup.h"

namespace dmdax::bench {
namespace {

constexpr double kMostRatio = 2.3;
constexpr double kMostBeside = 1.2;
constexpr int kRuns = 3;
constexpr int kTries = 4;

struct Kind {
  const char* name;
  size_t most;  // of one machine
  proto::World (*world)(size_t n);
};

constexpr Kind kKinds[] = {
    {"devices", 100000, ManyDevices},    {"disks", 100000, ManyDisks},
    {"mappings", 65530, ManyMappings},   {"chain", 256, Chain},
    {"deep chain", 8192, Chain},         {"legs", 30000, ManyLegs},
    {"rows", size_t{1} << 20, ManyRows}, {"files", 100000, ManyFiles},
    {"touches", 100000, ManyTouches},    {"dax ranges", 65536, ManyDaxRanges},
    {"daxes", 32768, ManyDaxes},         {"snapshots", 8192, ManySnapshots},
    {"thins", 8192, ManyThins},
};

// Prints the ratio; false if it is too high, or if the times are so short that
// it says nothing.
bool Doubling(const char* name, size_t n,
              absl::FunctionRef<double(size_t n)> seconds,
              double most = kMostRatio) {
  double ratio = 0;
  double once = 0, twice = 0;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const double a = seconds(n / 2), b = seconds(n);
    once = attempt == 0 ? a : std::min(once, a);
    twice = attempt == 0 ? b : std::min(twice, b);
    ratio = twice / std::max(once, 1e-6);
    if (ratio <= most) break;
  }
  const bool ok = ratio <= most;
  printf("%-14s %7zu -> %7zu: x%.2f%s\n", name, n / 2, n, ratio,
         ok ? "" : "  more than its input");
  return ok;
}

double LoadSeconds(const Kind& kind, size_t n) {
  const proto::World world = kind.world(n);
  return LeastCost(kRuns,
                   [&] {
                     ScratchState state;
                     absl::StatusOr<Session> session = LoadWorld(world);
                     if (!session.ok()) Die(session.status());
                     state.Write(*session);
                   })
      .cpu_seconds;
}

// What `dmdax check` may have many of.
struct CheckKind {
  const char* name;
  size_t most;  // of one machine
  proto::World (*world)(size_t n);
  const char* kernel = "";
  // Many that have a cure each, or one of many rows that has none.
  enum class Of { kCured, kRows } of = Of::kCured;
};

constexpr CheckKind kCheckKinds[] = {
    {"check files", 2000, MisalignedFiles},
    {"check extents", 2000, OffFiles},
    {"check apart", 2000, ApartFiles},
    {"check devices", 2000, MisalignedVolumes},
    {"check group", 2000, GroupVolumes},
    {"check stripes", 2000, StripedVolumes},
    {"check pairs", 2000, PairsOfFiles},
    {"check disks", 2000, ShiftedDisks},
    {"check reversed", 2000, ReversedRows, "", CheckKind::Of::kRows},
    {"check refused", 2000, RefusedMounts, "v4_14"},
};

double CheckSeconds(const CheckKind& kind, size_t n) {
  const proto::World world = kind.world(n);
  return LeastCost(kRuns,
                   [&] {
                     absl::StatusOr<MachineCheck> machine =
                         CheckMachine({world, {kind.kernel}, {}, Wish::kPmd});
                     if (!machine.ok()) Die(machine.status());
                     const bool cured = kind.of == CheckKind::Of::kCured;
                     // None has a large page, and each has its cure.
                     for (const SubjectReport& s : machine->subjects) {
                       const DaxCheck& check = s.checks[0];
                       if (check.now.pmd != 0 ||
                           (check.best.pte == 0) != cured ||
                           (check.best.pmd != 0) != cured) {
                         Die(absl::InternalError(s.name));
                       }
                     }
                     if (machine->subjects.size() != (cured ? n : 1)) {
                       Die(absl::InternalError(kind.name));
                     }
                   })
      .cpu_seconds;
}

struct AdviseKind {
  const char* name;
  uint64_t bytes;  // of each pmem
  AdviceWish wish;
};

// A volume that no pmem has room for, of as many rows as there are pmems; and
// wishes that nothing fulfills.
constexpr AdviseKind kAdviseKinds[] = {
    {"advise rows", 8 << 20, {}},
    {"advise pages", 2 << 20, {.fs = AdviseFs::kNone, .page = AdvisePage::k1G}},
    {"advise stripes", 2 << 20, {.size = 1 << 30, .stripes = 3}},
};

double AdviseSeconds(const AdviseKind& kind, size_t n) {
  const proto::World world = FreePmems(n, kind.bytes);
  return LeastCost(kRuns,
                   [&] {
                     absl::StatusOr<Advice> advice = Advise(
                         {.world = world, .kernels = {""}, .wish = kind.wish});
                     if (!advice.ok()) Die(advice.status());
                   })
      .cpu_seconds;
}

double ConciseSeconds(size_t n) {
  const std::string text = ManyConcise(n);
  return LeastCost(kRuns,
                   [&] {
                     ScratchState state;
                     state.Write(NewSession(DefaultKernelProfile(), 0));
                     const DmsetupResult result =
                         state.Run({"create", "--concise", text});
                     if (result.rc != 0) Die(absl::InternalError(result.err));
                   })
      .cpu_seconds;
}

// So many devices that programs make one after the other, each of whose
// changes is to be seen in the machine's tree of files.
double ResidentSeconds(size_t n) {
  // In memory, if there is enough: a disk's file system looks long for a place
  // where many files have come and gone.
  unsetenv("TMPDIR");
  return LeastCost(
             kRuns,
             [&] {
               Session session = NewSession(DefaultKernelProfile(), 0);
               absl::Status s = session.machine
                                    ->AddPmem({.name = "pmem0",
                                               .base = uint64_t{1} << 32,
                                               .size = uint64_t{1} << 40})
                                    .status();
               absl::StatusOr<std::unique_ptr<ScratchTree>> tree =
                   ScratchTree::Make();
               if (!tree.ok()) Die(tree.status());
               const auto change = [&](auto command, size_t i) {
                 DmIoctl param;
                 param.name = absl::StrCat("d", i);
                 if (s.ok()) s = command(param);
                 if (s.ok()) s = (*tree)->Sync(session);
               };
               for (size_t i = 0; i < n; ++i) {
                 change([&](auto& p) { return session.ctl->DevCreate(p); }, i);
                 change(
                     [&](auto& p) {
                       return session.ctl->TableLoad(
                           p, {{sector_t{0}, 8, "linear", "/dev/pmem0 0"}});
                     },
                     i);
                 change([&](auto& p) { return session.ctl->DevSuspend(p); }, i);
               }
               if (!s.ok()) Die(s);
             })
      .cpu_seconds;
}

struct ImportKind {
  const char* name;
  size_t most;
  std::string (*text)(size_t n);
};

constexpr ImportKind kImportKinds[] = {
    {"import rows", 32768, ConciseRows},
    {"import devices", 16384, ConciseDevices},
    {"import daxctl", 32768, DaxctlDevices},
    {"import lsblk", 8192, LsblkVolumes},
};

double ImportSeconds(const ImportKind& kind, size_t n) {
  const std::string text = kind.text(n);
  return LeastCost(kRuns,
                   [&] {
                     Importer importer;
                     absl::Status s = importer.AddBytes(text, kind.name);
                     if (!s.ok()) Die(s);
                     absl::StatusOr<Imported> machine = importer.Finish();
                     if (!machine.ok()) Die(machine.status());
                   })
      .cpu_seconds;
}

}  // namespace

int ReportGrowth(const Options& options) {
  bool ok = true;
  for (const Kind& kind : kKinds) {
    // With --max_targets smaller machines, for a look.
    const size_t n = std::min(kind.most, options.max_targets);
    ok &= Doubling(kind.name, n,
                   [&](size_t size) { return LoadSeconds(kind, size); });
  }
  for (const CheckKind& kind : kCheckKinds) {
    // A cure costs some eight times what a device does.
    const size_t n = std::min(kind.most, options.max_targets / 8);
    ok &= Doubling(kind.name, n,
                   [&](size_t size) { return CheckSeconds(kind, size); });
  }
  for (const AdviseKind& kind : kAdviseKinds) {
    const size_t n = std::min<size_t>(8192, options.max_targets);
    ok &= Doubling(kind.name, n,
                   [&](size_t size) { return AdviseSeconds(kind, size); });
  }
  for (const ImportKind& kind : kImportKinds) {
    const size_t n = std::min(kind.most, options.max_targets);
    ok &= Doubling(kind.name, n,
                   [&](size_t size) { return ImportSeconds(kind, size); });
  }
  const size_t n = std::min<size_t>(20000, options.max_targets);
  ok &= Doubling("concise", n, ConciseSeconds);
  // A device has some seventy files.
  ok &= Doubling("resident", std::min<size_t>(1024, options.max_targets),
                 ResidentSeconds);
  ok &= Doubling(
      "change", std::min<size_t>(100000, options.max_targets),
      [](size_t size) { return ResidentChangeSeconds(ManyDevices(size)); },
      kMostBeside);
  return ok ? 0 : 1;
}

}  // namespace dmdax::bench
