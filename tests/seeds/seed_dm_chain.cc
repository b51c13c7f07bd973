// SPDX-License-Identifier: Apache-2.0
//
// Seed 003: from a page of a mapped device to a page frame.
#include "absl/strings/str_cat.h"
#include "tests/seeds/lab.h"
#include "tests/seeds/row.h"

namespace dmdax::seeds {
namespace {

// Every page of a two-target linear lies where both rows say.
std::string EveryPageOfTwoLinears() {
  std::string said;
  for (const char* kernel : {"v4_14", "v5_10", "v6_1", "v6_12", "v7_2"}) {
    DmLab lab(kernel);
    if (!lab.Create("d",
                    "0 4096 linear /dev/pmem0 2048\n"
                    "4096 4096 linear /dev/pmem1 8192\n")
             .ok()) {
      return "not created";
    }
    int wrong = 0;
    for (uint64_t page = 0; page < 1024; ++page) {
      DaxReadLock lock;
      const DaxAccess access =
          DaxDirectAccess(&lab.Md("d").dax_dev(), pgoff_t(page), 1,
                          DaxAccessMode::kAccess, nullptr);
      const uint64_t want = page < 512
                                ? (uint64_t{1} << 20) + 256 + page
                                : (uint64_t{2} << 20) + 1024 + (page - 512);
      wrong += access.ret != 1 || access.pfn.value() != want;
    }
    absl::StrAppend(&said, kernel, ": 1024 pages, ", wrong, " wrong\n");
  }
  return said;
}

std::string ErrnosAndClamps() {
  std::string said;
  for (const char* kernel : {"v4_14", "v6_1", "v6_12"}) {
    DmLab lab(kernel);
    (void)lab.Create("d",
                     "0 800 linear /dev/pmem0 4096\n"
                     "800 4096 linear /dev/pmem1 0\n");
    absl::StrAppend(&said, kernel,
                    ":\n  page 0, 512 asked: ", lab.Access("d", 0, 512),
                    "\n  page 0, 64 asked: ", lab.Access("d", 0, 64),
                    "\n  page 0, -1 asked: ", lab.Access("d", 0, -1),
                    "\n  past the end: ", lab.Access("d", 1000, 1), "\n");
    DmIoctl io{.name = "empty"};
    (void)lab.ctl->DevCreate(io);
    absl::StrAppend(&said, "  without a table: ", lab.Access("empty", 0, 1),
                    "\n");
    lab.Md("d").dax_dev().Kill();
    absl::StrAppend(&said, "  dead: ", lab.Access("d", 0, 1), "\n");
  }
  return said;
}

std::string LiveTargetOfAPage() {
  std::string said;
  for (const char* kernel : {"v4_14", "v5_10", "v6_1"}) {
    DmLab lab(kernel);
    (void)lab.Create("even",
                     "0 16 linear /dev/pmem0 0\n16 16 linear /dev/pmem1 0\n");
    (void)lab.Create("odd",
                     "0 20 linear /dev/pmem0 0\n20 20 linear /dev/pmem1 4\n");
    absl::StrAppend(
        &said, kernel,
        ":\n  boundary at sector 16, page 1: ", lab.Access("even", 1, 8),
        "\n  page 2: ", lab.Access("even", 2, 8),
        "\n  page 4, beyond: ", lab.Access("even", 4, 1),
        "\n  boundary at sector 20, page 1: ", lab.Access("odd", 1, 8),
        "\n  page 2, 4 sectors left: ", lab.Access("odd", 2, 8),
        "\n  page 3: ", lab.Access("odd", 3, 8), "\n");
  }
  return said;
}

// Pages of a stripe of two legs and 16 sectors that are not where arithmetic
// puts them.
int WrongPages(DmLab& lab) {
  int wrong = 0;
  for (uint64_t p = 0; p < 8192; ++p) {
    DaxReadLock lock;
    const DaxAccess access =
        DaxDirectAccess(&lab.Md("s").dax_dev(), pgoff_t(p), 64,
                        DaxAccessMode::kAccess, nullptr);
    const uint64_t base = ((p / 2) % 2 + 1) << 20;
    const int64_t left = static_cast<int64_t>(2 - p % 2);
    wrong +=
        access.pfn.value() != base + p / 4 * 2 + p % 2 || access.ret != left;
  }
  return wrong;
}

// Depth 4 is the sum of the offsets; a stripe is arithmetic.
std::string NestedAndStriped() {
  std::string said;
  for (const char* kernel : {"v4_14", "v5_10", "v6_1", "v7_2"}) {
    DmLab lab(kernel);
    (void)lab.Create("a", "0 65536 linear /dev/pmem0 8\n");
    (void)lab.Create("b", "0 60000 linear /dev/mapper/a 80\n");
    (void)lab.Create("c", "0 50000 linear /dev/mapper/b 800\n");
    (void)lab.Create("d", "0 40000 linear /dev/mapper/c 8000\n");
    (void)lab.Create("s", "0 65536 striped 2 16 /dev/pmem0 0 /dev/pmem1 0\n");
    (void)lab.Create("w", "0 65536 striped 2 8192 /dev/pmem0 0 /dev/pmem1 0\n");
    absl::StrAppend(&said, kernel, ": depth 4, page 0 is page ",
                    1 + 10 + 100 + 1000, " of pmem0: ", lab.Access("d", 0, 1),
                    "\n  striped 2 x 16 sectors: 8192 pages, ", WrongPages(lab),
                    " wrong\n  striped 2 x 8192 sectors, 1024 asked: ",
                    lab.Access("w", 0, 1024), "\n");
  }
  return said;
}

std::string MisalignedStart() {
  std::string said;
  for (const char* kernel : {"v4_14", "v5_10", "v6_1", "v6_12"}) {
    DmLab lab(kernel);
    (void)lab.Create("d", "0 2040 linear /dev/pmem0 1\n");
    const BioMap bio = lab.Md("d").MapBio(sector_t(0), ReqOp::kRead);
    absl::StrAppend(&said, kernel, ": ", lab.Type("d"),
                    "\n  page 0: ", lab.Access("d", 0, 1),
                    "\n  a bio of sector 0: sector ", bio.sector.value(),
                    " of the leg\n");
  }
  return said;
}

}  // namespace

absl::Span<const SeedRow> DmChainRows() {
  static constexpr SeedRow kRows[] = {
      {"3.9", "forwarding: dm pgoff to leg pgoff, page by page",
       EveryPageOfTwoLinears},
      {"3.12", "dax_direct_access, dm_dax_direct_access: errnos and clamps",
       ErrnosAndClamps},
      {"3.13", "dm_dax_get_live_target", LiveTargetOfAPage},
      {"3.14", "linear_map_sector nested, stripe_map_sector", NestedAndStriped},
      {"3.15", "a leg that starts inside a page", MisalignedStart},
  };
  return kRows;
}

}  // namespace dmdax::seeds
