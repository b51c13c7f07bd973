// SPDX-License-Identifier: Apache-2.0
//
// Seed 004: device-dax pages that are counted when they are mapped (6.15).
#include <sys/mman.h>

#include <functional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/kernel_profile.h"
#include "mm/gup.h"
#include "tests/seeds/driver_lab.h"
#include "tests/seeds/lab.h"
#include "tests/seeds/row.h"

namespace dmdax::seeds {
namespace {

constexpr pfn_t kFirst = DevDaxLab::kFirst;

// The life of one mapping of a device with this alignment.
std::string CountsOverALife(const char* kernel, uint64_t align) {
  DevDaxLab lab(kernel, align);
  (void)lab.Map(2 * align);
  std::string said =
      absl::StrCat("  mapped, not touched: ", lab.CountWords(), "\n");
  lab.Touch(0, true);
  absl::StrAppend(&said, "  touched: ", lab.CountWords(), "\n");
  lab.Touch(align, true);
  absl::StrAppend(&said, "  its neighbour too: ", lab.CountWords(), "\n");
  (void)lab.mm->Munmap(kAddr, 2 * align);
  absl::StrAppend(&said, "  unmapped: ", lab.CountWords(), "\n");
  return said;
}

std::string CountedOrNot() {
  return PerKernel(kX86Kernels, [](const char* kernel) {
    return CountsOverALife(kernel, k4K);
  });
}

// get_user_pages() of a mapped page, then of one whose pagemap is dying.
std::string GupAndThePagemap() {
  return PerKernel(kX86Kernels, [](const char* kernel) {
    DevDaxLab lab(kernel);
    (void)lab.Map(k4K);
    lab.Touch(0, true);
    std::string said = absl::StrCat("  ", EntryWords(*lab.mm, kAddr), "\n");
    DevPagemap* pgmap = nullptr;
    const FollowedPage page =
        FollowPage(*lab.mm, *lab.mm->FindVma(kAddr), kAddr, FOLL_GET, &pgmap);
    absl::StrAppendFormat(&said,
                          "  GUP: %s, pgmap references %d, page count %d\n",
                          page.found ? "a page" : "none",
                          lab.dax->pagemap(0)->refs, lab.mem->Refcount(kFirst));
    if (pgmap != nullptr) MemMap::PutDevPagemap(pgmap);
    PutUserPages(*lab.mm, {page.pfn}, FOLL_GET);
    lab.dax->pagemap(0)->ref_live = false;
    absl::StrAppend(&said, "  GUP with a dying pgmap: ",
                    Words(GetUserPages(*lab.mm, kAddr, 1, FOLL_GET).status()),
                    "\n");
    return said;
  });
}

// What `say` says of a device of each alignment after its first touch.
std::string AtEachAlign(
    bool write,
    const std::function<std::string(DevDaxLab&, const FaultOutcome&)>& say) {
  return PerKernel(kX86Kernels, [&](const char* kernel) {
    std::string said;
    for (const uint64_t align : {k4K, k2M, k1G}) {
      DevDaxLab lab(kernel, align);
      (void)lab.Map(k1G);
      const FaultOutcome outcome = lab.Touch(0, write);
      said += say(lab, outcome);
    }
    return said;
  });
}

std::string WhatVmNormalPageSays() {
  return AtEachAlign(true, [](DevDaxLab& lab, const FaultOutcome& outcome) {
    const std::optional<pfn_t> page = VmNormalPage(
        *lab.mm, *lab.mm->FindVma(kAddr), kAddr, outcome.entry, outcome.order);
    return absl::StrCat(
        "  ", OrderName(*lab.profile, outcome.order), ": ",
        page ? absl::StrFormat("page 0x%x", page->value()) : "NULL", "\n");
  });
}

// What one device and one process say, in lines.
std::vector<std::string> LinesOfAMapping(const char* kernel) {
  DevDaxLab lab(kernel, k2M);
  std::vector<std::string> lines;
  lines.push_back(absl::StrCat("mmap: ", Words(lab.Map(2 * k2M))));
  lines.push_back(absl::StrCat(
      "hooks: ", HookNames(lab.mm->FindVma(kAddr)->vm_ops->hooks())));
  lines.push_back(
      absl::StrCat("VMA: ", VmFlagsText(lab.mm->FindVma(kAddr)->vm_flags)));
  lines.push_back(absl::StrCat("touch: ", lab.TouchWords(0, true)));
  for (const FaultEvent& event : lab.recorder.events()) {
    lines.push_back(FaultEventText(*lab.profile, event));
  }
  lines.push_back(absl::StrCat("entry: ", EntryWords(*lab.mm, kAddr)));
  lines.push_back(absl::StrCat("pages: ", lab.CountWords()));
  (void)lab.mm->Munmap(kAddr, 2 * k2M);
  lines.push_back(absl::StrCat("after munmap: ", lab.CountWords()));
  return lines;
}

std::string WhatThePatchChanged() {
  std::string said =
      "emulated: files of the kernel are not known here; the lines of one "
      "mapping that the patch changed\nare the insertion (device.c) and the "
      "counts (memremap.c)\n";
  const std::vector<std::string> before = LinesOfAMapping("v6_12");
  const std::vector<std::string> after = LinesOfAMapping("v6_16");
  if (before.size() != after.size()) return "not the same lines";
  for (size_t i = 0; i < before.size(); ++i) {
    if (before[i] == after[i]) {
      absl::StrAppend(&said, "  ", before[i], "\n");
    } else {
      absl::StrAppend(&said, "- ", before[i], "\n+ ", after[i], "\n");
    }
  }
  return said;
}

std::string FlagsOfTheFrame() {
  return AtEachAlign(false, [](DevDaxLab& lab, const FaultOutcome&) {
    std::string said;
    for (const FaultEvent& event : lab.recorder.events()) {
      const std::string text = FaultEventText(*lab.profile, event);
      if (text.find(" pfn") == std::string::npos) continue;
      absl::StrAppend(&said, "  ", text, "\n");
    }
    return absl::StrCat(said, "    ", EntryWords(*lab.mm, kAddr), "\n");
  });
}

std::string IndexWords(const DevDaxLab& lab, uint64_t page) {
  const std::optional<uint64_t> index = lab.dax->PageIndex(kFirst + page);
  return index ? absl::StrCat(*index) : "not set";
}

// page->index of the third page of the second 2 MiB, which is mapped alone.
std::string MappingOfThePages() {
  return PerKernel(kX86Kernels, [](const char* kernel) {
    std::string said;
    for (const bool compound : {true, false}) {
      DevDaxLab lab(kernel, k2M, compound);
      (void)lab.Map(2 * k2M);
      const FaultOutcome outcome = lab.Touch(k2M + 2 * k4K, true);
      absl::StrAppend(&said, compound ? "  as the kernel" : "  single pages",
                      " (", outcome.sig != 0 ? "SIGBUS" : "mapped",
                      "): index of pages 0, 512, 514: ", IndexWords(lab, 0),
                      ", ", IndexWords(lab, 512), ", ", IndexWords(lab, 514),
                      "\n");
    }
    return said;
  });
}

// The idle counts, and the last reference of a page.
std::string IdleCounts() {
  return PerKernel(kX86Kernels, [](const char* kernel) {
    const FaultProfile& profile = (*FindKernelProfile(kernel))->fault;
    MemMap mem(profile);
    std::string said;
    for (const MemoryType type : {MemoryType::kGeneric, MemoryType::kFsDax}) {
      mem.AddPagemap({.start = kFirst, .nr = 512, .type = type});
      absl::StrAppend(&said,
                      type == MemoryType::kGeneric ? "  GENERIC" : "  FS_DAX",
                      ": idle ", mem.Refcount(kFirst));
      mem.Get(kFirst);
      absl::StrAppend(&said, ", taken ", mem.Refcount(kFirst));
      mem.Put(kFirst);
      absl::StrAppend(&said, ", put ", mem.Refcount(kFirst));
      // free_zone_device_folio() of 6.15 makes a page idle again.
      if (profile.dax_pages_are_normal && mem.Refcount(kFirst) > 0) {
        mem.Put(kFirst);
        absl::StrAppend(&said, ", its last reference put ",
                        mem.Refcount(kFirst));
      }
      absl::StrAppend(&said, "\n");
      mem.RemovePagemap(mem.FindPagemap(kFirst));
    }
    FileLab file(kernel);
    file.Extent(0, 16 << 20, 8 << 20);
    (void)file.Map();
    const pfn_t pfn = file.Touch(0, true).pfn;
    absl::StrAppend(&said, "  a DAX file's page: mapped ",
                    file.mem->Refcount(pfn));
    (void)file.mm->Munmap(kAddr, 8 << 20);
    absl::StrAppend(&said, ", unmapped ", file.mem->Refcount(pfn), "\n");
    return said;
  });
}

}  // namespace

absl::Span<const SeedRow> RefcountRows() {
  static constexpr SeedRow kRows[] = {
      {"4.1", "counted when mapped, or not", CountedOrNot},
      {"4.2", "the devmap bit; GUP and the pagemap", GupAndThePagemap},
      {"4.3", "vm_normal_page of a device-dax entry", WhatVmNormalPageSays},
      {"4.4", "what the patch changed", WhatThePatchChanged},
      {"4.5", "the flags of the frame", FlagsOfTheFrame},
      {"4.6", "dax_set_mapping is kept", MappingOfThePages},
      {"4.12", "idle reference counts", IdleCounts},
  };
  return kRows;
}

}  // namespace dmdax::seeds
