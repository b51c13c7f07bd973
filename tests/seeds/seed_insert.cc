// SPDX-License-Identifier: Apache-2.0
//
// Seed 002: vmf_insert_pfn_pud() and vmf_insert_pfn_pmd(), line by line, called
// by a driver of one's own.
#include <sys/mman.h>

#include "absl/strings/str_cat.h"
#include "tests/seeds/driver_lab.h"
#include "tests/seeds/lab.h"
#include "tests/seeds/row.h"

namespace dmdax::seeds {
namespace {

constexpr FrameKind kKinds[] = {FrameKind::kPlain, FrameKind::kDevMap};

const char* KindWords(FrameKind kind) {
  return kind == FrameKind::kPlain ? "plain frame" : "devmap frame";
}

struct Case {
  const char* words;
  FrameKind kind;
  uint64_t vm_flags;
  int flags = MAP_SHARED;
  HugeSize size = HugeSize::kPud;
};

// One write to a fresh mapping of 1 GiB for each case.
std::string Touches(absl::Span<const char* const> kernels,
                    absl::Span<const Case> cases) {
  return PerKernel(kernels, [&](const char* kernel) {
    std::string said;
    for (const Case& c : cases) {
      DriverLab lab(kernel, InsertsAt(c.size, c.kind), c.vm_flags);
      (void)lab.Map(kAddr, k1G, PROT_READ | PROT_WRITE, c.flags | MAP_FIXED);
      absl::StrAppend(&said, "  ", c.words, ": ", lab.TouchWords(kAddr, true),
                      "\n");
    }
    return said;
  });
}

// The protection is the VMA's; the number is a pfn_t until 6.16.
std::string ArgumentsOfTheInsertion() {
  return "emulated: the address argument of 4.14 is the fault's own (2.14 "
         "shows the difference)\n" +
         PerKernel(kX86Kernels, [](const char* kernel) {
           std::string said;
           for (const int prot : {PROT_READ, PROT_READ | PROT_WRITE}) {
             DriverLab lab(kernel,
                           InsertsAt(HugeSize::kPud, FrameKind::kDevMap),
                           VM_MIXEDMAP);
             (void)lab.Map(kAddr, k1G, prot);
             absl::StrAppend(
                 &said,
                 prot == PROT_READ ? "  PROT_READ: " : "  PROT_WRITE too: ",
                 lab.TouchWords(kAddr, false), "\n");
             absl::StrAppend(
                 &said, "  ",
                 FaultEventText(*lab.profile, lab.recorder.events()[1]), "\n");
           }
           return said;
         });
}

std::string NeitherFlag() {
  return Touches(kX86Kernels, {{"plain frame", FrameKind::kPlain, 0},
                               {"devmap frame", FrameKind::kDevMap, 0}});
}

std::string BothFlags() {
  return Touches(kX86Kernels,
                 {{"one flag", FrameKind::kDevMap, VM_MIXEDMAP},
                  {"both", FrameKind::kDevMap, VM_PFNMAP | VM_MIXEDMAP}});
}

std::string PrivatePfnmap() {
  return Touches(
      kX86Kernels,
      {{"VM_PFNMAP, shared", FrameKind::kDevMap, VM_PFNMAP},
       {"VM_PFNMAP, private", FrameKind::kDevMap, VM_PFNMAP, MAP_PRIVATE}});
}

std::string FramesWithoutDevmap() {
  static constexpr Case kCases[] = {
      {"PMD, plain frame", FrameKind::kPlain, VM_PFNMAP, MAP_SHARED,
       HugeSize::kPmd},
      {"PMD, devmap frame", FrameKind::kDevMap, VM_PFNMAP, MAP_SHARED,
       HugeSize::kPmd},
      {"PUD, plain frame", FrameKind::kPlain, VM_PFNMAP},
      {"PUD, devmap frame", FrameKind::kDevMap, VM_PFNMAP},
  };
  // arm64 of 4.14 has no huge PUDs: its module does not load (2.6).
  return Touches(kX86Kernels, kCases) +
         Touches({"arm64_4_14"}, absl::MakeConstSpan(kCases).first(2));
}

// A fault at `start` + `at` of a VMA of 1 GiB, the insertion told `moved`
// bytes further.
std::string Ranges() {
  struct Range {
    const char* words;
    uint64_t start, at;
    int64_t moved;
  };
  static constexpr Range kRanges[] = {
      {"the first page of an aligned VMA", 0, 0, 0},
      {"a page inside, the VMA starting 2 MiB after 1 GiB", k2M, k4K, 0},
      {"its next 1 GiB, where it ends", k2M, k1G - k2M, 0},
      {"an address before the VMA", 0, 0, -int64_t{k4K}},
      {"an address after the VMA", 0, 0, int64_t{k1G}},
  };
  return PerKernel(kX86Kernels, [](const char* kernel) {
    std::string said;
    for (const Range& range : kRanges) {
      const FaultHandler insert = InsertsAt(HugeSize::kPud, FrameKind::kDevMap);
      DriverLab lab(
          kernel,
          [&](VmFault& vmf, int order) {
            vmf.address += range.moved;
            return insert(vmf, order);
          },
          VM_PFNMAP);
      (void)lab.Map(kAddr + range.start, k1G);
      absl::StrAppend(&said, "  ", range.words, ": ",
                      lab.TouchWords(kAddr + range.start + range.at, true),
                      "\n");
    }
    return said;
  });
}

// The driver inserts `first` and then, unless `again` is negative, page
// `again` at the same PUD.
std::string InsertWords(const char* kernel, FrameKind kind, int prot,
                        bool write, int64_t again = -1,
                        bool again_write = false) {
  DriverLab* self = nullptr;
  DriverLab lab(
      kernel,
      [&](VmFault& vmf, int) {
        FlaggedPfn frame = self->DevFrame(0);
        if (kind == FrameKind::kPlain) frame = {.pfn = frame.pfn};
        const vm_fault_t ret = VmfInsertPfnPud(vmf, frame, write);
        if (again < 0) return ret;
        frame.pfn = self->Frame(static_cast<uint64_t>(again));
        return VmfInsertPfnPud(vmf, frame, again_write);
      },
      VM_PFNMAP);
  self = &lab;
  (void)lab.Map(kAddr, k1G, prot);
  return absl::StrCat(lab.TouchWords(kAddr, false), "\n");
}

// insert_pfn_pud(): the entry it makes, and one that is there already.
std::string EntriesOfThePud() {
  constexpr int64_t kOther = k1G / k4K;
  constexpr int kRw = PROT_READ | PROT_WRITE;
  return PerKernel(kX86Kernels, [](const char* kernel) {
    std::string said;
    for (const FrameKind kind : kKinds) {
      absl::StrAppend(&said, "  ", KindWords(kind), ": ",
                      InsertWords(kernel, kind, kRw, false));
    }
    const auto say = [&](const char* words, int prot, bool write,
                         int64_t again = -1, bool again_write = false) {
      absl::StrAppend(&said, "  ", words, ": ",
                      InsertWords(kernel, FrameKind::kDevMap, prot, write,
                                  again, again_write));
    };
    say("for a write", kRw, true);
    say("for a write, no VM_WRITE", PROT_READ, true);
    say("then again for a write", kRw, false, 0, true);
    say("then another frame for a read", kRw, false, kOther, false);
    say("then another frame for a write", kRw, false, kOther, true);
    return said;
  });
}

}  // namespace

absl::Span<const SeedRow> InsertRows() {
  static constexpr SeedRow kRows[] = {
      {"2.9", "vmf_insert_pfn_pud: its arguments and the protection",
       ArgumentsOfTheInsertion},
      {"2.10", "BUG_ON neither VM_PFNMAP nor VM_MIXEDMAP", NeitherFlag},
      {"2.11", "BUG_ON both", BothFlags},
      {"2.12", "BUG_ON VM_PFNMAP of a private mapping", PrivatePfnmap},
      {"2.13", "BUG_ON a frame without devmap", FramesWithoutDevmap},
      {"2.14", "an address outside the VMA", Ranges},
      {"2.15", "insert_pfn_pud: the entry", EntriesOfThePud},
  };
  return kRows;
}

}  // namespace dmdax::seeds
